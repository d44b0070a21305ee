"""How late the event loop runs. What a provider sent meanwhile waits to be read, so that time is not its silence."""

from __future__ import annotations

import math
from collections.abc import Callable

TOLERATED = 0.02
"""Seconds; a timer is always a little late."""


class LoopLag:
    """The lateness of one timer after the other, in the event loop's seconds. `total` is all of it so far.

    `attend` is called by whoever needs it measured closely from now on.
    """

    __slots__ = ("_due", "attend", "total")

    def __init__(self, attend: Callable[[], object] = lambda: None) -> None:
        self.attend = attend
        self.total = 0.0
        self._due = math.inf

    def expect(self, due: float) -> None:
        """Notes when the timer should fire next."""
        self._due = due

    def measure(self, now: float) -> float:
        """Returns how late the timer fired, 0.0 if that is within tolerance."""
        late = self._late(now)
        self._due = math.inf
        self.total += late
        return late

    def until(self, now: float) -> float:
        """Returns all lateness up to `now`, also of a timer that is overdue and has not fired yet."""
        return self.total + self._late(now)

    def _late(self, now: float) -> float:
        late = now - self._due
        return late if late > TOLERATED else 0.0
