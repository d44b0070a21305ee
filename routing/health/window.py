"""The attempts of the last half minute at one circuit."""

from __future__ import annotations

import math

SECONDS = 30.0
_SLOTS = 6
_SLOT_SECONDS = SECONDS / _SLOTS
_MIN_ATTEMPTS = 10


class Window:
    """Counts of successes and failures, in slots of five seconds. `current` is the slot of times before `until`."""

    __slots__ = ("_slots", "current", "until")

    def __init__(self) -> None:
        self._slots = [[-1, 0, 0] for _ in range(_SLOTS)]
        self.current = self._slots[0]
        self.until = -math.inf

    def slot(self, now: float) -> list[int]:
        """Returns the current slot: its epoch, the successes and the failures."""
        if now < self.until:
            return self.current
        epoch = int(now / _SLOT_SECONDS)
        self.current = slot = self._slots[epoch % _SLOTS]
        self.until = (epoch + 1) * _SLOT_SECONDS
        if slot[0] != epoch:
            slot[0], slot[1], slot[2] = epoch, 0, 0
        return slot

    def half_failed(self, now: float) -> bool:
        """Whether at least half of at least ten attempts failed."""
        oldest = int(now / _SLOT_SECONDS) - _SLOTS
        succeeded = sum(slot[1] for slot in self._slots if slot[0] > oldest)
        failed = sum(slot[2] for slot in self._slots if slot[0] > oldest)
        return failed + succeeded >= _MIN_ATTEMPTS and failed >= succeeded
