"""What a list is asked for, read from its URL, and URLs that ask for something else of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import msgspec
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict

from access.roles.scope import visible
from access.validation import validate_year
from proxysite.console import ranges
from proxysite.console.ranges import Range, WrongRange
from usage.reports.rows import filters
from usage.reports.rows.filters import ATTEMPTS, REQUESTS, Chosen, Filter, Kind, WrongFilter
from usage.reports.rows.reading import Place, Selection, WrongPlace

PLACES: Final = ("older", "newer")
"""Parameters of a place in the list, which end with the filters that they were a place among."""
UTC_DAYS: Final = "utc"
"""Days of UTC in links of earlier versions: `2026-03-01..2026-03-31`."""


class Question(msgspec.Struct, frozen=True):
    """A list to show. Where the URL cannot be read, `error` says why, and there are no rows."""

    kind: Kind
    parameters: QueryDict
    range: Range | None = None
    chosen: Chosen | None = None
    older: Place | None = None
    newer: Place | None = None
    by_session: bool = False
    error: str = ""
    range_error: str = ""

    def url(self, drop: Iterable[str] = (), **changed: Any) -> str:
        """Returns the query of a URL with other parameters; those of a place in the list go."""
        query = self.parameters.copy()
        for name in (*PLACES, *drop, *changed):
            query.pop(name, None)
        for name, value in changed.items():
            query[name] = value
        return f"?{query.urlencode()}"

    def within(self, of: Range, drop: Iterable[str] = ()) -> str:
        """Returns the query of a URL with another range."""
        return self.url(drop=(*ranges.PARAMETERS, UTC_DAYS, *drop), **dict(of.pairs()))

    def among(self, kind: Kind) -> str:
        """Returns the query of a URL of the other list, with the filters that it has too."""
        drop = ["q", "group", *(name for name in self.kind.filters if name not in kind.filters)]
        if UTC_DAYS in self.parameters and self.range is not None:
            return self.within(self.range, drop)
        return self.url(drop)

    def ignored(self) -> list[Filter]:
        """Returns the filters in the URL that only the other list has."""
        other = REQUESTS if self.kind is ATTEMPTS else ATTEMPTS
        others = [each for name, each in other.filters.items() if name not in self.kind.filters]
        return [each for each in others if any(self.parameters.getlist(each.name))]

    def without(self, name: str, value: str) -> str:
        """Returns the query of a URL without one value of a filter."""
        query = self.parameters.copy()
        for place in PLACES:
            query.pop(place, None)
        query.setlist(name, [each for each in query.getlist(name) if each != value])
        return f"?{query.urlencode()}"

    def selection(self, reader: Any) -> Selection | None:
        """Returns the rows that somebody may see of it; None where the URL cannot be read."""
        if self.chosen is None or self.range is None:
            return None
        rows: QuerySet[Any] = visible(reader, self.kind.model._default_manager.all())
        return Selection(rows, self.chosen, self.range.since, self.range.until)


def read(request: HttpRequest, kind: Kind) -> Question:
    """Returns what a URL asks for."""
    parameters = request.GET
    question = Question(kind, parameters, by_session=parameters.get("group") == "session" and kind is not ATTEMPTS)
    try:
        return msgspec.structs.replace(
            question,
            range=_range(parameters, kind),
            chosen=filters.chosen(kind, parameters, parameters.get("q", "").strip()),
            **{name: Place.read(parameters[name]) for name in PLACES if parameters.get(name)},
        )
    except WrongRange as error:
        return msgspec.structs.replace(question, range_error=str(error))
    except (WrongFilter, WrongPlace) as error:
        return msgspec.structs.replace(question, range=_range(parameters, kind), error=str(error))


def _range(parameters: QueryDict, kind: Kind) -> Range:
    days = parameters.get(UTC_DAYS, "")
    if not days or kind is not ATTEMPTS:
        return ranges.read(parameters.dict())  # type: ignore[arg-type]
    try:
        first, last = (date.fromisoformat(day) for day in days.split(".."))
        validate_year(first)
        validate_year(last)
        midnight = time(tzinfo=UTC)
        since, until = (datetime.combine(day, midnight) for day in (first, last + timedelta(days=1)))
    except (ValueError, OverflowError) as error:
        raise WrongRange("Write days of UTC such as 2026-11-01..2026-11-30.") from error
    except ValidationError as error:
        raise WrongRange(error.messages[0]) from error
    if since >= until:
        raise WrongRange("The range ends before it begins. Choose a later end.")
    return Range(since, until)
