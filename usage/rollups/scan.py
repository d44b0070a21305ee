"""Reads rows and rollups once each, day by day, and names what does not fit: quarter hours, days, sessions.

It is quick and takes no lock: a day is read in one snapshot, where a row and its part of the rollups are both there or
both not. What it names is a suspicion, which usage.rollups.rebuild looks at again, alone. Values are compared as the
database holds them, so nothing is converted but what is added up. A session's rows are on several days: it is added up
until the day on which its summary says that it ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

import msgspec
from django.db import connection, models

from access.database import snapshot
from usage.generated import function
from usage.models import RequestLog
from usage.rollups.accumulate import OUTCOME, QUARTER, without_key
from usage.rollups.cells import NEWEST
from usage.rollups.figures import BINNED, COUNTED, Figures, adding, bins_of
from usage.rollups.measures import BINS, COUNTS, DIMENSIONS, ERRORS, SUMS
from usage.rollups.models import IMPORTED_ROUTE, ClientRollup, DailyRollup, SessionSummary, TagRollup, UsageRollup
from usage.rollups.reading import A_DAY, Row, by_team_since, read, same
from usage.rollups.shapes import SHAPES

_SOURCES = [measure.source for measure in (*COUNTED, *BINNED) if measure.source]
_READ = ("started_at", "session_id", *DIMENSIONS, "tags_id", "client_name", "client_version", *SUMS, *_SOURCES)
_AT = {name: at for at, name in enumerate(_READ)}
_OUTCOME = _AT["outcome"]
_ROUTE = DIMENSIONS.index("route_name")
_LEVELS: dict[type[models.Model], dict[str, dict[str, bool]]] = {
    UsageRollup: {"overall": {"overall": True}, "": {"overall": False}},
    DailyRollup: {
        "overall": {"overall": True, "keyless": False},
        "keyless": {"overall": False, "keyless": True},
        "": {"overall": False, "keyless": False},
    },
}
"""What the rows of a rollup are about, and how they are chosen: their indexes by moment begin with these columns."""
_ROLLUP = ("starts_at", "overall", *DIMENSIONS, *COUNTS, *SUMS, *BINS)
_DIMENSIONS = slice(2, 2 + len(DIMENSIONS))
_ALL = slice(2, _DIMENSIONS.stop + 3)
"""All that any rollup tells apart."""
_BY_TEAM: dict[type[models.Model], Any] = {
    model: itemgetter(*(_AT[name] - _ALL.start for name in SHAPES[model].dimensions))
    for model in (TagRollup, ClientRollup)
}
"""From these to the dimensions of rollups that have the team alone."""
_ADDED = slice(_DIMENSIONS.stop, -len(BINS))
_SESSION = ("team_id", "key_id", "session_id", *NEWEST, "first_seen", "last_seen", "errors")
_names = itemgetter(*(_AT[name] for name in NEWEST))
_session_key = function("row", [f"return row[{_AT['team_id']}], row[{_AT['key_id']}], row[{_AT['session_id']}]"])


_requests = adding(_AT, COUNTED, BINNED)
_in_session = adding(_AT, COUNTED)


class _Session:
    """What the rows of a session make of its summary: the columns of _SESSION from the names on, and the figures."""

    __slots__ = ("errors", "figures", "first", "last", "names")

    def __init__(self, row: Row) -> None:
        self.first = self.last = row[0]
        self.names = _names(row)
        self.errors = int(row[_OUTCOME] in ERRORS)
        self.figures: Figures = _in_session.first(row)

    def add(self, row: Row) -> None:
        moment = row[0]
        if moment >= self.last:
            names = _names(row)
            if moment > self.last or _order(names) > _order(self.names):
                self.last, self.names = moment, names
        elif moment < self.first:
            self.first = moment
        if row[_OUTCOME] in ERRORS:
            self.errors += 1
        _in_session.more(self.figures, row)

    def is_in(self, summary: Row) -> bool:
        """Whether a row of _SESSION with COUNTS and SUMS is the summary of this session."""
        names, figures = summary[3 : len(_SESSION)], list(summary[len(_SESSION) :])
        return names == (*self.names, self.first, self.last, self.errors) and same(self.figures, figures)


def _order(names: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*names[:-1], -1 if names[-1] is None else names[-1])


class Suspects(msgspec.Struct):
    """What must be looked at again of a day: starts of quarter hours (seconds since 1970), the day itself, and its
    tags and clients, with the moment from which on they count requests; `is_pruned` if some of its rows are gone."""

    quarters: set[int]
    day: bool = False
    tags_since: datetime | None = None
    is_pruned: bool = False


class Scan:
    """Give it the moment of the oldest row, and then days in order. `suspects` are the ids of sessions whose summary
    does not fit."""

    def __init__(self, oldest: datetime | None) -> None:
        self.suspects: set[str] = set()
        self._oldest = oldest
        self._is_after_whole = False
        self._sessions: dict[Any, _Session] = {}
        self._start_of = _start_of_text() if connection.vendor == "sqlite" else _start_of_moment

    def day(self, start: datetime, end: datetime) -> Suspects:
        """Reads the day between two moments, as one snapshot."""
        with snapshot():
            sets = self._counted(start, end)
            expected: dict[Any, Figures] = {}
            for (at, values), figures in sets.items():
                _add_up(expected, (at, values[OUTCOME]), figures)
                _add_up(expected, (at, values[: len(DIMENSIONS)]), figures)
            suspects, by_day = self._compared_quarters(start, end, expected)
            suspects.day = self._is_day_wrong(start, end, by_day)
            # Quarter hours outlive their rows, but tags and clients have days alone.
            is_whole = not suspects.is_pruned and not self._is_next_pruned(end)
            if is_whole:
                # After a whole day nothing of another TIME_ZONE stays: a rebuild removes it with that day.
                since = start if self._is_after_whole else by_team_since(start)
                first = int(since.timestamp())
                counted = [(values, figures) for (at, values), figures in sets.items() if at >= first]
                if any(_differs(model, start, end, counted) for model in _BY_TEAM):
                    suspects.tags_since = since
            self._is_after_whole = is_whole
            self._compare_sessions(start, end)
        return suspects

    def rest(self) -> list[str]:
        """Returns the ids of all sessions to look at again, after the last day, in order."""
        self.suspects |= {session_id for _, _, session_id in self._sessions}
        self._sessions.clear()
        return sorted(self.suspects)

    def _counted(self, start: datetime, end: datetime) -> dict[Any, Figures]:
        """Returns the figures by quarter hour and _ALL, and adds the rows to their sessions."""
        sets: dict[Any, Figures] = {}
        sessions, start_of = self._sessions, self._start_of
        for row in read(RequestLog, _READ, "started_at", start, end):
            key = start_of(row[0]), row[_ALL]
            figures = sets.get(key)
            if figures is None:
                sets[key] = _requests.first(row)
            else:
                _requests.more(figures, row)
            if row[1]:
                session_key = _session_key(row)
                session = sessions.get(session_key)
                if session is None:
                    sessions[session_key] = _Session(row)
                else:
                    session.add(row)
        return sets

    def _compared_quarters(
        self, start: datetime, end: datetime, expected: dict[Any, Figures]
    ) -> tuple[Suspects, dict[Any, Figures]]:
        """Returns the quarter hours whose rollups do not fit, and the day that the stored ones add up to."""
        with_rows = {at for at, _ in expected}
        suspects = Suspects(set())
        by_day: dict[Any, Figures] = {}
        for level, row in _read_rollups(UsageRollup, start, end):
            figures = [*row[_ADDED], *map(bins_of, row[_ADDED.stop :])]
            at, dimensions = self._start_of(row[0]), row[_DIMENSIONS]
            _add_up(by_day, (level, dimensions), figures)
            if not level:
                _add_up(by_day, ("keyless", without_key(dimensions)), figures)
            if at in with_rows:
                wanted = expected.pop((at, dimensions[OUTCOME] if level else dimensions), None)
                if wanted is None or not same(wanted, figures):
                    suspects.quarters.add(at)
            elif not level and dimensions[_ROUTE] != IMPORTED_ROUTE:
                suspects.is_pruned = True
        suspects.quarters |= {at for at, _ in expected}
        return suspects, by_day

    def _is_day_wrong(self, start: datetime, end: datetime, expected: dict[Any, Figures]) -> bool:
        first = int(start.timestamp())
        wrong = False
        for level, row in _read_rollups(DailyRollup, start, end):
            wanted = expected.pop((level, row[_DIMENSIONS]), None)
            figures = [*row[_ADDED], *map(bins_of, row[_ADDED.stop :])]
            wrong |= wanted is None or _moment(row[0]) != first or not same(wanted, figures)
        return wrong or bool(expected)

    def _is_next_pruned(self, start: datetime) -> bool:
        """Whether requests of the day from `start` on were pruned. A day of another TIME_ZONE that began before may
        hold them."""
        end = start + A_DAY if self._oldest is None else min(start + A_DAY, self._oldest)
        # A quarter hour that ended before the oldest row has none.
        last = end - timedelta(seconds=QUARTER)
        quarters = UsageRollup.objects.filter(overall__in=[False], starts_at__gte=start, starts_at__lte=last)
        return start <= last and quarters.exclude(route_name=IMPORTED_ROUTE).exists()

    def _compare_sessions(self, start: datetime, end: datetime) -> None:
        """Compares the sessions that ended on this day, as their summaries say; those with no rows were pruned."""
        for row in read(SessionSummary, (*_SESSION, *COUNTS, *SUMS), "last_seen", start, end):
            session = self._sessions.pop(row[:3], None)
            if session is not None and not session.is_in(row):
                self.suspects.add(row[2])


def _differs(model: type[models.Model], start: datetime, end: datetime, counted: list[Any]) -> bool:
    """Whether a day of a rollup by team does not fit the figures of its rows."""
    expected: dict[Any, Figures] = {}
    for values, figures in counted:
        _add_up(expected, _BY_TEAM[model](values), figures)
    dimensions = SHAPES[model].dimensions
    for row in read(model, ("starts_at", *dimensions, *COUNTS, *SUMS), "starts_at", start, end):
        wanted = expected.pop(row[1 : len(dimensions) + 1], None)
        figures = list(row[len(dimensions) + 1 :])
        if wanted is None or _moment(row[0]) != int(start.timestamp()) or not same(wanted[: len(figures)], figures):
            return True
    return bool(expected)


def _add_up(of: dict[Any, Figures], key: Any, figures: Figures) -> None:
    present = of.get(key)
    if present is None:
        counted = len(COUNTS) + len(SUMS)
        of[key] = [*figures[:counted], *(bins.copy() for bins in figures[counted:])]
    else:
        _requests.together(present, figures)


def _read_rollups(model: type[models.Model], *span: datetime) -> Iterator[tuple[str, Row]]:
    """Yields the columns _ROLLUP of each row, with what the row is about, as _LEVELS names it."""
    for level, chosen in _LEVELS[model].items():
        for row in read(model, _ROLLUP, "starts_at", *span, **chosen):
            yield level, row


def _start_of_moment(moment: datetime) -> int:
    return int(moment.timestamp()) // QUARTER * QUARTER


def _start_of_text() -> Callable[[str], int]:
    """Returns the function from a moment as SQLite holds it to the start of its quarter hour."""
    known: dict[str, int] = {}

    def start_of(text: str) -> int:
        hour = text[:13]
        start = known.get(hour)
        if start is None:
            start = known[hour] = _moment(hour)
        return start + int(text[14:16]) * 60 // QUARTER * QUARTER

    return start_of


def _moment(stored: Any) -> int:
    """Returns seconds since 1970 of a moment as the database holds it."""
    if isinstance(stored, str):
        stored = datetime.fromisoformat(stored).replace(tzinfo=UTC)
    return int(stored.timestamp())
