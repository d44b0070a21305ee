"""Wakes a thread that waits, for a time, for a descriptor too."""

from __future__ import annotations

import contextlib
import os
import select
import threading


class Alarm:
    """`open` it, let one thread `wait`, `ring` from any thread, `close` it when that one has ended."""

    def __init__(self) -> None:
        self._rung = threading.Event()
        self._guard = threading.Lock()
        self._ends: tuple[int, int] | None = None

    def open(self) -> None:
        """Makes what it needs; what rang before is forgotten."""
        self._rung.clear()
        self._ends = os.pipe()
        for end in self._ends:
            os.set_blocking(end, False)

    def close(self) -> None:
        """Whoever rings from now on wakes nobody."""
        with self._guard:
            ends, self._ends = self._ends, None
            for end in ends or ():
                os.close(end)

    def ring(self) -> None:
        """Ends the wait, or the next one."""
        if self._rung.is_set():
            return
        self._rung.set()
        # Not into a descriptor that somebody else has by now.
        with self._guard, contextlib.suppress(BlockingIOError):
            if self._ends is not None:
                os.write(self._ends[1], b"\0")

    def wait(self, seconds: float, descriptor: int | None) -> None:
        """Returns when it rings, when the descriptor is readable or broken, or after so many seconds."""
        seconds = max(0.0, seconds)
        if descriptor is None:
            self._rung.wait(seconds)
        elif self._ends is not None:
            waiting = select.poll()
            waiting.register(self._ends[0], select.POLLIN)
            waiting.register(descriptor, select.POLLIN)
            waiting.poll(seconds * 1000)
        if self._ends is not None:
            # Emptied first: a byte that came without a ring would wake for ever.
            with contextlib.suppress(BlockingIOError):
                os.read(self._ends[0], 4096)
        self._rung.clear()
