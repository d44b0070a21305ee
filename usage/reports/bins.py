"""Adds histograms up. The database puts those of a group together, one text each, and this process adds their bins:
taken apart in the database, which sorts half a million bins of a year, they took four times as long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from usage.rollups import histogram

_TOGETHER: Final = {"sqlite": "group_concat({})", "postgresql": "string_agg(CAST({} AS text), ',')"}
_several = msgspec.json.Decoder(list[dict[int, int]])


def sums(rows: QuerySet[Any], column: str, by: Sequence[str]) -> Iterator[tuple[tuple[Any, ...], histogram.Bins]]:
    """Yields the sum of a histogram's column over the rows that have the same values of the columns `by`: those values,
    and the histogram."""
    try:
        inner, values = rows.order_by().values_list(*by, column).query.sql_with_params()
    except EmptyResultSet:
        return
    columns = "".join(f'part."{name}", ' for name in by)
    groups = ", ".join(map(str, range(1, len(by) + 1)))
    together = _TOGETHER[connection.vendor].format(f'part."{column}"')
    statement = f"SELECT {columns} {together} FROM ({inner}) AS part {f'GROUP BY {groups}' if groups else ''}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        for *key, texts in cursor:
            found: histogram.Bins = {}
            for bins in _several.decode(f"[{texts or ''}]"):
                histogram.add(found, bins)
            yield tuple(key), found
