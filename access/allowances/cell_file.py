"""One file, mapped into the memory of several processes, with the cells that they charge.

A process may be killed at any instruction. So every number is one aligned store, which happens or does not, and the
numbers are stored in an order in which each half means something: at worst one charge is lost. Slots are a column a
worker, so that those of a dead one are known.
"""

from __future__ import annotations

import fcntl
import math
import mmap
import os
from collections.abc import Collection
from pathlib import Path

from access.allowances.policy import Cell, StoreUnreadable

GROUPS = 4096
_PLACES = 16
"""Cells in a group. A cell's group follows from its name, so that it is found without an index."""
COLUMNS = 64
"""Workers that can hold slots at the same time."""
_NAME = 16
_NO_NAME = bytes(_NAME)
_NO_SLOTS = memoryview(bytes(2 * COLUMNS)).cast("H")


class CellFile:
    """Call `put`, `get` and the like between `try_lock` and `unlock` alone."""

    def __init__(self, path: Path) -> None:
        """Opens the file, or makes it. Raises OSError, a BlockingIOError while another process makes it."""
        self._path = path
        cells = GROUPS * _PLACES
        size = cells * (_NAME + 3 * 8 + 2 * COLUMNS)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _fill(self._descriptor, size)
            self._map = mmap.mmap(self._descriptor, size)
        except OSError:
            os.close(self._descriptor)
            raise
        self.unlock()
        # The names come first, so that a name's place is its address divided by its length.
        with memoryview(self._map) as view:
            numbers = [
                view[start : start + cells * 8] for start in range(cells * _NAME, cells * (_NAME + 24), cells * 8)
            ]
            self._amounts, self._moments, self._ends = (part.cast("d") for part in numbers)
            self._slots = view[cells * (_NAME + 24) :].cast("H")

    def try_lock(self) -> bool:
        """Takes the lock unless another process has it."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(self) -> None:
        """Gives the lock back. Raises StoreUnreadable where the system cannot."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        except OSError as error:
            raise StoreUnreadable(str(error)) from error

    def is_in_place(self) -> bool:
        """Whether the file is still what its path names."""
        return is_at(self._descriptor, self._path)

    def get(self, name: bytes, default: Cell) -> Cell:
        """Returns a cell, or the default for one that is not here. The amount of slots is that of all workers."""
        place = self._find(name)
        if place is None:
            return default
        ends = self._ends[place]
        amount = self._amounts[place] if ends < math.inf else float(sum(self._columns(place)))
        return amount, self._moments[place], ends

    def put(self, name: bytes, cell: Cell, together: Collection[bytes]) -> None:
        """Stores a cell; the place of one of `together` is not taken for it. Raises StoreUnreadable without a place."""
        place = self._find(name)
        if place is None:
            place = self._take_place(name, together)
        self._amounts[place], self._moments[place], self._ends[place] = cell

    def put_slots(self, name: bytes, column: int, held: int, together: Collection[bytes]) -> None:
        """Stores how many slots of a cell one worker holds, otherwise as `put`."""
        place = self._find(name)
        if place is None:
            if not held:
                return
            place = self._take_place(name, together)
        self._ends[place] = math.inf
        self._slots[place * COLUMNS + column] = held

    def empty_column(self, column: int) -> None:
        """Frees all slots of one worker. Needs no lock of the caller that has this worker's number."""
        for place, held in enumerate(self._slots[column::COLUMNS].tolist()):
            if held:
                self._slots[place * COLUMNS + column] = 0

    def close(self) -> None:
        """Closes the file."""
        for view in (self._amounts, self._moments, self._ends, self._slots):
            view.release()
        self._map.close()
        os.close(self._descriptor)

    def _columns(self, place: int) -> memoryview:
        return self._slots[place * COLUMNS : (place + 1) * COLUMNS]

    def _find(self, name: bytes) -> int | None:
        first = _group_of(name) * _PLACES
        names = self._map[first * _NAME : (first + _PLACES) * _NAME]
        found = names.find(name)
        # Halves of two names that stand side by side are no name.
        while found % _NAME and found > 0:
            found = names.find(name, found + 1)
        return None if found < 0 else first + found // _NAME

    def _take_place(self, name: bytes, together: Collection[bytes]) -> int:
        """Returns an empty place: that of the cell which is nearest to meaning nothing."""
        first = _group_of(name) * _PLACES
        places = [place for place in range(first, first + _PLACES) if self._name_at(place) not in together]
        if not places:
            raise StoreUnreadable("more cells of one group in one call than a group has places")
        place = min(places, key=self._ends_at)
        # Without a name nobody finds what is emptied here.
        self._map[place * _NAME : (place + 1) * _NAME] = _NO_NAME
        self._columns(place)[:] = _NO_SLOTS
        self._amounts[place] = self._moments[place] = self._ends[place] = 0.0
        self._map[place * _NAME : (place + 1) * _NAME] = name
        return place

    def _name_at(self, place: int) -> bytes:
        return self._map[place * _NAME : (place + 1) * _NAME]

    def _ends_at(self, place: int) -> float:
        ends = self._ends[place]
        return 0.0 if ends == math.inf and not any(self._columns(place)) else ends


def is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file is still what a path names."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _group_of(name: bytes) -> int:
    return int.from_bytes(name[:4], "little") % GROUPS


def _fill(descriptor: int, size: int) -> None:
    """Writes zeros up to the size: a file with holes would end the process at the first store on a full disk."""
    at = os.fstat(descriptor).st_size
    while at < size:
        at += os.pwrite(descriptor, bytes(min(size - at, 1 << 20)), at)
