"""One thread per worker, which sleeps until somebody looks or has a stream cut."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

from django.db import connection

from proxysite.live import rows, sampling
from proxysite.live.thread import INTERVAL, Sleeper, in_loop
from routing.models import Signal
from streaming.exchange.lifecycle import Ending
from streaming.runtime import Runtime
from usage.live.streams import Sample


class LiveReporter(Sleeper):
    """Writes samples while a look lasts, and cuts streams."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__("live")
        self._runtime = runtime
        self._sampler = sampling.Sampler(runtime)
        self._cuts = False
        self._until = self._due = 0.0
        self._written = False

    def start(self) -> None:
        """Starts the thread; call it in the event loop."""
        self._runtime.store.subscribe_signals(self._signalled)
        super().start()

    def _signalled(self, name: str) -> None:
        if name == Signal.Name.LIVE:
            self._until = time.monotonic() + rows.LOOK
        elif name == Signal.Name.CUT:
            self._cuts = True
        else:
            return
        self._wake.set()

    def _sleep(self) -> float | None:
        waits = self._written or self._cuts
        return max(0.0, self._due - time.monotonic()) if waits else None

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._cuts:
            # What is asked for during the look is for the next one.
            self._cuts = False
            try:
                self._cut(loop)
            except BaseException:
                self._cuts = True
                raise
        now = time.monotonic()
        if now < self._due:
            return
        if now < self._until:
            self._due, self._written = now + INTERVAL, True
            rows.write(self._runtime.sharing.worker, in_loop(loop, self._sampled()))
        else:
            self._end()
            connection.close()

    def _cut(self, loop: asyncio.AbstractEventLoop) -> None:
        asked = dict(rows.to_cut())
        if asked:
            found = in_loop(loop, self._interrupted(set(asked.values())))
            rows.have_cut([number for number, identity in asked.items() if identity in found])

    async def _interrupted(self, identities: set[UUID]) -> set[UUID]:
        found = set()
        for exchange in tuple(self._runtime.exchanges):
            identity = exchange.account.request.id
            if identity in identities:
                exchange.interrupt(Ending.CUT)
                if exchange.lifecycle.ending is Ending.CUT:
                    found.add(identity)
        return found

    async def _sampled(self) -> Sample:
        return self._sampler.sample()

    def _end(self) -> None:
        if self._written:
            self._written = False
            rows.forget(self._runtime.sharing.worker)

    def _put_off(self) -> None:
        self._due = time.monotonic() + INTERVAL
