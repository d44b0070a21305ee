"""Adds the days of a month up inside the database: no row comes to Python, whose threads would hold streams up.

The result is what usage.rollups.figures makes of rows that Python reads: sums of known values, none beyond what a
column holds, and the union of histograms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any, Final

from django.db import connection

from usage.journal import texts
from usage.rollups.cells import LARGEST
from usage.rollups.measures import BINS, COUNTS, DIMENSIONS, NAMED, OF_MONTH, SUMS
from usage.rollups.models import DailyRollup, MonthRollup

Statement = tuple[str, Sequence[Any]]
"""SQL with its values."""

_LEVELS: Final = ("keyless", "of_key")
_COLUMNS: Final = ", ".join(("id", "starts_at", "overall", *_LEVELS, *DIMENSIONS, *COUNTS, *SUMS, *BINS))
_EMPTY: Final = {name: "''" if name in NAMED else "CAST(NULL AS bigint)" for name in DIMENSIONS}
_PART = 10**9


def of_days(start: datetime, end: datetime) -> list[Statement]:
    """Returns what selects the rows of the month that begins at `start`, from the days between two moments: a statement
    for each level."""
    values = (start, end, start)
    bound = [texts.sqlite_moment(value) for value in values] if _is_sqlite() else values
    return [(_select(connection.vendor, level), bound) for level in ("", *_LEVELS)]


@contextmanager
def prepared(start: datetime, end: datetime) -> Iterator[list[Statement]]:
    """Adds the days up on SQLite before a transaction that writes them, which then locks others out for a moment only.
    Yields what selects the rows; they are gone at the end."""
    tables = []
    with connection.cursor() as cursor:
        try:
            for number, (statement, values) in enumerate(of_days(start, end)):
                table = f"temp.month_added_up_{number}"
                cursor.execute(f"DROP TABLE IF EXISTS {table}")
                cursor.execute(f"CREATE TEMP TABLE {table.removeprefix('temp.')} AS {statement}", values)
                tables.append(table)
            yield [(f"SELECT * FROM {table}", ()) for table in tables]  # noqa: S608
        finally:
            for table in tables:
                cursor.execute(f"DROP TABLE {table}")


def insert(rows: list[Statement]) -> None:
    """Inserts the rows of a month, given by what selects them, in the caller's transaction."""
    with connection.cursor() as cursor:
        for statement, values in rows:
            cursor.execute(f"INSERT INTO {MonthRollup._meta.db_table} ({_COLUMNS}) {statement}", values)


def _is_sqlite() -> bool:
    return connection.vendor == "sqlite"


@cache
def _select(vendor: str, level: str) -> str:
    kept = OF_MONTH[level]
    by = ", ".join(kept)
    dimensions = ", ".join(name if name in kept else f"{_EMPTY[name]} AS {name}" for name in DIMENSIONS)
    flags = ", ".join(f"{name == level} AS {name}" for name in _LEVELS)
    identity = "lower(hex(randomblob(16)))" if vendor == "sqlite" else "gen_random_uuid()"
    sums = [f"CAST(sum({name}) AS bigint) AS {name}" for name in COUNTS]
    sums += [f"{_sum(name, vendor)} AS {name}" for name in SUMS]
    # A number for each row of the month, by which its histograms are found.
    return f"""
        WITH days AS MATERIALIZED (
            SELECT {by}, {", ".join((*COUNTS, *SUMS, *BINS))}, dense_rank() OVER (ORDER BY {by}) AS number
            FROM {DailyRollup._meta.db_table}
            WHERE starts_at >= %s AND starts_at < %s AND overall = FALSE AND keyless = {level == "keyless"}
        ), months AS MATERIALIZED (
            SELECT number, {by}, {", ".join(sums)} FROM days GROUP BY number, {by}
        ), {", ".join(_histogram(name, vendor) for name in BINS)}
        SELECT {identity} AS id, %s AS starts_at, FALSE AS overall, {flags}, {dimensions},
            {", ".join((*COUNTS, *SUMS))}, {", ".join(f"coalesce({name}, '{{}}') AS {name}" for name in BINS)}
        FROM months {" ".join(f"LEFT JOIN months_{name} USING (number)" for name in BINS)}
    """  # noqa: S608


def _sum(name: str, vendor: str) -> str:
    """The sum of a column, the largest bigint at most."""
    if vendor != "sqlite":
        return f"CASE WHEN sum({name}) > {LARGEST} THEN {LARGEST} ELSE CAST(sum({name}) AS bigint) END"
    # Its own ends with an error beyond that, but an addition turns into a float, and the cast of one saturates.
    return f"CAST(sum({name} / {_PART}) * {_PART} + sum({name} %% {_PART}) AS bigint)"


def _histogram(name: str, vendor: str) -> str:
    if vendor == "sqlite":
        each, made = f"json_each({name})", "json_group_object(key, times)"
    else:
        each, made = f"jsonb_each_text({name}) AS bin", "jsonb_object_agg(key, times)"
    return f"""months_{name} AS MATERIALIZED (
        SELECT number, {made} AS {name} FROM (
            SELECT number, key, sum(CAST(value AS bigint)) AS times FROM days, {each} GROUP BY number, key
        ) AS bins GROUP BY number
    )"""  # noqa: S608
