"""Allowances in one file for all workers of a host, each a process. A restart of the workers keeps what was counted.

A worker has a number as long as it holds the lock of the file `worker-<number>`, and with it a column for its slots. A
free lock means that its worker is dead, and the next `keep` of another empties the column.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from access.allowances.cell_file import COLUMNS, CellFile, is_at
from access.allowances.policy import Charge, Exceeded, Kind, StoreUnreadable, charged, corrected, used

LONGEST_WAIT = 0.05
"""Seconds that a call waits for the lock of the file."""
_BETWEEN_TRIES = 0.001
_CELLS = "cells-1"
"""The number is that of the layout."""
_SLOTS = Kind.SLOTS


class MappedStore:
    """A policy.Store. The folder must be on a disk of this host: over a network, processes do not see one file."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        self._opened: tuple[CellFile, _Number] | None = None
        self._held: dict[bytes, int] = {}
        """The slots of this worker."""
        self._unwritten: set[bytes] = set()
        """Cells whose slots the file does not know as they are."""

    async def charge(self, charges: Sequence[Charge]) -> Exceeded | None:
        file, number = await self._lock()
        try:
            changed = charged(charges, file.get, self._clock())
            if isinstance(changed, Exceeded):
                return changed
            for name, kind, _, _, units in charges:
                if kind is _SLOTS:
                    held = self._held.get(name, 0) + int(units)
                    file.put_slots(name, number.value, held, changed)
                    self._held[name] = held
                else:
                    file.put(name, changed[name], changed)
            return None
        finally:
            file.unlock()

    async def correct(self, charges: Sequence[Charge]) -> None:
        file, _ = await self._lock()
        try:
            changed = corrected(charges, file.get, self._clock())
            for name, cell in changed.items():
                file.put(name, cell, changed)
        finally:
            file.unlock()

    async def used(self, charges: Sequence[Charge]) -> list[float]:
        file, _ = await self._lock()
        try:
            return used(charges, file.get, self._clock())
        finally:
            file.unlock()

    async def release(self, slots: Sequence[Charge]) -> None:
        for name, _, _, _, units in slots:
            self._held[name] = max(0, self._held.get(name, 0) - int(units))
            self._unwritten.add(name)
        with contextlib.suppress(StoreUnreadable):
            await self._write_slots()

    async def keep(self) -> None:
        if self._opened is not None:
            file, number = self._opened
            if not file.is_in_place() or not number.is_in_place():
                self._leave()
        file = await self._write_slots()
        try:
            for dead in _unowned(self._folder):
                file.empty_column(dead.value)
                dead.give_back()
        except OSError as error:
            raise StoreUnreadable(str(error)) from error

    async def close(self) -> None:
        self._held.clear()
        self._leave()

    async def _lock(self) -> tuple[CellFile, _Number]:
        """Opens the file if need be, and takes its lock, which no task holds while it waits. Raises StoreUnreadable."""
        until = time.monotonic() + LONGEST_WAIT
        while (opened := self._try()) is None:
            if time.monotonic() > until:
                raise StoreUnreadable(f"another process has held {self._folder / _CELLS} for {LONGEST_WAIT} s")
            await asyncio.sleep(_BETWEEN_TRIES)
        return opened

    def _try(self) -> tuple[CellFile, _Number] | None:
        """Returns the opened file with its lock held, None while another process holds it. Raises StoreUnreadable."""
        try:
            opened = self._opened or self._open()
            return opened if opened[0].try_lock() else None
        except BlockingIOError:
            return None
        except OSError as error:
            raise StoreUnreadable(str(error)) from error

    def _open(self) -> tuple[CellFile, _Number]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = CellFile(self._folder / _CELLS)
        try:
            number = _take_number(self._folder)
        except OSError:
            file.close()
            raise
        # Of a worker that had the number before.
        file.empty_column(number.value)
        self._unwritten.update(self._held)
        self._opened = file, number
        return self._opened

    def _leave(self) -> None:
        if self._opened is not None:
            file, number = self._opened
            self._opened = None
            file.empty_column(number.value)
            file.close()
            # A file that cannot be removed stays: its lock is free.
            with contextlib.suppress(OSError):
                number.give_back()

    async def _write_slots(self) -> CellFile:
        """Writes how many slots this worker holds where the file does not know it. Raises StoreUnreadable."""
        file, number = await self._lock()
        try:
            while self._unwritten:
                name = self._unwritten.pop()
                held = self._held.get(name, 0)
                file.put_slots(name, number.value, held, ())
                if not held:
                    self._held.pop(name, None)
            return file
        finally:
            file.unlock()


class _Number:
    """A worker's number, held by the lock of an open file."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self.value = int(path.name.rpartition("-")[2])

    def is_in_place(self) -> bool:
        """Whether others would find the lock."""
        return is_at(self._descriptor, self._path)

    def give_back(self) -> None:
        """Ends the holding; the number is free."""
        try:
            if self.is_in_place():
                self._path.unlink()
        finally:
            os.close(self._descriptor)


def _take_number(folder: Path) -> _Number:
    """Returns the lowest number that nobody holds. Raises OSError."""
    for value in range(COLUMNS):
        number = _try_number(folder / f"worker-{value}")
        if number is not None:
            return number
    raise OSError(f"more than {COLUMNS} workers")


def _unowned(folder: Path) -> list[_Number]:
    """Returns the numbers whose workers died, now held by this process. Raises OSError."""
    paths = (folder / f"worker-{value}" for value in range(COLUMNS))
    found = (_try_number(path) for path in paths if path.exists())
    return [number for number in found if number is not None]


def _try_number(path: Path) -> _Number | None:
    """Returns a number if nobody holds it. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    number = _Number(path, descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    # Otherwise its holder has given it back in between.
    if not number.is_in_place():
        os.close(descriptor)
        return None
    return number
