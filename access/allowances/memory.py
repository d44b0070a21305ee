"""Allowances in the memory of one process: for a gateway with one worker. A restart forgets them."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable, Sequence

from access.allowances.policy import EMPTY, Cell, Charge, Exceeded, charged, released, used

MOST_CELLS = 100_000
"""Cells in memory, about 25 MB. With more, those nearest to meaning nothing are forgotten."""
_SWEPT_AT_ONCE = 2_000
"""Cells that a sweep looks at before other tasks get their turn: about a millisecond."""


class MemoryStore:
    """A policy.Store that is never unreadable. Nothing in it waits, so that no task sees half a call."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._cells: dict[bytes, Cell] = {}
        self._read = self._cells.get

    def __len__(self) -> int:
        """Returns how many cells are kept."""
        return len(self._cells)

    async def charge(self, charges: Sequence[Charge]) -> Exceeded | None:
        return self.charge_now(charges)

    def charge_now(self, charges: Sequence[Charge]) -> Exceeded | None:
        """Charges as `charge` does, for callers that save a coroutine."""
        changed = charged(charges, self._read, self._clock())
        if type(changed) is not dict:
            return changed  # type: ignore[return-value]
        if len(self._cells) + len(changed) > MOST_CELLS:
            self._forget()
        self._cells.update(changed)
        return None

    def correct_now(self, charges: Sequence[Charge]) -> None:
        """Corrects as `correct` does, and slots as well: those that policy.returned makes are released."""
        # What is corrected was charged, and is there or forgotten.
        charged(charges, self._read, self._clock(), self._cells)

    async def correct(self, charges: Sequence[Charge]) -> None:
        self.correct_now(charges)

    async def used(self, charges: Sequence[Charge]) -> list[float]:
        return used(charges, self._read, self._clock())

    async def release(self, slots: Sequence[Charge]) -> None:
        self._cells.update(released(slots, self._read))

    async def keep(self) -> None:
        now = self._clock()
        names = list(self._cells)
        for start in range(0, len(names), _SWEPT_AT_ONCE):
            for name in names[start : start + _SWEPT_AT_ONCE]:
                if self._cells.get(name, EMPTY)[2] <= now:
                    self._cells.pop(name, None)
            await asyncio.sleep(0)

    async def close(self) -> None:
        self._cells.clear()

    def _forget(self) -> None:
        # Before anything is written, so that nothing is forgotten that a call has just charged.
        cells = self._cells
        for name in heapq.nsmallest(MOST_CELLS // 10, cells, key=lambda name: cells[name][2]):
            del cells[name]
