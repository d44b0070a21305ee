"""Two attempts side by side: the second starts when the first is slower to begin than usual; one of them answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from providers.events import Event, Ping, StreamFailed
from streaming.attempts.attempt import Attempt
from streaming.attempts.policy import Failure
from streaming.exchange.lag import LoopLag
from streaming.exchange.lifecycle import Lifecycle

Run = Callable[[Attempt], Awaitable[list[Failure]]]
"""Runs an attempt; returns its failure, none when it has answered."""
Notify = Callable[[Attempt], None]


class Race:
    """Attempts in tasks of their own. The first whose events report no failure answers, the other is cancelled.

    `announce` is called with the attempt that answers, `abandon` with each that was cancelled before its first step.
    """

    def __init__(self, lifecycle: Lifecycle, run: Run, *, announce: Notify, abandon: Notify) -> None:
        loop = self._loop = lifecycle.loop
        self._lag = lifecycle.lag or LoopLag()
        self._lag_before = self._lag.until(loop.time())
        self._run = run
        self._announce = announce
        self._abandon = abandon
        self._decided: asyncio.Future[None] = loop.create_future()
        self._entered: list[tuple[Attempt, asyncio.Task[list[Failure]]]] = []
        self._winner: Attempt | None = None
        self.given_up: Attempt | None = None
        self.waited = 0.0
        """Seconds that the cancelled attempt had been running, without the gateway's own lag."""
        self.failed: list[Failure] = []
        """The failures, empty when an attempt has answered. The winner's comes last, or else the latest."""

    def enter(self, attempt: Attempt) -> None:
        """Starts an attempt."""
        attempt.race = self
        task = self._loop.create_task(self._ran(attempt))
        attempt.task = task
        self._entered.append((attempt, task))

    def won(self, attempt: Attempt, events: Sequence[Event]) -> bool:
        """Whether an attempt with these first events answers. Raises the failure that they report."""
        last = events[-1]
        if isinstance(last, StreamFailed):
            raise last.error
        if all(isinstance(event, Ping) for event in events):
            return False
        if self._winner is not None:
            raise asyncio.CancelledError
        self._winner = attempt
        for other, task in self._entered:
            if other is not attempt and not task.done():
                other.lost = True
                task.cancel()
                self.given_up, self.waited = other, self._loop.time() - other.began - self._late()
        self._announce(attempt)
        if not self._decided.done():
            self._decided.set_result(None)
        return True

    async def decided_within(self, seconds: float) -> bool:
        """Whether an attempt won, or all failed, within so many seconds, not counting the gateway's own lag."""
        over: list[asyncio.Future[Any]] = [self._decided, *(task for _, task in self._entered)]
        forgiven = 0.0
        while True:
            done, _ = await asyncio.wait(over, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            seconds, forgiven = self._late() - forgiven, self._late()
            if done or seconds <= 0:
                return bool(done)

    def _late(self) -> float:
        """The gateway's own lag since the race began."""
        return self._lag.until(self._loop.time()) - self._lag_before

    async def over(self) -> None:
        """Returns when no attempt runs any more."""
        await asyncio.wait([task for _, task in self._entered])
        winner_last = sorted(self._entered, key=lambda entered: entered[0] is self._winner)
        if self._winner is not None and any(
            attempt is self._winner and not task.cancelled() and task.exception() is None and not task.result()
            for attempt, task in self._entered
        ):
            # Whatever became of the other one.
            self.failed = []
            return
        results = [task.result() for attempt, task in winner_last if not (attempt.lost and task.cancelled())]
        self.failed = [failure for failures in results for failure in failures] if all(results) else []

    async def leave(self) -> None:
        """Cancels whatever still runs, however the race ended."""
        for _, task in self._entered:
            task.cancel()
        try:
            await asyncio.gather(*(task for _, task in self._entered), return_exceptions=True)
        finally:
            for attempt, _ in self._entered:
                if not attempt.outcome:
                    self._abandon(attempt)

    async def _ran(self, attempt: Attempt) -> list[Failure]:
        return await self._run(attempt)


async def race(made: Race, first: Attempt, hedge_after: float, hedge: Callable[[], Attempt | None]) -> None:
    """Runs `first`, and `hedge()` beside it when nothing came for `hedge_after` seconds; `made` holds the result."""
    try:
        made.enter(first)
        if not await made.decided_within(hedge_after):
            second = hedge()
            if second is not None:
                made.enter(second)
        await made.over()
    finally:
        await made.leave()
