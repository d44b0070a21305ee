"""The curve of a budget as points of an SVG: what was spent by day, an even pace, and the days to come."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from django.utils import timezone

from usage.budgets.pace import BurnDown
from usage.budgets.standing import Standing
from usage.reports.query import Period

WIDTH: Final = 1000
HEIGHT: Final = 200
_HEADROOM = Decimal("1.1")
"""How much higher than the highest line the drawing is."""


class Chart(msgspec.Struct, frozen=True):
    """Points as SVG has them, in a box of WIDTH x HEIGHT. `even` is the straight line from nothing to the limit, empty
    where the budget never resets; `ahead` goes on at the pace of now, empty where nothing is spent."""

    spent: str
    area: str
    even: str
    ahead: str
    limit: str
    begins: date
    ends: date
    width: int = WIDTH
    height: int = HEIGHT


def of(standing: Standing, burn: BurnDown, now: datetime) -> Chart:
    """Returns the chart of a budget's window of now."""
    begins = max(standing.starts_at, Period(burn.days[0], burn.days[0]).start)
    ends = standing.resets_at or max(now, burn.runs_out_at or now) + timedelta(days=1)
    zone = ZoneInfo(standing.bound.zone)
    top = max(standing.limit, standing.spent) * _HEADROOM

    def points(moments: Iterable[tuple[datetime, Decimal]]) -> str:
        return " ".join(f"{_share(at, begins, ends) * WIDTH:.1f},{_height(money, top):.1f}" for at, money in moments)

    curve = [(begins, Decimal(0) if standing.starts_at >= begins else burn.spent[0])]
    curve += [(min(Period(day, day).end, now), money) for day, money in zip(burn.days, burn.spent, strict=True)]
    ahead = ""
    if burn.per_day > 0 and standing.spent < standing.limit and now < ends:
        until = burn.runs_out_at or ends
        more = burn.per_day * Decimal((until - now) / timedelta(days=1))
        ahead = points([(now, standing.spent), (until, min(standing.limit, standing.spent + more))])
    return Chart(
        spent=points(curve),
        area=points([(begins, Decimal(0)), *curve, (now, Decimal(0))]),
        even=points([(begins, Decimal(0)), (ends, standing.limit)]) if standing.resets_at is not None else "",
        ahead=ahead,
        limit=points([(begins, standing.limit), (ends, standing.limit)]),
        begins=timezone.localtime(begins, zone).date(),
        ends=timezone.localtime(ends, zone).date(),
    )


def _share(at: datetime, begins: datetime, ends: datetime) -> float:
    return min(1.0, max(0.0, (at - begins) / (ends - begins)))


def _height(money: Decimal, top: Decimal) -> float:
    return float(HEIGHT - HEIGHT * money / top)
