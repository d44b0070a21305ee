"""One task that looks at all running requests a few times a second, and sleeps while there are none."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Protocol

from streaming.exchange.lag import LoopLag

logger = logging.getLogger("gateway.request")

INTERVAL = 0.1
"""Seconds between two looks."""


class Swept(Protocol):
    """What the sweeper looks at."""

    def tick(self, now: float, late: float = 0.0) -> object:
        """Does what is due at `now`, in the event loop's seconds; the loop was `late` by so many of them."""
        ...


class Sweeper:
    """Ticks each member of `running` while the process serves, and measures the event loop's `lag`.

    It sleeps while there are none: whoever adds one calls `wake`, and who needs the lag besides stays in `awake`.
    """

    def __init__(self, running: Collection[Swept]) -> None:
        self._running = running
        self.lag = LoopLag()
        self._guests = 0
        self._chores: list[_Chore] = []
        self._task: asyncio.Task[None] | None = None
        self._asleep: asyncio.Future[None] | None = None

    def add_chore(self, seconds: float, do: Callable[[], object]) -> None:
        """Calls a function every so many seconds, while there are members."""
        self._chores.append(_Chore(seconds, do))

    def start(self) -> None:
        """Starts the task in the running loop."""
        self._task = asyncio.create_task(self._run(), name="sweeper")

    async def stop(self) -> None:
        """Ends the task."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def wake(self) -> None:
        """Ends its sleep, because there is a member."""
        # Hot: each request.
        asleep = self._asleep
        if asleep is not None:
            self._asleep = None
            self.lag.expect(asleep.get_loop().time() + INTERVAL)
            if not asleep.done():
                asleep.set_result(None)

    @contextmanager
    def awake(self) -> Iterator[LoopLag]:
        """Measures the lag inside, whether there are members or not."""
        self._guests += 1
        self.wake()
        try:
            yield self.lag
        finally:
            self._guests -= 1

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                if not self._running and not self._guests:
                    self._asleep = loop.create_future()
                    await self._asleep
                else:
                    self.lag.expect(loop.time() + INTERVAL)
                await asyncio.sleep(INTERVAL)
                now = loop.time()
                late = self.lag.measure(now)
                for swept in tuple(self._running):
                    swept.tick(now, late)
                for chore in self._chores:
                    chore.tick(now)
        finally:
            self._asleep = None


class _Chore:
    """Something that is done every so many seconds."""

    __slots__ = ("_do", "_due", "_seconds")

    def __init__(self, seconds: float, do: Callable[[], object]) -> None:
        self._do = do
        self._due = -math.inf
        self._seconds = seconds

    def tick(self, now: float) -> None:
        """Does it if it is due."""
        if now >= self._due:
            self._due = now + self._seconds
            try:
                self._do()
            except Exception:
                # The sweeper must go on.
                logger.exception("looking after running requests failed")
