"""Requests with refused client keys, from the workers that had them to whoever waits for a first request.

Whoever waits may be in another window meanwhile: workers note them for minutes after the last look of a page.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime

from django.db import connection

from proxysite.live import samples
from proxysite.live.rows import RENEW
from proxysite.live.thread import INTERVAL, Sleeper
from routing.loading import revision
from routing.models import Signal
from streaming.refused_notes import Notes
from streaming.runtime import Runtime
from usage.live.refusals import Note, decode, encode

LOOK = 300.0
"""Seconds for which workers note them after a look."""
PAUSE = 0.3
"""Seconds between two times that a worker writes."""
_renew_at = 0.0


def wait_for_some() -> None:
    """Has all workers note them, for `LOOK` seconds from when they notice. Call it with each look."""
    global _renew_at
    if time.monotonic() >= _renew_at:
        revision.signal(Signal.Name.REFUSALS)
        _renew_at = time.monotonic() + RENEW


def since(moment: datetime) -> list[Note]:
    """Returns what all workers noted since a moment: one request of each address, the newest first."""
    notes = [note for _, content in samples.of_refusals().read().values() for note in decode(content)]
    newest = {note.address: note for note in sorted(notes, key=lambda one: one.at) if note.at >= moment.timestamp()}
    return sorted(newest.values(), key=lambda one: -one.at)


class RefusalReporter(Sleeper):
    """Has them noted while somebody waits for one, and writes what was noted."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__("refused keys")
        self._runtime = runtime
        self._samples = samples.of_refusals()
        self._until = self._due = 0.0
        self._new = self._written = False

    def start(self) -> None:
        """Starts the thread; call it in the event loop."""
        self._runtime.store.subscribe_signals(self._signalled)
        super().start()

    def _signalled(self, name: str) -> None:
        if name == Signal.Name.REFUSALS:
            self._until = time.monotonic() + LOOK
            keys = self._runtime.refused_keys
            if keys.notes is None:
                keys.notes = Notes(keys.proxies, self._noted)
                self._wake.set()

    def _noted(self) -> None:
        self._new = True
        self._wake.set()

    def _sleep(self) -> float | None:
        if self._runtime.refused_keys.notes is None:
            at = self._due if self._written else None
        else:
            at = self._due if self._new else self._until
        return None if at is None else max(0.0, at - time.monotonic())

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        now, notes = time.monotonic(), self._runtime.refused_keys.notes
        if now >= self._until:
            self._runtime.refused_keys.notes = None
            self._end()
            connection.close()
        elif notes is not None and self._new and now >= self._due:
            self._due, self._written, self._new = now + PAUSE, True, False
            try:
                self._samples.write(self._runtime.sharing.worker, encode(notes.taken()))
            except BaseException:
                self._new = True
                raise

    def _end(self) -> None:
        if self._written:
            self._samples.forget(self._runtime.sharing.worker)
            self._written = False

    def _put_off(self) -> None:
        self._due = time.monotonic() + INTERVAL
