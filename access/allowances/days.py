"""When the days of a time zone begin and end: pure functions. A day may have 23 or 25 hours."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)


def day_ends(zone: str, now: float) -> float:
    """Returns when the day of `now` ends in a zone, both in POSIX seconds. Raises zoneinfo.ZoneInfoNotFoundError."""
    info = ZoneInfo(zone)
    return begins(info, day_of(info, now) + ONE_DAY)


def day_of(zone: ZoneInfo, now: float) -> date:
    """Returns the last day that has begun. That is not always the one that the clock shows: where it goes back over
    midnight, it shows the day before a second time."""
    day = datetime.fromtimestamp(now, zone).date()
    while now >= begins(zone, day + ONE_DAY):
        day += ONE_DAY
    return day


def begins(zone: ZoneInfo, day: date) -> float:
    """Returns the first instant at which the clock shows a day, or a later one where it skips the day."""
    midnight = datetime.combine(day, time(), zone)
    instant = midnight.timestamp()
    if datetime.fromtimestamp(instant, zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return instant
    # The clock skips midnight. With the offset of after the change the instant is before it, and the other way round.
    before, after = int(midnight.replace(fold=1).timestamp()), int(instant)
    while after - before > 1:
        middle = (before + after) // 2
        if datetime.fromtimestamp(middle, zone).date() < day:
            before = middle
        else:
            after = middle
    return float(after)
