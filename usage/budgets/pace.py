"""How money was spent by day, how fast, and when a budget runs out if that goes on. From the rollups of whole requests,
by days of the gateway's time zone; the last point of a curve is what the budget's window says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from django.db.models import QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from access.keys import allowed_pattern
from usage.budgets.bound import Bound
from usage.budgets.standing import Standing
from usage.dollars_sum import DollarsSum
from usage.reports import query
from usage.reports.query import Period

DAYS = 7
"""Whose average is the pace."""
MOST_DAYS = 92
"""Days that a curve shows at most."""
_ZERO = Decimal(0)
_ONE_DAY = timedelta(days=1)

ByDay = Mapping[date, Decimal]


class BurnDown(msgspec.Struct, frozen=True):
    """What was spent of a budget until the end of each day, the last one until now, and where that leads.

    `per_day` is the average of the last DAYS days, or of those since it could be spent from where they are fewer.
    `runs_out_at` is None where the budget lasts until it resets, or nothing was spent. US dollars.
    """

    days: list[date]
    spent: list[Decimal]
    per_day: Decimal
    runs_out_at: datetime | None


def of(standing: Standing, now: datetime | None = None) -> BurnDown:
    """Returns the curve of a budget's window of now, from one query."""
    now = now or timezone.now()
    today = _day(now)
    first = max(_day(standing.starts_at), today - timedelta(days=MOST_DAYS - 1))
    by_day = spent_by_day(standing.bound, Period(min(first, today - timedelta(days=DAYS)), today))
    days = Period(first, today).days()
    spent, later = [], _ZERO
    for day in reversed(days):
        # Backwards from what the window says: of the first day only what came after its beginning counts.
        spent.append(max(_ZERO, standing.spent - later))
        later += by_day.get(day, _ZERO)
    pace = per_day(standing.bound, by_day, now)
    return BurnDown(days, spent[::-1], pace, runs_out_at(standing, pace, now))


def recent(now: datetime) -> Period:
    """Returns the days that `per_day` looks at."""
    return Period(_day(now) - timedelta(days=DAYS), _day(now))


def per_day(bound: Bound, by_day: ByDay, now: datetime) -> Decimal:
    """Returns US dollars a day: the average of the last DAYS days before now, or since whom it binds has existed."""
    today = _day(now)
    # The first of the days counts from this time of day on, which days do not tell: it counts in part.
    passed = Decimal((now - _midnight(today)).total_seconds()) / Decimal(_ONE_DAY.total_seconds())
    recent = sum((by_day.get(today - timedelta(days=n), _ZERO) for n in range(DAYS)), _ZERO)
    recent += by_day.get(today - timedelta(days=DAYS), _ZERO) * (1 - passed)
    # Usage that another gateway recorded may be older than its key.
    since = min([_exists_since(bound), *(_midnight(day) for day, money in by_day.items() if money)])
    age = Decimal((now - since).total_seconds()) / Decimal(_ONE_DAY.total_seconds())
    return recent / min(Decimal(DAYS), max(Decimal(1), age))


def runs_out_at(standing: Standing, pace: Decimal, now: datetime) -> datetime | None:
    """Returns when nothing is left at a pace; None where the window resets before, or that takes over a year."""
    left = standing.limit - standing.spent
    if left <= 0:
        return now
    if pace <= 0 or left / pace > 366:
        return None
    moment = now + timedelta(days=float(left / pace))
    return None if standing.resets_at is not None and moment >= standing.resets_at else moment


def spent_by_day(bound: Bound, period: Period) -> dict[date, Decimal]:
    """Returns what was spent on each day by those whose requests count in a budget; days without are left out."""
    budget, models = bound.budget, allowed_pattern(bound.budget.model_names)
    if budget.team_id is not None:
        rows = query.keyless(period).filter(team_id=budget.team_id)
    elif budget.key_id is not None:
        rows = query.keyed(period).filter(key_id=budget.key_id)
    elif budget.user_id is not None:
        rows = query.keyed(period).filter(owner_id=budget.user_id)
    else:
        rows = query.keyed(period).filter(owner_id=bound.member and bound.member.pk, team_id=budget.members_of_id)
    found: dict[date, Decimal] = {}
    for (day,), cost in _summed(rows, models, "day"):
        found[day] = found.get(day, _ZERO) + cost
    return found


def spent_by_member(bound: Bound, period: Period) -> dict[int, dict[date, Decimal]]:
    """Returns what each member of a team spent on each day in it, as `spent_by_day`, from one query for all."""
    models = allowed_pattern(bound.budget.model_names)
    rows = query.keyed(period).filter(team_id=bound.budget.members_of_id, owner_id__isnull=False)
    found: dict[int, dict[date, Decimal]] = {}
    for (day, owner_id), cost in _summed(rows, models, "day", "owner_id"):
        days = found.setdefault(owner_id, {})
        days[day] = days.get(day, _ZERO) + cost
    return found


def _summed(
    rows: QuerySet[Any], models: re.Pattern[str] | None, *columns: str
) -> list[tuple[tuple[Any, ...], Decimal]]:
    rows = rows.order_by().annotate(day=TruncDate("starts_at", tzinfo=timezone.get_default_timezone()))
    groups = rows.values(*columns, "model_name").annotate(total=DollarsSum("cost"))
    return [
        (tuple(row[column] for column in columns), row["total"])
        for row in groups
        if row["total"] is not None and (models is None or models.fullmatch(row["model_name"]))
    ]


def _exists_since(bound: Bound) -> datetime:
    budget = bound.budget
    whom: Any = budget.key or budget.team or budget.members_of or budget.user
    since: datetime = whom.date_joined if budget.user is not None else whom.created_at
    return since


def _day(moment: datetime) -> date:
    return timezone.localtime(moment, timezone.get_default_timezone()).date()


def _midnight(day: date) -> datetime:
    return Period(day, day).start
