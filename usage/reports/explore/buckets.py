"""The buckets of a question: hours, days, weeks (from Monday) and months of TIME_ZONE, or of UTC for attempts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

from usage.reports.explore.question import Question


def starts(question: Question) -> list[datetime]:
    """Returns the first moments of a question's buckets, in its zone; those of the first may be before the range."""
    zone, (since, until) = question.zone, question.counted
    if question.bucket == "total":
        return []
    if question.bucket == "hour":
        moment = since.astimezone(zone).replace(minute=0, second=0, microsecond=0)
        length = until - moment
        hours = -(-int(length.total_seconds()) // 3600)
        utc = moment.timestamp()
        return [datetime.fromtimestamp(utc + 3600 * number, zone) for number in range(hours)]
    first = _bucket_of(question, since.astimezone(zone).date())
    last = (until - timedelta(microseconds=1)).astimezone(zone).date()
    found = []
    while first <= last:
        found.append(datetime(first.year, first.month, first.day, tzinfo=zone))
        first = _next(question, first)
    return found


def _bucket_of(question: Question, day: date) -> date:
    if question.bucket == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if question.bucket == "month" else day


def _next(question: Question, first: date) -> date:
    if question.bucket == "month":
        return (first.replace(day=1) + timedelta(days=32)).replace(day=1)
    return first + timedelta(days=7 if question.bucket == "week" else 1)


def index(question: Question, moments: list[datetime]) -> Callable[[datetime], int]:
    """Returns the function from the start of a rollup to the number of its bucket."""
    zone = question.zone
    if question.bucket == "hour":
        began = moments[0].timestamp()
        return lambda moment: int(moment.timestamp() - began) // 3600
    numbers = {moment.date(): number for number, moment in enumerate(moments)}
    found: dict[datetime, int] = {}

    def number_of(moment: datetime) -> int:
        number = found.get(moment)
        if number is None:
            number = found[moment] = numbers[_bucket_of(question, moment.astimezone(zone).date())]
        return number

    return number_of
