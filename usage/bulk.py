"""Writes many new usage rows with their rollups: a thread prepares a batch while the database takes the one before.

The database's own work, in this process (SQLite) or another, holds no lock of Python's, so the two go on side by side.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice

from usage import sqlite
from usage.journal.records import Finished
from usage.journal.writer import Prepared, Writer

_BATCH = 10_000
_SWITCH_SECONDS = 0.0005
"""How soon the thread that waits for the database goes on: it has little else to do."""


def write(rows: Iterator[Finished], writer: Writer) -> Iterator[int]:
    """Writes all rows in order; yields how many requests were written after each batch, 0 when the database became
    unavailable. `writer` writes what is there already, at least in part."""
    most = sqlite.most_values()

    def prepare() -> Prepared:
        return Prepared(list(islice(rows, _BATCH)), most)

    with _undisturbed(), sqlite.much_memory(), ThreadPoolExecutor(1, "usage-bulk") as pool:
        upcoming = pool.submit(prepare)
        while (prepared := upcoming.result()).batch:
            upcoming = pool.submit(prepare)
            if not writer.write_prepared(prepared):
                yield 0
                return
            yield len(prepared.batch)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """The thread that waits for the database is not kept waiting for the other one."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        with without_collector():
            yield
    finally:
        sys.setswitchinterval(interval)


@contextmanager
def without_collector() -> Iterator[None]:
    """No garbage collection: for so many objects it takes as long as the rest, and none of them are in a cycle."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
