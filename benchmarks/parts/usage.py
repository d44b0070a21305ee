"""Usage rows into a database, as a program of its own: how many a second, and what share of a core the writer uses.

A row here is a request with its attempt, through the gateway's own writer and with whatever it keeps beside them.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import django
import msgspec

from benchmarks.children import Child, Cores
from benchmarks.targets import environment
from benchmarks.workloads import Figure
from tests.harness.postgresql import PostgreSQL

if TYPE_CHECKING:
    from usage.journal.records import AttemptRecord, RequestRecord

_RATES = {"postgresql": 2_000, "sqlite": 1_000}
"""Rows a second that each database has to take, with a writer that uses `_SHARE` of a core at most."""
_NAMES = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}
_SHARE = 0.2
_SECONDS = 5
_FAST_ROUNDS = 5
_PERIOD = 0.1
"""Seconds for which the gateway's writer collects a batch."""

Rows = Iterator[tuple["RequestRecord", list["AttemptRecord"]]]


def measure(cores: Cores, folder: Path) -> list[Figure]:
    """Both databases, one after the other; the writer on the gateway's core, PostgreSQL on the rig's."""
    figures = _child(cores, folder, environment(folder, f"sqlite:///{folder}/usage.sqlite3"))
    server = PostgreSQL(folder / "usage-postgresql")
    server.start()
    try:
        return figures + _child(cores, folder, environment(folder, server.url("postgres")))
    finally:
        server.stop()


def _child(cores: Cores, folder: Path, env: Mapping[str, str]) -> list[Figure]:
    with cores.on(cores.gateway):
        child = Child.module("parts.usage", log=folder / "usage.log", env=env)
    try:
        return msgspec.json.decode(child.answer(), type=list[Figure])
    finally:
        child.stop()


def main() -> list[Figure]:
    """Fill the database that the environment names; first at its rate, then as fast as it goes."""
    from django.core.management import call_command
    from django.db import connection

    from usage.journal import partitions
    from usage.sample_data import making

    call_command("migrate", verbosity=0)
    partitions.ensure()
    kind = connection.vendor
    rate, name = _RATES[kind], _NAMES[kind]
    until = datetime.now(UTC)
    rows = making.rows(1_000_000, until - timedelta(hours=1), until, seed=1)
    _write(rows, rate)
    at_rate = [_paced(rows, rate) for _ in range(_SECONDS)]
    fast = [5 * rate / _write(rows, 5 * rate) for _ in range(_FAST_ROUNDS)]
    share = f"share of a core for {rate:,} usage rows a second into {name}"
    return [
        Figure(f"USAGE {kind}", f"usage rows into {name}", median(fast), "rows/s", rate, fast, at_least=True),
        Figure(f"USAGE {kind} core", share, median(at_rate), "", _SHARE, at_rate),
    ]


def _write(rows: Rows, count: int) -> float:
    """Write `count` rows in batches of the writer's size; returns the seconds."""
    from usage.journal import writer

    writes, seconds = writer.Writer(lambda account: None), 0.0
    for at in range(0, count, writer.BATCH):
        batch = list(islice(rows, min(writer.BATCH, count - at)))
        began = time.perf_counter()
        if not writes.write_through(batch) or writes.set_aside:
            sys.exit("the database did not take the rows")
        seconds += time.perf_counter() - began
    return seconds


def _paced(rows: Rows, rate: int) -> float:
    """Write for a second, a batch each `_PERIOD`; returns the writer's CPU seconds."""
    from usage.journal import writer

    writes, cpu, steps = writer.Writer(lambda account: None), 0.0, round(1 / _PERIOD)
    began = time.monotonic()
    for step in range(steps):
        batch = list(islice(rows, rate // steps))
        time.sleep(max(0.0, began + step * _PERIOD - time.monotonic()))
        before = time.thread_time()
        if not writes.write_through(batch) or writes.set_aside:
            sys.exit("the database did not take the rows")
        cpu += time.thread_time() - before
    return cpu


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proxysite.settings")
    django.setup()
    print(msgspec.json.encode(main()).decode())
