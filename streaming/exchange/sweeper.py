"""One task that looks at all running requests, and sleeps while there are none.

It looks ten times a second while something may be due, and once a second while streams flow that have time: for a
quiet process each look is a time that it wakes.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from streaming.exchange.lag import LoopLag

logger = logging.getLogger("gateway.request")

INTERVAL = 0.1
"""Seconds between two looks."""
LONG_INTERVAL = 1.0
"""Seconds between two looks while nothing is due within twice as many."""
_CLOSELY: Final = 5.0
"""Seconds for which it looks closely after the event loop was late."""


class Swept(Protocol):
    """What the sweeper looks at."""

    def tick(self, now: float, late: float = 0.0, most: float = 0.0) -> float:
        """Does what is due at `now`, in the event loop's seconds; returns before when nothing else will be, `now` or
        less where that is not known.

        The loop was `late` by so many seconds, and `most` by so many: where no look was due it may have stood still
        unseen.
        """
        ...


class Sweeper:
    """Ticks each member of `running` while the process serves, and measures the event loop's `lag`.

    It sleeps while there are none: whoever adds one calls `wake`, and who needs the lag besides stays in `awake`.
    """

    def __init__(self, running: Collection[Swept]) -> None:
        self._running = running
        self.lag = LoopLag(self.wake)
        self._guests = 0
        self._chores: list[_Chore] = []
        self._task: asyncio.Task[None] | None = None
        self._asleep: asyncio.Future[bool] | None = None
        self._seen = self._due = 0.0
        self._closely_until = -math.inf

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
        """Looks in an INTERVAL at the latest, because there is a member, or something new about one."""
        # Hot: each request.
        asleep = self._asleep
        if asleep is not None:
            now = asleep.get_loop().time()
            if self._due > now + INTERVAL:
                self._asleep = None
                self._expect(now, INTERVAL)
                if not asleep.done():
                    asleep.set_result(False)

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
        seconds = self._pause(loop.time(), -math.inf)
        try:
            while True:
                await self._rest(loop, seconds)
                seconds = self._look(loop.time())
        finally:
            self._asleep = None

    async def _rest(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._expect(loop.time(), seconds)
        if seconds > INTERVAL:
            self._asleep = asleep = loop.create_future()
            timer = None if seconds == math.inf else loop.call_at(self._due, _end, asleep)
            try:
                is_due = await asleep
            finally:
                if timer is not None:
                    timer.cancel()
            if is_due:
                self._asleep = None
                return
        await asyncio.sleep(INTERVAL)

    def _expect(self, now: float, seconds: float) -> None:
        self._seen, self._due = now, now + seconds
        self.lag.expect(self._due)

    def _look(self, now: float) -> float:
        """Does all that is due; returns the seconds until the next look."""
        late = self.lag.measure(now)
        most = now - self._seen - INTERVAL
        if late:
            self._closely_until = now + _CLOSELY
        due = math.inf
        for swept in tuple(self._running):
            due = min(due, swept.tick(now, late, most))
        for chore in self._chores:
            chore.tick(now)
        return self._pause(now, due)

    def _pause(self, now: float, due: float) -> float:
        """Returns the seconds until the next look, where nothing of a member is due before `due`."""
        if not self._running and not self._guests:
            return math.inf
        if self._guests or due - now <= 2 * LONG_INTERVAL or now < self._closely_until:
            return INTERVAL
        return max(INTERVAL, min((LONG_INTERVAL, *(chore.due - now for chore in self._chores))))


class _Chore:
    """Something that is done every so many seconds."""

    __slots__ = ("_do", "_seconds", "due")

    def __init__(self, seconds: float, do: Callable[[], object]) -> None:
        self._do = do
        self.due = -math.inf
        self._seconds = seconds

    def tick(self, now: float) -> None:
        """Does it if it is due."""
        if now >= self.due:
            self.due = now + self._seconds
            try:
                self._do()
            except Exception:
                # The sweeper must go on.
                logger.exception("looking after running requests failed")


def _end(asleep: asyncio.Future[bool]) -> None:
    if not asleep.done():
        asleep.set_result(True)
