"""Reads rows and rollups as the driver gives them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, models
from django.db.models import Max

from usage.journal import texts
from usage.rollups.accumulate import local_day, midnight
from usage.rollups.cells import LARGEST
from usage.rollups.figures import Figures
from usage.rollups.models import ClientRollup, TagRollup

AT_A_TIME = 2_000
A_DAY = timedelta(days=1)

Row = tuple[Any, ...]


def same(figures: Figures, stored: Figures) -> bool:
    """Whether stored figures are these, cut to what columns hold."""
    return figures == stored or [_limited(figure) for figure in figures] == stored


def _limited(figure: Any) -> Any:
    return min(figure, LARGEST) if isinstance(figure, int) else figure


def by_team_since(start: datetime) -> datetime:
    """Returns from when on a day of tags and clients counts its requests: its midnight, but where their rows are gone
    days of another TIME_ZONE stay as they are, and the last of these may end after that."""
    before = {"starts_at__gt": start - A_DAY, "starts_at__lt": start}
    yesterday = midnight(local_day(int(start.timestamp())) - A_DAY)
    found = [start]
    for model in (TagRollup, ClientRollup):
        days = model._default_manager.filter(**before).exclude(starts_at=yesterday)
        latest = days.aggregate(latest=Max("starts_at"))["latest"]
        found += [] if latest is None else [latest + A_DAY]
    return max(found)


def read(
    model: type[models.Model], columns: Sequence[str], column: str, *span: datetime | UUID, **chosen: bool
) -> Iterator[Row]:
    """Yields columns of the rows between two moments, or two ids, as the driver gives them."""
    quote, values = connection.ops.quote_name, list[Any](span)
    read_, table, moment = [quote(name) for name in columns], quote(model._meta.db_table), quote(column)
    if connection.vendor == "sqlite":
        values = [bound.hex if isinstance(bound, UUID) else texts.sqlite_moment(bound) for bound in span]
        # An expression has no declared type, by which Django would convert moments and truth values.
        read_ = [f"+{name}" for name in read_]
    conditions = [f"{moment} >= %s", f"{moment} < %s", *(f"{quote(name)} = %s" for name in chosen)]
    # Of a big day only a part is in memory at a time.
    with connection.chunked_cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(read_)} FROM {table} WHERE {' AND '.join(conditions)}",  # noqa: S608
            [*values, *chosen.values()],
        )
        while rows := cursor.fetchmany(AT_A_TIME):
            yield from rows
