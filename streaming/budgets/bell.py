"""Eight bytes that all workers of one server share: they change when a key is marked, so that each worker asks the
database before it serves the key of money that it holds."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

_SIZE = 8


class Bell:
    """A mapped file, from `start` on. Where none can be made, `value` never changes: marks are then seen with the next
    look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._map: mmap.mmap | None = None

    def start(self) -> None:
        """Makes the file where there is none."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.ftruncate(descriptor, _SIZE)
                self._map = mmap.mmap(descriptor, _SIZE)
            finally:
                os.close(descriptor)
        except OSError:
            # A disk that cannot be written is reported by the journal.
            self._map = None

    def value(self) -> bytes:
        """Returns what the bell shows."""
        return b"" if self._map is None else self._map[:_SIZE]

    def ring(self) -> None:
        """Shows something else, to every worker."""
        if self._map is not None:
            # Random, not counted: two that ring at once leave a value that is new to all the others.
            self._map[:_SIZE] = os.urandom(_SIZE)
