"""Which rollups hold a stretch of time: months that are built, days, and quarter hours at its ends.

Nothing else chooses between the tables. Each of them counts a request once, and what is asked of them together comes
from one place, `Rows`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Final, Literal

import msgspec
from django.db.models import Aggregate, Case, Count, IntegerField, Max, Min, Q, QuerySet, Sum, When
from django.utils import timezone

from usage.reports import bins
from usage.rollups import histogram, months
from usage.rollups.accumulate import QUARTER, local_day, midnight
from usage.rollups.measures import DIMENSIONS, OF_KEY, OF_MONTH
from usage.rollups.models import DailyRollup, MonthRollup, UsageRollup

Bucket = Literal["quarter", "day", "month"]
"""The longest span that one row may stand for."""
_OF_MONTH: Final = {level: frozenset(names) for level, names in OF_MONTH.items()}
_OF_OVERALL: Final = frozenset({"outcome"})
_DIMENSIONS: Final = frozenset(DIMENSIONS)


class Rows(msgspec.Struct, frozen=True):
    """Rollups of a stretch of time, in querysets of several tables. `columns` are the dimensions that they tell apart:
    others are empty in some of them, so a question about these is refused with ValueError."""

    parts: tuple[QuerySet[Any], ...]
    columns: frozenset[str]

    def filter(self, *conditions: Q, **equal: Any) -> Rows:
        """Returns the rows that fit the conditions."""
        for condition in (*conditions, Q(**equal)):
            self._check(_names(condition))
        return self.each(lambda part: part.filter(*conditions, **equal))

    def each(self, change: Callable[[QuerySet[Any]], QuerySet[Any]]) -> Rows:
        """Returns the rows that `change` makes of each queryset, such as those that somebody may see."""
        return Rows(tuple(map(change, self.parts)), self.columns)

    def one(self) -> QuerySet[Any]:
        """Returns the only queryset, which whole days in buckets of a day have. Raises ValueError for several."""
        (part,) = self.parts
        return part

    def bins(self, column: str, *by: str, starts: Sequence[datetime] = ()) -> dict[tuple[Any, ...], histogram.Bins]:
        """Returns the histogram of a column over each group, by the values of the columns that it is grouped `by`, and
        with `starts` by the number of the stretch of time that begins at one of these moments."""
        self._check(by)
        rows, by = (self.with_stretch(starts), (*by, "stretch")) if starts else (self, by)
        found: dict[tuple[Any, ...], histogram.Bins] = {}
        for part in rows.parts:
            for key, one in bins.sums(part, column, by):
                histogram.add(found.setdefault(key, {}), one)
        return found

    def total(self, **aggregates: Aggregate) -> dict[str, Any]:
        """Returns the aggregates over all rows."""
        found: dict[str, Any] = {}
        for part in self.parts:
            _merge(found, part.order_by().aggregate(**aggregates), aggregates)
        return found

    def with_stretch(self, starts: Sequence[datetime]) -> Rows:
        """Returns the rows with a column `stretch`: the number of the stretch of time that begins at one of these few
        moments, which are in order."""
        ends = [When(starts_at__lt=end, then=number) for number, end in enumerate(starts[1:])]
        stretch = Case(*ends, default=len(starts) - 1, output_field=IntegerField())
        return self.each(lambda part: part.annotate(stretch=stretch))

    def groups(self, *by: str, **aggregates: Aggregate) -> list[dict[str, Any]]:
        """Returns the aggregates over each group, beside the columns that it is grouped `by`; in no order.

        Aggregates are Sum, Count, Min and Max, the latter also of names.
        """
        self._check(by)
        found: dict[tuple[Any, ...], dict[str, Any]] = {}
        for part in self.parts:
            for row in part.order_by().values(*by).annotate(**aggregates):
                key = tuple(row[name] for name in by)
                if (same := found.get(key)) is None:
                    found[key] = row
                else:
                    _merge(same, row, aggregates)
        return list(found.values())

    def _check(self, names: Iterable[str]) -> None:
        unknown = {name.partition("__")[0] for name in names} & _DIMENSIONS - self.columns
        if unknown:
            raise ValueError(f"these rollups do not tell {', '.join(sorted(unknown))} apart: name it in `by`")


def rows(
    since: datetime, until: datetime, by: Iterable[str] = (), *, bucket: Bucket = "month", zone: tzinfo | None = None
) -> Rows:
    """Returns the rollups of requests that began from `since` to before `until`, for questions that group and filter
    `by` some of DIMENSIONS; the outcome is always there.

    Both moments are widened to quarter hours, and one that is later than now to the end of the day. `bucket` is
    "month" for sums over the whole or by months, "day" for sums by days, "quarter" for less. `zone` is the time zone
    of these days and months, TIME_ZONE if it is not given.
    """
    columns = frozenset(by) | _OF_OVERALL
    if unknown := columns - _DIMENSIONS:
        raise ValueError(f"rollups have no dimension {', '.join(sorted(unknown))}")
    is_of_site = zone is None or str(zone) == str(timezone.get_default_timezone())
    if bucket == "quarter" or not is_of_site or not months.has_days():
        return Rows((_quarters(since, until, columns),), columns)
    first, end = local_day(since.timestamp()), local_day(until.timestamp())
    if midnight(first) < since:
        first += timedelta(days=1)
    if midnight(end) < until and until > timezone.now():
        end += timedelta(days=1)
    if first >= end:
        return Rows((_quarters(since, until, columns),), columns)
    parts = []
    if since < midnight(first):
        parts.append(_quarters(since, midnight(first), columns))
    parts += _whole_days(first, end, columns, bucket)
    if midnight(end) < until:
        parts.append(_quarters(midnight(end), until, columns))
    return Rows(tuple(parts), columns)


def _whole_days(first: date, end: date, columns: frozenset[str], bucket: Bucket) -> list[QuerySet[Any]]:
    """Returns the rollups of days from `first` to before `end`."""
    level = _level_of_month(columns)
    if bucket != "month" or columns <= _OF_OVERALL or level is None:
        return [_days(first, end, columns)]
    parts, starts = [], []
    for month, until in months.built(first, end):
        if first < month:
            parts.append(_days(first, month, columns))
        starts.append(midnight(month))
        first = until
    if first < end:
        parts.append(_days(first, end, columns))
    return [MonthRollup.objects.filter(**level, starts_at__in=starts), *parts] if starts else parts


def _level_of_month(columns: frozenset[str]) -> dict[str, list[bool]] | None:
    """Returns the level of months that tells these dimensions apart, with the fewest rows; None if none does."""
    level = next((level for level in ("keyless", "of_key", "") if columns <= _OF_MONTH[level]), None)
    return None if level is None else {f"{name}__in": [name == level] for name in ("keyless", "of_key")}


def _days(first: date, end: date, columns: frozenset[str]) -> QuerySet[Any]:
    # Not as conditions that are true or false: SQLite finds no index for these.
    level = {"overall__in": [columns <= _OF_OVERALL], "keyless__in": [_is_keyless(columns)]}
    return DailyRollup.objects.filter(**level, starts_at__gte=midnight(first), starts_at__lt=midnight(end)).order_by()


def _is_keyless(columns: frozenset[str]) -> bool:
    return not columns <= _OF_OVERALL and columns.isdisjoint(OF_KEY)


def _quarters(since: datetime, until: datetime, columns: frozenset[str]) -> QuerySet[Any]:
    since = datetime.fromtimestamp(since.timestamp() // QUARTER * QUARTER, UTC)
    level = {"overall__in": [columns <= _OF_OVERALL]}
    # Its last quarter hour is the one that begins before `until`.
    return UsageRollup.objects.filter(**level, starts_at__gte=since, starts_at__lt=until).order_by()


def _merge(into: dict[str, Any], row: dict[str, Any], aggregates: dict[str, Aggregate]) -> None:
    for name, aggregate in aggregates.items():
        values = [value for value in (into.get(name), row[name]) if value is not None]
        if isinstance(aggregate, Sum | Count) and not getattr(aggregate, "distinct", False):
            into[name] = sum(values[1:], start=values[0]) if values else None
        elif isinstance(aggregate, Max | Min):
            into[name] = (max if isinstance(aggregate, Max) else min)(values, default=None)
        else:
            raise TypeError(f"{aggregate} of several tables cannot be put together")


def _names(condition: Q) -> Iterator[str]:
    for child in condition.children:
        if isinstance(child, Q):
            yield from _names(child)
        elif isinstance(child, tuple):
            yield child[0]
        else:
            raise TypeError(f"not a condition on a column: {child}")
