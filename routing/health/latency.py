"""How long a candidate takes to its first byte: lately, and in 95 of 100 cases."""

from __future__ import annotations

_KEPT = 64
_ENOUGH = 20
_FORGOTTEN = 300.0
_SHARE = 0.2


class Speed:
    """The latest times of one candidate, as this process saw them."""

    __slots__ = ("_average", "_next", "_recent", "_seen_at")

    def __init__(self) -> None:
        self._average = 0.0
        self._recent: list[float] = []
        self._next = 0
        self._seen_at = 0.0

    def note(self, seconds: float, now: float) -> None:
        """One more."""
        recent = self._recent
        self._average = seconds if not recent else self._average + _SHARE * (seconds - self._average)
        self._seen_at = now
        if len(recent) < _KEPT:
            recent.append(seconds)
        else:
            recent[self._next] = seconds
            self._next = (self._next + 1) % _KEPT

    def average(self, now: float) -> float | None:
        """The moving average; None when there is none of the last five minutes, so that a slow one is asked again."""
        return self._average if self._recent and now - self._seen_at < _FORGOTTEN else None

    def usual(self) -> float | None:
        """What 95 of 100 stay under; None while too few are known."""
        if len(self._recent) < _ENOUGH:
            return None
        return sorted(self._recent)[int(len(self._recent) * 0.95)]
