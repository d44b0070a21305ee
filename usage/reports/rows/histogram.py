"""How many requests of a list began when, and how many failed: from quarter hours, beyond two days from days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

import msgspec
from django.db.models import Model, Q, QuerySet, Sum

from usage.reports import groups, query
from usage.reports.query import Period
from usage.reports.rows.filters import ATTEMPTS, REQUESTS, Chosen
from usage.rollups.accumulate import QUARTER, local_day, midnight
from usage.rollups.measures import ERRORS
from usage.rollups.models import UsageRollup

LONGEST_IN_QUARTERS: Final = timedelta(days=2, hours=1)
MOST: Final = 800
"""Bars of a histogram; a longer range has none."""
_QUARTER = timedelta(seconds=QUARTER)
_OF_KEYS = ("key", "owner")


class Bar(msgspec.Struct, frozen=True):
    """Requests that began in a span of time, and those of them that their caller saw fail."""

    since: datetime
    until: datetime
    requests: int = 0
    failures: int = 0


class Histogram(msgspec.Struct, frozen=True):
    """The bars of a range with their sums. `ignored` are the titles of filters that rollups know nothing of."""

    bars: list[Bar]
    requests: int
    failures: int
    cost: Decimal | None
    ignored: tuple[str, ...] = ()
    in_days: bool = False


def histogram(chosen: Chosen, since: datetime, until: datetime) -> Histogram | None:
    """Returns the histogram of a range, whose first and last bar may reach out of it; None where there can be none:
    attempts are added up by days of UTC alone."""
    in_days = until - since > LONGEST_IN_QUARTERS
    if (chosen.kind is ATTEMPTS and not in_days) or chosen.exact or until - since > timedelta(days=MOST):
        return None
    spans = _spans(chosen, since, until, in_days=in_days)
    condition, ignored = _condition(chosen)
    rows = _rollups(chosen, spans, in_days=in_days).filter(condition).order_by()
    counted = "attempts" if chosen.kind is ATTEMPTS else "requests"
    sums = rows.values_list("starts_at", "outcome").annotate(number=Sum(counted), money=Sum("cost"))
    numbers: dict[datetime, list[int]] = defaultdict(lambda: [0, 0])
    cost: Decimal | None = None
    for starts_at, outcome, number, money in sums:
        count = numbers[_start(starts_at, chosen, in_days=in_days)]
        count[0] += int(number)
        count[1] += int(number) if outcome in ERRORS else 0
        cost = money if cost is None else cost + (money or 0)
    bars = [Bar(*span, *numbers[span[0]]) for span in spans]
    return Histogram(bars, sum(bar.requests for bar in bars), sum(bar.failures for bar in bars), cost, ignored, in_days)


def _spans(chosen: Chosen, since: datetime, until: datetime, *, in_days: bool) -> list[tuple[datetime, datetime]]:
    if not in_days:
        first = datetime.fromtimestamp(int(since.timestamp()) // QUARTER * QUARTER, UTC)
        count = -((first - until) // _QUARTER)
        return [(first + at * _QUARTER, first + (at + 1) * _QUARTER) for at in range(count)]
    days = list(_days(chosen, since, until))
    return list(pairwise(days))


def _days(chosen: Chosen, since: datetime, until: datetime) -> Iterator[datetime]:
    """Yields the first moments of the days that have a part in a range, and of the day after."""
    if chosen.kind is ATTEMPTS:
        day = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        while day < until:
            yield day
            day += timedelta(days=1)
        yield day
        return
    local = local_day(int(since.timestamp()))
    while midnight(local) < until:
        yield midnight(local).astimezone(UTC)
        local += timedelta(days=1)
    yield midnight(local).astimezone(UTC)


def _rollups(chosen: Chosen, spans: list[tuple[datetime, datetime]], *, in_days: bool) -> QuerySet[Any]:
    since, until = spans[0][0], spans[-1][1]
    # Filters that rollups do not have are left out.
    model = UsageRollup if chosen.kind is REQUESTS else groups.PROVIDERS.model
    overall = {chosen.kind.filters[name].column for name in chosen.values} & _columns(model) <= {"outcome"}
    if not in_days:
        # Not as a condition that is true or false: SQLite finds no index for these.
        rows: QuerySet[Any] = UsageRollup.objects.filter(overall__in=[overall])
        return rows.filter(starts_at__gte=since, starts_at__lt=until)
    if chosen.kind is ATTEMPTS:
        last = (until - timedelta(days=1)).date()
        return groups.rollups(groups.PROVIDERS, Period(since.date(), last))
    period = Period(local_day(int(since.timestamp())), local_day(int(until.timestamp()) - 1))
    if overall:
        return query.overall(period)
    return query.keyed(period) if set(_OF_KEYS) & set(chosen.values) else query.keyless(period)


def _start(starts_at: datetime, chosen: Chosen, *, in_days: bool) -> datetime:
    """Returns the first moment of the bar that a rollup is in: before there are days of TIME_ZONE, quarter hours are
    added up."""
    if in_days and chosen.kind is REQUESTS:
        return midnight(local_day(int(starts_at.timestamp()))).astimezone(UTC)
    return starts_at


def _columns(model: type[Model]) -> set[str]:
    return {field.name for field in model._meta.get_fields()}


def _condition(chosen: Chosen) -> tuple[Q, tuple[str, ...]]:
    """Returns the condition of the filters on rollups, and the titles of those that rollups do not have."""
    model = UsageRollup if chosen.kind is REQUESTS else groups.PROVIDERS.model
    columns = _columns(model)
    condition, ignored = Q(), []
    for name, values in chosen.values.items():
        each = chosen.kind.filters[name]
        if each.column in columns:
            condition &= each.condition(values)
        else:
            ignored.append(each.title)
    return condition, tuple(ignored)
