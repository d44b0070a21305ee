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
from usage.rollups.measures import BINS, COUNTS, DIMENSIONS, OF_KEY, SUMS
from usage.rollups.models import DailyRollup, MonthRollup

Statement = tuple[str, Sequence[Any]]
"""SQL with its values."""

_WITHOUT_KEY: Final = ", ".join(name for name in DIMENSIONS if name not in OF_KEY)
_COLUMNS: Final = ", ".join(
    ("id", "starts_at", "overall", "keyless", "key_name", "owner_id", "owner_name", _WITHOUT_KEY, *COUNTS, *SUMS, *BINS)
)
"""Those of a month; key_id stays NULL."""
_PART = 10**9


def of_days(start: datetime, end: datetime) -> list[Statement]:
    """Returns what selects the rows of the month that begins at `start`, from the days between two moments: those by
    owner, and those without."""
    values = (start, end, start)
    bound = [texts.sqlite_moment(value) for value in values] if _is_sqlite() else values
    return [(_select(connection.vendor, keyless), bound) for keyless in (False, True)]


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
def _select(vendor: str, keyless: bool) -> str:
    by = _WITHOUT_KEY if keyless else f"owner_id, owner_name, {_WITHOUT_KEY}"
    # PostgreSQL has no bigint NULL without a cast.
    owner = "CAST(NULL AS bigint) AS owner_id, '' AS owner_name" if keyless else "owner_id, owner_name"
    identity = "lower(hex(randomblob(16)))" if vendor == "sqlite" else "gen_random_uuid()"
    sums = [f"CAST(sum({name}) AS bigint) AS {name}" for name in COUNTS]
    sums += [f"{_sum(name, vendor)} AS {name}" for name in SUMS]
    # A number for each row of the month, by which its histograms are found.
    return f"""
        WITH days AS MATERIALIZED (
            SELECT {by}, {", ".join((*COUNTS, *SUMS, *BINS))}, dense_rank() OVER (ORDER BY {by}) AS number
            FROM {DailyRollup._meta.db_table}
            WHERE starts_at >= %s AND starts_at < %s AND overall = FALSE AND keyless = {keyless}
        ), months AS MATERIALIZED (
            SELECT number, {by}, {", ".join(sums)} FROM days GROUP BY number, {by}
        ), {", ".join(_histogram(name, vendor) for name in BINS)}
        SELECT {identity} AS id, %s AS starts_at, FALSE AS overall, {keyless} AS keyless, '' AS key_name,
            {owner}, {_WITHOUT_KEY},
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
