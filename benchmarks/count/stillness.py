"""What would make a count depend on the time is held still: the loop's clock and ticks, pollers, threads not needed.

The less of the machine's time a process has, the more often a poller wakes or a tick comes in the middle of a request.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any


class StillLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock can be stopped: what is timed then never comes due."""

    _stopped_at: float | None = None

    def time(self) -> float:
        """Seconds, the same ones while the clock is stopped."""
        return super().time() if self._stopped_at is None else self._stopped_at

    def stop_clock(self) -> None:
        """No timer comes due from now on."""
        self._stopped_at = super().time()

    def start_clock(self) -> None:
        """Time goes on, as if it had never stopped."""
        self._stopped_at = None


class HeldSleeps:
    """asyncio.sleep, with which uvicorn and the sweeper wait for their next tick. While they are held nobody wakes."""

    def __init__(self) -> None:
        self._sleep: Any = asyncio.sleep
        self._holding = False
        self._sleepers: list[asyncio.Future[None]] = []
        asyncio.sleep = self._sleep_or_wait  # type: ignore[assignment]

    def hold(self) -> None:
        """Whoever goes to sleep from now on sleeps until `release`."""
        self._holding = True

    def release(self) -> None:
        """Wake everybody, from any thread."""
        self._holding = False
        for sleeper in self._sleepers:
            sleeper.get_loop().call_soon_threadsafe(_wake, sleeper)
        self._sleepers.clear()

    async def _sleep_or_wait(self, seconds: float) -> None:
        if self._holding:
            sleeper = asyncio.get_running_loop().create_future()
            self._sleepers.append(sleeper)
            await sleeper
        else:
            await self._sleep(seconds)


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)


class HeldWaits:
    """threading.Event.wait, with which pollers wait for their next look. From `hold` on it has no time limit."""

    def __init__(self) -> None:
        self._wait = threading.Event.wait

    def hold(self) -> None:
        """Whoever waits from now on waits for the event itself."""
        wait = self._wait

        def wait_for_it(self: threading.Event, timeout: float | None = None) -> bool:
            return wait(self)

        threading.Event.wait = wait_for_it  # type: ignore[method-assign]

    def release(self) -> None:
        """Limits hold again; who waits without one does so until the event comes."""
        threading.Event.wait = self._wait  # type: ignore[method-assign]


class HeldThreads:
    """threading.Thread.start. From its making to `release` only threads whose names begin as `needed` says are started;
    the rest are then."""

    def __init__(self, needed: Sequence[str]) -> None:
        self._start = start = threading.Thread.start
        self._held: list[threading.Thread] = []
        names, held = tuple(needed), self._held

        def start_or_hold(self: threading.Thread) -> None:
            if self.name.startswith(names):
                start(self)
            else:
                held.append(self)

        threading.Thread.start = start_or_hold  # type: ignore[method-assign]

    def release(self) -> None:
        """Start the threads that were held."""
        threading.Thread.start = self._start  # type: ignore[method-assign]
        for thread in self._held:
            thread.start()
