"""When the window of a budget begins and resets: pure functions of a time zone's days, weeks and months."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from access.allowances.days import ONE_DAY, begins, day_of

DAY, WEEK, MONTH, TOTAL = "day", "week", "month", "total"
"""The periods, as access.allowances.models.Budget.Period has them."""

NEVER = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
"""When a budget in total resets, in POSIX seconds: a year that every time zone and database can hold."""

_DAYS_OF_WEEK = 7


def bounds(period: str, zone: str, week_starts: int, now: float) -> tuple[float, float]:
    """Returns when the period of `now` began, and when it resets, both in POSIX seconds.

    `zone` is a name of the IANA database; `week_starts` is 0 for Monday. A period begins with the first instant of its
    first day, whatever the clock then shows. Raises zoneinfo.ZoneInfoNotFoundError for an unknown zone.
    """
    if period == TOTAL:
        return 0.0, NEVER
    info = ZoneInfo(zone)
    day = day_of(info, now)
    if period == DAY:
        first, following = day, day + ONE_DAY
    elif period == WEEK:
        first = day - timedelta(days=(day.weekday() - week_starts) % _DAYS_OF_WEEK)
        following = first + timedelta(days=_DAYS_OF_WEEK)
    elif period == MONTH:
        first = day.replace(day=1)
        following = (first + timedelta(days=31)).replace(day=1)
    else:
        raise ValueError(f"{period!r} is no period of a budget")
    return begins(info, first), begins(info, following)
