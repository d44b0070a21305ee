"""Two attempts side by side: the second starts when the first is slower to begin than usual, and one is heard."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from providers.events import Event, Ping, StreamFailed
from streaming import decision
from streaming.attempts.attempt import Attempt
from streaming.attempts.policy import Failure
from streaming.exchange.exchange import Exchange
from streaming.outcome import accounting

Run = Callable[[Attempt], Awaitable[Failure | None]]


class Race:
    """Attempts that run in tasks of their own. The first to say anything but a failure is heard, the other given up."""

    def __init__(self, exchange: Exchange, run: Run) -> None:
        self._exchange = exchange
        self._run = run
        self._decided: asyncio.Future[None] = exchange.loop.create_future()
        self._entered: list[tuple[Attempt, asyncio.Task[Failure | None]]] = []
        self._heard: Attempt | None = None
        self.given_up: Attempt | None = None
        self.waited = 0.0
        """Seconds from the beginning of the one given up to that moment."""
        self.failed: list[Failure] = []
        """Why nobody answered; empty when one has. The one that was heard comes last, or else the latest."""

    def enter(self, attempt: Attempt) -> None:
        """Start an attempt."""
        attempt.race = self
        task = self._exchange.loop.create_task(self._ran(attempt))
        attempt.task = task
        self._entered.append((attempt, task))

    def won(self, attempt: Attempt, events: Sequence[Event]) -> bool:
        """Whether these first events of an attempt are heard. Raises what they say of its failure."""
        last = events[-1]
        if isinstance(last, StreamFailed):
            raise last.error
        if all(isinstance(event, Ping) for event in events):
            return False
        if self._heard is not None:
            raise asyncio.CancelledError
        self._heard = attempt
        for other, task in self._entered:
            if other is not attempt and not task.done():
                other.lost = True
                task.cancel()
                self.given_up, self.waited = other, self._exchange.loop.time() - other.began
        # Both have told the client of themselves by now; this one is it.
        self._exchange.client.fidelity = ",".join(attempt.notes)
        decision.tell(self._exchange, attempt.candidate, attempt.record.number)
        if not self._decided.done():
            self._decided.set_result(None)
        return True

    async def speaks_within(self, seconds: float) -> bool:
        """Whether somebody spoke, or everybody failed, before so many seconds had passed."""
        over: list[asyncio.Future[Any]] = [self._decided, *(task for _, task in self._entered)]
        done, _ = await asyncio.wait(over, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)

    async def over(self) -> None:
        """Until nobody runs any more."""
        await asyncio.wait([task for _, task in self._entered])
        heard_last = sorted(self._entered, key=lambda entered: entered[0] is self._heard)
        results = [task.result() for attempt, task in heard_last if not (attempt.lost and task.cancelled())]
        self.failed = [] if None in results else [failure for failure in results if failure is not None]

    async def leave(self) -> None:
        """Nothing runs on, however this ends."""
        for _, task in self._entered:
            task.cancel()
        try:
            await asyncio.gather(*(task for _, task in self._entered), return_exceptions=True)
        finally:
            for attempt, _ in self._entered:
                if not attempt.record.outcome:
                    # Cancelled before its first step.
                    accounting.attempt_ended(self._exchange, attempt)

    async def _ran(self, attempt: Attempt) -> Failure | None:
        return await self._run(attempt)


async def race(
    exchange: Exchange, first: Attempt, patience: float, second: Callable[[], Attempt | None], run: Run
) -> Race:
    """Run `first`, and `second()` beside it when nothing came for `patience` seconds; how that went."""
    made = Race(exchange, run)
    try:
        made.enter(first)
        if not await made.speaks_within(patience):
            beside = second()
            if beside is not None:
                made.enter(beside)
        await made.over()
        return made
    finally:
        await made.leave()
