"""How many requests of a list began when, and how many failed: from quarter hours, beyond two days from days."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

import msgspec
from django.db.models import Model, Q, Sum
from django.utils import timezone

from usage.dollars_sum import DollarsSum
from usage.reports import daily, spans
from usage.reports.rows.filters import ATTEMPTS, REQUESTS, Chosen
from usage.rollups.accumulate import QUARTER
from usage.rollups.measures import ERRORS
from usage.rollups.models import UsageRollup

LONGEST_IN_QUARTERS: Final = timedelta(days=2, hours=1)
MOST: Final = 800
"""Bars of a histogram; a longer range has none."""
_QUARTER = timedelta(seconds=QUARTER)


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
    """Returns the histogram of a range, to the quarter hour; None where there can be none: attempts are added up by
    days of UTC alone."""
    in_days = until - since > LONGEST_IN_QUARTERS
    if (chosen.kind is ATTEMPTS and not in_days) or chosen.exact or until - since > timedelta(days=MOST):
        return None
    bounds = _bounds(chosen, since, until, in_days=in_days)
    numbers: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    cost: Decimal | None = None
    for starts_at, outcome, number, money in _sums(chosen, bounds[0], bounds[-1], in_days=in_days):
        count = numbers[bisect_right(bounds, starts_at) - 1]
        count[0] += int(number)
        count[1] += int(number) if outcome in ERRORS else 0
        cost = money if cost is None else cost + (money or 0)
    bars = [Bar(*span, *numbers[at]) for at, span in enumerate(pairwise(bounds))]
    ignored = _condition(chosen)[1]
    return Histogram(bars, sum(bar.requests for bar in bars), sum(bar.failures for bar in bars), cost, ignored, in_days)


def _bounds(chosen: Chosen, since: datetime, until: datetime, *, in_days: bool) -> list[datetime]:
    """Returns the first moments of the bars in order, and the end of the last one: that of the day if it goes on."""
    first = datetime.fromtimestamp(int(since.timestamp()) // QUARTER * QUARTER, UTC)
    if not in_days:
        count = -((first - until) // _QUARTER)
        return [first + at * _QUARTER for at in range(count + 1)]
    zone = UTC if chosen.kind is ATTEMPTS else timezone.get_default_timezone()
    day = since.astimezone(zone).date()
    found: list[datetime] = []
    while not found or found[-1] < until:
        found.append(datetime.combine(day, time(), tzinfo=zone).astimezone(UTC))
        day += timedelta(days=1)
    if chosen.kind is ATTEMPTS:
        return found
    return [max(first, found[0]), *found[1:-1], found[-1] if until > timezone.now() else until]


def _sums(chosen: Chosen, since: datetime, until: datetime, *, in_days: bool) -> Iterator[tuple[Any, ...]]:
    """Yields moment, outcome, number and cost of what began in bars."""
    condition, _ = _condition(chosen)
    if chosen.kind is ATTEMPTS:
        days = daily.rollups(daily.ATTEMPTS, since, until).filter(condition)
        sums = days.values_list("starts_at", "outcome").annotate(number=Sum("attempts"), money=DollarsSum("cost"))
        yield from sums
        return
    by = {chosen.kind.filters[name].column for name in chosen.values} & _columns(UsageRollup)
    rows = spans.rows(since, until, by, bucket="day" if in_days else "quarter").filter(condition)
    for row in rows.groups("starts_at", "outcome", number=Sum("requests"), money=DollarsSum("cost")):
        yield tuple(row.values())


def _columns(model: type[Model]) -> set[str]:
    return {field.name for field in model._meta.get_fields()}


def _condition(chosen: Chosen) -> tuple[Q, tuple[str, ...]]:
    """Returns the condition of the filters on rollups, and the titles of those that rollups do not have."""
    model = UsageRollup if chosen.kind is REQUESTS else daily.ATTEMPTS.model
    columns = _columns(model)
    condition, ignored = Q(), []
    for name, values in chosen.values.items():
        each = chosen.kind.filters[name]
        if each.column in columns:
            condition &= each.condition(values)
        else:
            ignored.append(each.title)
    if chosen.search and not chosen.exact:
        ignored.append("id")
    return condition, tuple(ignored)
