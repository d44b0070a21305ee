"""Adds histograms up inside the database: rows of a year have half a million bins, which are too many to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

_EACH: Final = {"sqlite": "json_each", "postgresql": "jsonb_each_text"}


def sums(
    rows: QuerySet[Any], column: str, by: Sequence[str], starts: Sequence[datetime] = ()
) -> Iterator[tuple[tuple[Any, ...], int, int]]:
    """Yields the sum of each bin of a histogram's column over the rows that have the same values of the columns `by`,
    and with `starts` began between the same two of these moments: those values, and the number of the stretch of time
    (0 also before the first moment); the bin's number, and its count."""
    moments = ("starts_at",) if starts else ()
    try:
        inner, values = rows.order_by().values_list(*by, *moments, column).query.sql_with_params()
    except EmptyResultSet:
        return
    columns, numbers = "".join(f'part."{name}", ' for name in by), []
    if starts:
        # A constant where there is one stretch alone: CASE needs a branch.
        branches = "".join(f" WHEN part.starts_at < %s THEN {at}" for at, _ in enumerate(starts[1:]))
        columns += f"{f'CASE{branches} ELSE {len(starts) - 1} END' if branches else '0'} AS stretch, "
        numbers = [connection.ops.adapt_datetimefield_value(start) for start in starts[1:]]
    groups = ", ".join(map(str, range(1, len(by) + len(moments) + 2)))
    statement = f"""
        SELECT {columns} bin.key, sum(CAST(bin.value AS bigint)) FROM ({inner}) AS part,
            {_EACH[connection.vendor]}(part."{column}") AS bin GROUP BY {groups}
    """  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, (*numbers, *values))
        for *key, number, count in cursor:
            yield tuple(key), int(number), int(count)
