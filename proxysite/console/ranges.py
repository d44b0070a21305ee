"""Ranges of time in URLs: `range=24h`, or `from` and `to`. What pages of usage are about, and the widget to choose it.

All moments are written in TIME_ZONE.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec
from django import forms
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from unfold.contrib.filters.admin import RangeDateFilter

from access.validation import validate_year
from usage.reports.query import Period
from usage.rollups.accumulate import QUARTER, local_day, midnight

STANDARD: Final = "24h"
TITLES: Final = {
    "1h": "1 hour", "24h": "24 hours", "today": "Today", "7d": "7 days", "30d": "30 days", "month": "This month",
}  # fmt: skip
"""The ranges that have a name, in order. The first two roll; days are days of TIME_ZONE, and today is one of them."""
PARAMETERS: Final = ("range", "from", "to", "started_at_from", "started_at_to")
"""All that `read` looks at. The last two are days in links of earlier versions."""
BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_QUARTER = timedelta(seconds=QUARTER)
_WRONG = "Write a day such as 2026-11-30, or a minute such as 2026-11-30T14:05."
_DAY = forms.DateField(required=False, validators=[validate_year])


class WrongRange(ValueError):
    """A range that cannot be read; the text says what to write instead."""


class Range(msgspec.Struct, frozen=True):
    """From `since` to before `until`, both in UTC; `name` is its name in TITLES, if it has one."""

    since: datetime
    until: datetime
    name: str = ""

    @property
    def title(self) -> str:
        """What the range is called: its name, its days, or its moments."""
        if self.name:
            return TITLES[self.name]
        if days := self.days():
            return f"{days.first}" if days.first == days.last else f"{days.first} to {days.last}"
        return f"{_text(self.since).replace('T', ' ')} to {_text(self.until).replace('T', ' ')}"

    def pairs(self) -> list[tuple[str, str]]:
        """Returns the parameters of a URL that `read` reads as this range."""
        if self.name:
            return [("range", self.name)]
        if days := self.days():
            return [("from", str(days.first)), ("to", str(days.last))]
        return [("from", _text(self.since)), ("to", _text(self.until))]

    def days(self) -> Period | None:
        """Returns the days of TIME_ZONE that this range is, the last one still going on if it has a name; None where it
        begins or ends in the middle of one."""
        covering = self.covering()
        if self.since != covering.start or not (self.until == covering.end or self.name not in ("", "1h", "24h")):
            return None
        return covering

    def covering(self) -> Period:
        """Returns the days of TIME_ZONE that have a part in this range."""
        first, last = (local_day(int(one.timestamp())) for one in (self.since, self.until - timedelta(microseconds=1)))
        return Period(first, max(first, last))

    def before(self) -> Range:
        """Returns the range to compare with: as long, right before this one, and not before BEGINNING.

        That of named days has as many days and ends at the same time of day; that of this month begins with the last.
        """
        length = self.until - self.since
        if self.name == "month":
            first = midnight((self.covering().first - timedelta(days=1)).replace(day=1)).astimezone(UTC)
            return Range(first, min(first + length, self.since))
        if self.name and self.days():
            days = timedelta(days=(self.covering().last - self.covering().first).days + 1)
            return Range(_same_time(self.since, days), min(_same_time(self.until, days), self.since))
        return Range(self.since - min(length, max(timedelta(), self.since - BEGINNING)), self.since)


def named(name: str, now: datetime | None = None) -> Range:
    """Returns the range of a name in TITLES. It begins and ends with a quarter hour, as rollups do.

    Raises WrongRange for another name.
    """
    until = _next_quarter(now or timezone.now())
    today = local_day(int((until - timedelta(microseconds=1)).timestamp()))
    firsts: dict[str, Callable[[], datetime]] = {
        "1h": lambda: until - timedelta(hours=1) - _QUARTER,
        "24h": lambda: until - timedelta(days=1) - _QUARTER,
        "today": lambda: midnight(today),
        "7d": lambda: midnight(today - timedelta(days=6)),
        "30d": lambda: midnight(today - timedelta(days=29)),
        "month": lambda: midnight(today.replace(day=1)),
    }
    if name not in firsts:
        raise WrongRange(f"There is no range of this name. Choose one of {', '.join(TITLES)}.")
    return Range(firsts[name]().astimezone(UTC), until, name)


def read(parameters: Mapping[str, str], standard: str = STANDARD, now: datetime | None = None) -> Range:
    """Returns the range in the parameters of a URL.

    `from` and `to` are days (both included) or moments (the last one is not). Where one is missing the range begins
    with the first of all rows, or ends now. Raises WrongRange.
    """
    first = parameters.get("from") or parameters.get("started_at_from") or ""
    last = parameters.get("to") or parameters.get("started_at_to") or ""
    if not (first or last):
        return named(parameters.get("range") or standard, now)
    since = _moment(first, days_later=0) if first else BEGINNING
    until = _moment(last, days_later=1) if last else _next_quarter(now or timezone.now())
    if since >= until:
        raise WrongRange("The range ends before it begins. Choose a later end.")
    return Range(since, until)


def widget(chosen: Range | None, parameters: QueryDict, drop: Iterable[str] = (), error: str = "") -> dict[str, Any]:
    """Returns the context of `console/range.html` as `ranges`: links to the ranges with a name, and a form for others.

    All `parameters` are kept but those of a range and the ones to `drop`, such as the place in a list. `chosen` is None
    where the URL has an `error`.
    """
    dropped = {*PARAMETERS, *drop}
    kept = [(name, value) for name, values in parameters.lists() if name not in dropped for value in values]

    def url(name: str) -> str:
        query = QueryDict(mutable=True)
        query["range"] = name
        for parameter, value in kept:
            query.appendlist(parameter, value)
        return f"?{query.urlencode()}"

    return {
        "choices": [
            {"title": title, "url": url(name), "active": chosen is not None and name == chosen.name}
            for name, title in TITLES.items()
        ],
        "title": "" if chosen is None else chosen.title,
        "is_other": chosen is not None and not chosen.name,
        "from": parameters.get("from", "") if chosen is None else _field(chosen.since),
        "to": parameters.get("to", "") if chosen is None else _field(chosen.until),
        "kept": kept,
        "error": error,
    }


def _same_time(moment: datetime, earlier: timedelta) -> datetime:
    """Returns the same time of an earlier day of TIME_ZONE."""
    zone = timezone.get_default_timezone()
    return (moment.astimezone(zone) - earlier).replace(fold=0).astimezone(UTC)


def _next_quarter(moment: datetime) -> datetime:
    return datetime.fromtimestamp((int(moment.timestamp()) // QUARTER + 1) * QUARTER, UTC)


def _moment(text: str, days_later: int) -> datetime:
    try:
        if day := parse_date(text):
            validate_year(day)
            return midnight(day + timedelta(days=days_later)).astimezone(UTC)
        moment = parse_datetime(text)
        if moment is None:
            raise WrongRange(_WRONG)
        validate_year(moment)
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.get_default_timezone())).astimezone(UTC)
    except WrongRange:
        raise
    except ValidationError as error:
        raise WrongRange(error.messages[0]) from error
    except (ValueError, OverflowError) as error:
        raise WrongRange(_WRONG) from error


def _text(moment: datetime) -> str:
    """Returns a moment as `read` reads it: with its offset only where TIME_ZONE has that hour twice."""
    local = moment.astimezone(timezone.get_default_timezone())
    plain = _field(moment)
    return plain if local.fold == 0 else f"{plain}{local:%z}"


def _field(moment: datetime) -> str:
    local = moment.astimezone(timezone.get_default_timezone()).replace(tzinfo=None)
    return local.isoformat(timespec="auto" if local.second or local.microsecond else "minutes")


class DayRangeFilter(RangeDateFilter):
    """The filter of a list of the admin by days of TIME_ZONE, the first and the last included."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filters by days; text that is not a date leads back to the unfiltered list."""
        if first := self._midnight("from", 0):
            queryset = queryset.filter(**{f"{self.parameter_name}__gte": first})
        if end := self._midnight("to", 1):
            queryset = queryset.filter(**{f"{self.parameter_name}__lt": end})
        return queryset

    def _midnight(self, side: str, days_later: int) -> datetime | None:
        try:
            day: date | None = _DAY.clean(self.used_parameters.get(f"{self.parameter_name}_{side}"))
        except ValidationError as error:
            raise IncorrectLookupParameters(str(error)) from error
        return None if day is None else midnight(day + timedelta(days=days_later))
