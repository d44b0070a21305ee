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
from usage.rollups.measures import BINS, COUNTS, DIMENSIONS, SUMS
from usage.rollups.models import DailyRollup, MonthRollup

Statement = tuple[str, Sequence[Any]]
"""SQL with its values."""

_OF_OWNER: Final = ", ".join(name for name in DIMENSIONS if name not in {"key_id", "key_name"})
_COLUMNS: Final = ", ".join(("id", "starts_at", "overall", "key_name", _OF_OWNER, *COUNTS, *SUMS, *BINS))
"""Those of a month; key_id stays NULL."""
_PART = 10**9


def of_days(start: datetime, end: datetime) -> Statement:
    """Returns what selects the rows of the month that begins at `start`, from the days between two moments."""
    values = (start, end, start)
    return _select(connection.vendor), [texts.sqlite_moment(value) for value in values] if _is_sqlite() else values


@contextmanager
def prepared(start: datetime, end: datetime) -> Iterator[Statement]:
    """Adds the days up on SQLite before a transaction that writes them, which then locks others out for a moment only.
    Yields what selects the rows; they are gone at the end."""
    statement, values = of_days(start, end)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS temp.month_added_up")
        cursor.execute(f"CREATE TEMP TABLE month_added_up AS {statement}", values)
        try:
            yield "SELECT * FROM temp.month_added_up", ()
        finally:
            cursor.execute("DROP TABLE temp.month_added_up")


def insert(rows: Statement) -> None:
    """Inserts the rows of a month, given by what selects them, in the caller's transaction."""
    statement, values = rows
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {MonthRollup._meta.db_table} ({_COLUMNS}) {statement}", values)


def _is_sqlite() -> bool:
    return connection.vendor == "sqlite"


@cache
def _select(vendor: str) -> str:
    identity = "lower(hex(randomblob(16)))" if vendor == "sqlite" else "gen_random_uuid()"
    sums = [f"CAST(sum({name}) AS bigint) AS {name}" for name in COUNTS]
    sums += [f"{_sum(name, vendor)} AS {name}" for name in SUMS]
    # A number for each row of the month, by which its histograms are found.
    return f"""
        WITH days AS MATERIALIZED (
            SELECT {_OF_OWNER}, {", ".join((*COUNTS, *SUMS, *BINS))}, dense_rank() OVER (ORDER BY {_OF_OWNER}) AS number
            FROM {DailyRollup._meta.db_table}
            WHERE starts_at >= %s AND starts_at < %s AND overall = FALSE AND keyless = FALSE
        ), months AS MATERIALIZED (
            SELECT number, {_OF_OWNER}, {", ".join(sums)} FROM days GROUP BY number, {_OF_OWNER}
        ), {", ".join(_histogram(name, vendor) for name in BINS)}
        SELECT {identity} AS id, %s AS starts_at, FALSE AS overall, '' AS key_name, {_OF_OWNER},
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
