"""One task that looks at every running request a few times a second: deadlines, held-back starts, pings.

A timer per chunk would cost more than the chunk; here a chunk only notes the time.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from providers.errors import ErrorKind

if TYPE_CHECKING:
    from streaming.exchange import Exchange

TICK = 0.1
NEVER = math.inf


class Watch:
    """The deadlines of one attempt, in event-loop seconds. `touch` on every event; `pause` while the client is slow."""

    __slots__ = ("_idle", "due", "kind", "total_due")

    def __init__(self) -> None:
        self.due = NEVER
        self.total_due = NEVER
        self.kind = ErrorKind.CONNECT_TIMEOUT
        self._idle = NEVER

    def begin(self, now: float, *, connect: float, idle: float, total: float) -> None:
        """An attempt starts."""
        self.kind = ErrorKind.CONNECT_TIMEOUT
        self.due = now + connect
        self.total_due = now + total
        self._idle = idle

    def expect_first_event(self, now: float, seconds: float) -> None:
        """A connection stands and the request is on its way."""
        self.kind = ErrorKind.FIRST_EVENT_TIMEOUT
        self.due = now + seconds

    def touch(self, now: float) -> None:
        """An event arrived."""
        self.kind = ErrorKind.IDLE_TIMEOUT
        self.due = now + self._idle

    def end(self) -> None:
        """The attempt is over."""
        self.due = self.total_due = NEVER

    def expired(self, now: float) -> ErrorKind | None:
        """Which deadline has passed, if any."""
        if now >= self.total_due:
            return ErrorKind.TOTAL_TIMEOUT
        return self.kind if now >= self.due else None


class Sweeper:
    """Runs while the process serves; `add` and `discard` requests."""

    def __init__(self) -> None:
        self.exchanges: set[Exchange] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the task in the running loop."""
        self._task = asyncio.create_task(self._run(), name="sweeper")

    async def stop(self) -> None:
        """End the task."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(TICK)
            now = loop.time()
            for exchange in tuple(self.exchanges):
                exchange.tick(now)
