"""Lets Python's garbage collector rest while very many objects are made that are in no cycle.

It looks at them again and again while they come, which takes longer than making them. It is one for the process, so
those who let it rest are counted: it works again when the last of them is done, if it worked before the first.
"""

from __future__ import annotations

import gc
import threading


class _Rest:
    """A context that may be entered several times, one inside the other and by several threads."""

    __slots__ = ("_entered", "_lock", "_worked")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entered = 0
        self._worked = False

    def __enter__(self) -> None:
        with self._lock:
            if not self._entered:
                self._worked = gc.isenabled()
                gc.disable()
            self._entered += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._entered -= 1
            if not self._entered and self._worked:
                gc.enable()


at_rest = _Rest()
"""`with at_rest:` makes objects without the collector."""
