"""One thread per worker, which sleeps until somebody looks or has a stream cut."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Coroutine
from typing import Any, TypeVar
from uuid import UUID

from django.db import Error as DatabaseError
from django.db import connection

from proxysite.live import rows, sampling
from routing.models import Signal
from streaming.exchange.lifecycle import Ending
from streaming.runtime import Runtime
from usage.live.streams import Sample

logger = logging.getLogger("gateway.live")

INTERVAL = 1.0
"""Seconds between two samples."""
_PATIENCE = 5.0
T = TypeVar("T")


class LiveReporter:
    """Writes samples while a look lasts, and cuts streams. A companion of the runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._sampler = sampling.Sampler(runtime)
        self._wake = threading.Event()
        self._stopping = False
        self._cuts = False
        self._until = self._due = 0.0
        self._written = self._failing = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread; call it in the event loop."""
        self._stopping = False
        loop = asyncio.get_running_loop()
        self._runtime.store.subscribe_signals(self._signalled)
        self._thread = threading.Thread(target=self._run, args=(loop,), name="live", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        thread, self._thread = self._thread, None
        self._stopping = True
        self._wake.set()
        if thread is not None:
            thread.join(_PATIENCE)

    def _signalled(self, name: str) -> None:
        if name == Signal.Name.LIVE:
            self._until = time.monotonic() + rows.LOOK
        elif name == Signal.Name.CUT:
            self._cuts = True
        self._wake.set()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            while not self._stopping:
                waits = self._written or self._cuts
                self._wake.wait(max(0.0, self._due - time.monotonic()) if waits else None)
                self._wake.clear()
                try:
                    if self._stopping:
                        self._end()
                    else:
                        self._work(loop)
                    self._failing = False
                except (DatabaseError, TimeoutError) as error:
                    self._failed(error)
                except Exception:
                    # The thread must go on.
                    logger.exception("the live view failed")
                    self._due = time.monotonic() + INTERVAL
        finally:
            connection.close()

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
            rows.write(self._runtime.sharing.worker, _in(loop, self._sampled()))
        else:
            self._end()
            connection.close()

    def _cut(self, loop: asyncio.AbstractEventLoop) -> None:
        asked = dict(rows.to_cut())
        if asked:
            found = _in(loop, self._interrupted(set(asked.values())))
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

    def _failed(self, error: Exception) -> None:
        if not self._failing:
            logger.warning("the live view waits for the database", extra={"fields": {"cause": str(error)}})
        self._failing = True
        self._due = time.monotonic() + INTERVAL
        connection.close()


def _in(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """Runs it in the event loop. Raises TimeoutError."""
    return asyncio.run_coroutine_threadsafe(work, loop).result(_PATIENCE)
