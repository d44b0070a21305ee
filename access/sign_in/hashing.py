"""Password hashing beside streams: one thread per worker, which yields the processor to others, and a short queue.

A hash takes a third of a second of processor time on purpose. Django gives each request a thread, so many sign-ins at
the same time would take every core from the streams.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from django.contrib.auth import hashers

WAITING: Final = 4
"""How many sign-ins may be under way in a worker, the one that is hashed included."""
WAITING_KNOWN: Final = 8
"""... with those from known devices, so that strangers cannot fill the queue."""
_NICE = 10

_lock = threading.Lock()
_under_way = 0


class QueueFull(Exception):
    """Too many sign-ins are under way in this worker."""


@contextlib.contextmanager
def place(*, known: bool) -> Iterator[None]:
    """Holds a place in the queue of sign-ins. Raises QueueFull."""
    global _under_way
    with _lock:
        if _under_way >= (WAITING_KNOWN if known else WAITING):
            raise QueueFull
        _under_way += 1
    try:
        yield
    finally:
        with _lock:
            _under_way -= 1


class PBKDF2PasswordHasher(hashers.PBKDF2PasswordHasher):
    """Django's hasher, on the thread for passwords. Every check and every new password comes through `encode`."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        """Returns the encoded hash, once it is this one's turn."""
        return _thread().submit(super().encode, password, salt, iterations).result()


@functools.cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="password", initializer=_yield_the_processor)


def _yield_the_processor() -> None:
    # On Linux a thread has a priority of its own.
    if sys.platform == "linux":
        # Where everything runs at a lower priority already, raising it is not allowed.
        lowest = max(_NICE, os.getpriority(os.PRIO_PROCESS, 0))
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), lowest)
