"""Reads lists of rows, newest first, a page or a block at a time: from a place, never by counting rows.

A filter that no index leads to may match few of many rows. So at most READ rows are looked at for a page, and the page
says how far back that was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from django.db import connection
from django.db.models import Max, Min, Q, QuerySet, TextField
from django.db.models.functions import Cast

from usage.reports.rows.filters import REQUESTS, Chosen

READ: Final = 20_000
"""Rows that are looked at for one page, where no index leads to those that match."""
BLOCK: Final = 1_000
"""Rows of a file that are read at a time."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND, _MILLISECOND = timedelta(microseconds=1), timedelta(milliseconds=1)
_MARGIN = timedelta(days=1)
"""A row's id is made a moment before it starts; a clock that is set between the two is allowed for."""


class WrongPlace(ValueError):
    """Text that is no place in a list."""


class Place(msgspec.Struct, frozen=True):
    """A place in a list: that of a row, or of all rows of a moment with the lowest id."""

    moment: datetime
    id: UUID = UUID(int=0)

    def __str__(self) -> str:
        return f"{(self.moment - _EPOCH) // _MICROSECOND}-{self.id.hex}"

    @classmethod
    def read(cls, text: str) -> Place:
        """Returns the place that was written as `text`. Raises WrongPlace."""
        moment, _, identity = text.partition("-")
        try:
            return cls(_EPOCH + int(moment) * _MICROSECOND, UUID(identity))
        except (ValueError, OverflowError) as error:
            raise WrongPlace("This is no place in the list. Go back to its newest rows.") from error


class Selection(msgspec.Struct, frozen=True):
    """The rows of a list: filtered, and from `since` to before `until`. `rows` are those that the reader may see."""

    rows: QuerySet[Any]
    chosen: Chosen
    since: datetime
    until: datetime


class Page(msgspec.Struct, frozen=True):
    """Rows of a list, newest first, and the places that the next ones lead on from, where there may be any.

    `searched_to` is the moment up to which rows were looked at, where they were too many to look at all.
    """

    rows: list[Any]
    older: Place | None = None
    newer: Place | None = None
    searched_to: datetime | None = None


def first_id(moment: datetime) -> UUID:
    """Returns the lowest UUIDv7 of a moment."""
    ms = (moment - _EPOCH) // _MILLISECOND
    return UUID(int=min(max(ms, 0), 2**48 - 1) << 80)


def moment_of(identity: UUID) -> datetime:
    """Returns when an id was made."""
    return _EPOCH + (identity.int >> 80) * _MILLISECOND


def page(of: Selection, size: int, *, older: Place | None = None, newer: Place | None = None) -> Page:
    """Returns the first rows older than a place, or the last ones newer than it; else the newest ones."""
    if newer is not None:
        found, end = _read(of, newer, size, newest_first=False)
        rows, has_newer = found[:size][::-1], len(found) > size
        return Page(
            rows,
            older=place_of(of, rows[-1]) if rows else newer,
            newer=place_of(of, rows[0]) if has_newer else end,
            searched_to=None if end is None or has_newer else end.moment,
        )
    found, end = _read(of, older, size, newest_first=True)
    rows = found[:size]
    has_older = len(found) > size
    return Page(
        rows,
        older=place_of(of, rows[-1]) if has_older else end,
        newer=(place_of(of, rows[0]) if rows else older) if older is not None else None,
        searched_to=None if end is None or has_older else end.moment,
    )


def every(
    of: Selection, columns: Sequence[str], before_each: Callable[[], None] = lambda: None
) -> Iterator[tuple[Any, ...]]:
    """Yields columns of all rows, newest first. Each query is short, so whoever reads slowly holds no cursor open;
    `before_each` of them is called, and may raise."""
    position, place = {name: at for at, name in enumerate(columns)}, None
    started, identity = position["started_at"], position["id"]
    while True:
        before_each()
        found, end = _read(of, place, BLOCK, newest_first=True, columns=columns)
        yield from found[:BLOCK]
        if len(found) > BLOCK:
            last = found[BLOCK - 1]
            place = Place(last[started], last[identity])
        elif end is not None:
            place = end
        else:
            return


def place_of(of: Selection, row: Any) -> Place:
    """Returns the place of a row."""
    return Place(row.started_at, row.pk) if of.chosen.kind is REQUESTS else Place(moment_of(row.pk), row.pk)


def _read(
    of: Selection, place: Place | None, size: int, *, newest_first: bool, columns: Sequence[str] = ()
) -> tuple[list[Any], Place | None]:
    """Returns up to size + 1 rows beyond a place in order, and the place where the search was cut, if it was."""
    order = [f"-{name}" if newest_first else name for name in of.chosen.kind.order]
    base = of.rows.filter(of.chosen.indexed).order_by(*order)
    if not of.chosen.exact:
        base = base.filter(_within(of))
    if place is not None:
        base = base.filter(_beyond(of, place, newest_first=newest_first))
    rows, end = base, None
    if of.chosen.others and not of.chosen.exact:
        end = _end(of, base, newest_first=newest_first)
        if end is not None:
            rows = rows.filter(_up_to(of, end, newest_first=newest_first))
    matching = rows.filter(of.chosen.others)
    found: list[Any] = list((matching.values_list(*columns) if columns else matching)[: size + 1])
    if end is not None and len(found) <= size:
        after = base.filter(_beyond(of, end, newest_first=newest_first))
        return found, end if after.exists() else None
    return found, None


def _within(of: Selection) -> Q:
    ids = Q(id__gte=first_id(of.since), id__lt=first_id(of.until))
    if of.chosen.kind is not REQUESTS:
        return ids
    moments = Q(started_at__gte=of.since, started_at__lt=of.until)
    if connection.vendor != "postgresql":
        return moments
    # Ids say which partitions hold the rows. SQLite would read the rows themselves for their ids, not the index alone.
    return moments & Q(id__gte=first_id(_earlier(of.since)), id__lt=first_id(_later(of.until)))


def _earlier(moment: datetime) -> datetime:
    return max(moment, _EPOCH + _MARGIN) - _MARGIN


def _later(moment: datetime) -> datetime:
    return min(moment, datetime.max.replace(tzinfo=UTC) - _MARGIN) + _MARGIN


def _beyond(of: Selection, place: Place, *, newest_first: bool) -> Q:
    side = "lt" if newest_first else "gt"
    identity = Q(**{f"id__{side}": place.id})
    if of.chosen.kind is not REQUESTS:
        return identity
    return Q(**{f"started_at__{side}e": place.moment}) & (Q(**{f"started_at__{side}": place.moment}) | identity)


def _up_to(of: Selection, end: Place, *, newest_first: bool) -> Q:
    side = "gte" if newest_first else "lte"
    if of.chosen.kind is not REQUESTS:
        return Q(**{f"id__{side}": end.id})
    return Q(**{f"started_at__{side}": end.moment})


def _end(of: Selection, base: QuerySet[Any], *, newest_first: bool) -> Place | None:
    """Returns the place of the last of READ rows; None where there is none."""
    extreme = Min if newest_first else Max
    if of.chosen.kind is REQUESTS:
        # Without the ids of equal moments, an index has all that is read.
        moments = base.order_by("-started_at" if newest_first else "started_at").values("started_at")[:READ]
        moment = moments.aggregate(end=extreme("started_at"))["end"]
        # Beyond it is what started before, or after: not what started at the same moment.
        return None if moment is None else Place(moment, UUID(int=0 if newest_first else 2**128 - 1))
    # PostgreSQL finds no smallest UUID; as text they have the same order.
    ids = base.annotate(text=Cast("id", TextField())).values("text")[:READ]
    text = ids.aggregate(end=extreme("text"))["end"]
    return None if text is None else Place(moment_of(UUID(text)), UUID(text))
