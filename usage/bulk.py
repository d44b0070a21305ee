"""Writes many made-up usage rows with their rollups: processes prepare slices of them while the database takes others.

Only this process has a connection, so what it writes is in its transaction, in order and once, whatever the database.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from itertools import islice
from multiprocessing import get_context

from usage import sqlite
from usage.collector import at_rest
from usage.journal.records import Finished
from usage.journal.writer import Prepared, Writer
from usage.sample_data.making import rows_of
from usage.sample_data.times import Slice

_PROCESSES = min(4, os.cpu_count() or 1)


def write(slices: Iterable[Slice], writer: Writer) -> Iterator[int]:
    """Writes all rows in order; yields how many requests were written after each slice, 0 when the database became
    unavailable. `writer` writes what is there already, at least in part."""
    most, remaining = sqlite.most_values(), iter(slices)
    waiting: deque[tuple[Slice, Future[Prepared]]] = deque()
    with at_rest, sqlite.much_memory(), _pool() as pool:
        while True:
            for upcoming in islice(remaining, 2 * _PROCESSES - len(waiting)):
                waiting.append((upcoming, pool.submit(_prepare, upcoming, most)))
            if not waiting:
                return
            part, prepared = waiting.popleft()
            if not writer.write_prepared(prepared.result(), partial(_batch, part)):
                pool.shutdown(cancel_futures=True)
                yield 0
                return
            yield prepared.result().requests


def _pool() -> Executor:
    """Returns who prepares. A forked process costs no start of its own, but only Linux forks safely."""
    if sys.platform == "linux" and _PROCESSES > 1:
        return ProcessPoolExecutor(_PROCESSES, get_context("fork"))
    return ThreadPoolExecutor(1, "usage-bulk")


def _batch(part: Slice) -> list[Finished]:
    return list(rows_of(part))


def _prepare(part: Slice, most_values: int) -> Prepared:
    return Prepared(_batch(part), most_values)
