"""Reads rows and rollups once each, day by day, and names what does not fit: quarter hours, days, sessions.

It is quick and takes no lock: a day is read in one snapshot, where a row and its part of the rollups are both there or
both not. What it names is a suspicion, which usage.rollups.rebuild looks at again, alone. Values are compared as the
database holds them, so nothing is converted but what is added up. A session's rows are on several days: it is added up
until the day on which its summary says that it ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db import connection, models, transaction

from usage.journal import texts
from usage.models import RequestLog
from usage.rollups.accumulate import LARGEST, QUARTER
from usage.rollups.generated import function
from usage.rollups.histogram import bin_of
from usage.rollups.measures import BINS, COUNTS, DIMENSIONS, ERRORS, SUMS, Measure, of_kind
from usage.rollups.models import DailyRollup, SessionSummary, UsageRollup

_AT_A_TIME = 2_000

Row = tuple[Any, ...]
Figures = list[Any]
"""Counts, sums and histograms, in the order of the table of measures."""

_SOURCES = [measure.source for measure in (*of_kind("count"), *of_kind("bins")) if measure.source]
_READ = ("started_at", "session_id", *DIMENSIONS, *SUMS, *_SOURCES)
_AT = {name: at for at, name in enumerate(_READ)}
_OUTCOME, _TEAM_NAME, _KEY_NAME = _AT["outcome"], _AT["team_name"], _AT["key_name"]
_ROLLUP = ("starts_at", "overall", *DIMENSIONS, *COUNTS, *SUMS, *BINS)
_DIMENSIONS = slice(2, 2 + len(DIMENSIONS))
_ADDED = slice(_DIMENSIONS.stop, -len(BINS))
_SESSION = ("team_id", "key_id", "session_id", "team_name", "key_name", "first_seen", "last_seen", "errors")
_session_key = function("row", [f"return row[{_AT['team_id']}], row[{_AT['key_id']}], row[{_AT['session_id']}]"])


def _increment(count: Measure) -> str:
    if count.source:
        return f"row[{_AT[count.source]}]"
    return "1" if not count.unknown else " or ".join(f"row[{_AT[name]}] is None" for name in count.unknown)


def _first(*, bins: bool) -> list[str]:
    """The figures of one row, as code over `row`."""
    figures = [f"0 + ({_increment(count)})" for count in of_kind("count")]
    figures += [f"row[{_AT[name]}]" for name in SUMS]
    if bins:
        values = [f"row[{_AT[each.source]}]" for each in of_kind("bins")]
        figures += [f"{{}} if {value} is None else {{bin_of({value}): 1}}" for value in values]
    return figures


def _added(at: int, value: str) -> str:
    """Adds a value to a sum; None means unknown and adds nothing."""
    return (
        f"if (value := {value}) is not None: figures[{at}] = value if figures[{at}] is None else figures[{at}] + value"
    )


def _more(*, bins: bool) -> list[str]:
    """Adds one row to figures, as code over `row` and `figures`."""
    lines = [f"figures[{at}] += {_increment(count)}" for at, count in enumerate(of_kind("count"))]
    lines += [_added(at, f"row[{_AT[name]}]") for at, name in enumerate(SUMS, len(COUNTS))]
    for at, each in enumerate(of_kind("bins") if bins else (), len(COUNTS) + len(SUMS)):
        lines.append(f"if (value := row[{_AT[each.source]}]) is not None:")
        lines.append(f"    number = bin_of(value); bins = figures[{at}]; bins[number] = bins.get(number, 0) + 1")
    return lines


def _together() -> list[str]:
    """Adds other figures to figures, as code over `other` and `figures`."""
    lines = [f"figures[{at}] += other[{at}]" for at in range(len(COUNTS))]
    lines += [_added(at, f"other[{at}]") for at in range(len(COUNTS), len(COUNTS) + len(SUMS))]
    for at in range(len(COUNTS) + len(SUMS), len(COUNTS) + len(SUMS) + len(BINS)):
        lines.append(f"bins = figures[{at}]")
        lines.append(f"for number, times in other[{at}].items(): bins[number] = bins.get(number, 0) + times")
    return lines


_of_row = function("row", [f"return [{', '.join(_first(bins=True))}]"], bin_of=bin_of)
_add_row = function("figures, row", _more(bins=True), bin_of=bin_of)
_add = function("figures, other", _together())
_session_of_row = function("row", [f"return [{', '.join(_first(bins=False))}]"])
_add_to_session = function("figures, row", _more(bins=False))
_bins = msgspec.json.Decoder(dict[int, int]).decode


class _Session:
    """What the rows of a session make of its summary: the columns of _SESSION from the names on, and the figures."""

    __slots__ = ("errors", "figures", "first", "last", "names")

    def __init__(self, row: Row) -> None:
        self.first = self.last = row[0]
        self.names = row[_TEAM_NAME], row[_KEY_NAME]
        self.errors = int(row[_OUTCOME] in ERRORS)
        self.figures: Figures = _session_of_row(row)

    def add(self, row: Row) -> None:
        moment = row[0]
        if moment >= self.last:
            names = row[_TEAM_NAME], row[_KEY_NAME]
            if moment > self.last or names > self.names:
                self.last, self.names = moment, names
        elif moment < self.first:
            self.first = moment
        if row[_OUTCOME] in ERRORS:
            self.errors += 1
        _add_to_session(self.figures, row)

    def is_in(self, summary: Row) -> bool:
        """Whether a row of _SESSION with COUNTS and SUMS is the summary of this session."""
        return summary[3:8] == (*self.names, self.first, self.last, self.errors) and _same(
            self.figures, list(summary[8:])
        )


class Suspects(msgspec.Struct):
    """What must be looked at again of a day: starts of quarter hours (seconds since 1970), and the day itself."""

    quarters: set[int]
    day: bool


class Scan:
    """Give it days in order. `suspects` are the ids of sessions whose summary does not fit."""

    def __init__(self) -> None:
        self.suspects: set[str] = set()
        self._sessions: dict[Any, _Session] = {}
        self._start_of = _start_of_text() if connection.vendor == "sqlite" else _start_of_moment

    def day(self, start: datetime, end: datetime) -> Suspects:
        """Reads what is between two moments, as one snapshot."""
        with _snapshot():
            sets = self._counted(start, end)
            expected: dict[Any, Figures] = {}
            for (at, dimensions), figures in sets.items():
                _add_up(expected, (at, dimensions[-1]), figures)
            expected |= sets
            suspects, by_day = self._compared_quarters(start, end, expected)
            suspects.day = self._is_day_wrong(start, end, by_day)
            self._compare_sessions(start, end)
        return suspects

    def rest(self) -> list[str]:
        """Returns the ids of all sessions to look at again, after the last day, in order."""
        self.suspects |= {session_id for _, _, session_id in self._sessions}
        self._sessions.clear()
        return sorted(self.suspects)

    def _counted(self, start: datetime, end: datetime) -> dict[Any, Figures]:
        """Returns the figures by quarter hour and dimensions, and adds the rows to their sessions."""
        sets: dict[Any, Figures] = {}
        sessions, start_of = self._sessions, self._start_of
        for row in _read(RequestLog, _READ, "started_at", start, end):
            key = start_of(row[0]), row[_DIMENSIONS]
            figures = sets.get(key)
            if figures is None:
                sets[key] = _of_row(row)
            else:
                _add_row(figures, row)
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
        suspects = Suspects(set(), day=False)
        by_day: dict[Any, Figures] = {}
        for row in _read_rollups(UsageRollup, start, end):
            figures = [*row[_ADDED], *map(_bins, row[_ADDED.stop :])]
            at, dimensions = self._start_of(row[0]), row[_DIMENSIONS]
            _add_up(by_day, (bool(row[1]), dimensions), figures)
            if at in with_rows:
                wanted = expected.pop((at, dimensions[-1] if row[1] else dimensions), None)
                if wanted is None or not _same(wanted, figures):
                    suspects.quarters.add(at)
        suspects.quarters |= {at for at, _ in expected}
        return suspects, by_day

    def _is_day_wrong(self, start: datetime, end: datetime, expected: dict[Any, Figures]) -> bool:
        first = int(start.timestamp())
        wrong = False
        for row in _read_rollups(DailyRollup, start, end):
            wanted = expected.pop((bool(row[1]), row[_DIMENSIONS]), None)
            figures = [*row[_ADDED], *map(_bins, row[_ADDED.stop :])]
            wrong |= wanted is None or _moment(row[0]) != first or not _same(wanted, figures)
        return wrong or bool(expected)

    def _compare_sessions(self, start: datetime, end: datetime) -> None:
        """Compares the sessions that ended on this day, as their summaries say; those with no rows were pruned."""
        for row in _read(SessionSummary, (*_SESSION, *COUNTS, *SUMS), "last_seen", start, end):
            session = self._sessions.pop(row[:3], None)
            if session is not None and not session.is_in(row):
                self.suspects.add(row[2])


def _add_up(of: dict[Any, Figures], key: Any, figures: Figures) -> None:
    present = of.get(key)
    if present is None:
        counted = len(COUNTS) + len(SUMS)
        of[key] = [*figures[:counted], *(bins.copy() for bins in figures[counted:])]
    else:
        _add(present, figures)


def _same(figures: Figures, stored: Figures) -> bool:
    return figures == stored or [_limited(figure) for figure in figures] == stored


def _limited(figure: Any) -> Any:
    return min(figure, LARGEST) if isinstance(figure, int) else figure


@contextmanager
def _snapshot() -> Iterator[None]:
    """A transaction that sees one state of the database and locks nothing; the present one if there is one."""
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "sqlite":
        # Not transaction.atomic, which begins with a lock against writers here.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
    else:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield


def _read_rollups(model: type[models.Model], *span: datetime) -> Iterator[Row]:
    """Yields the columns _ROLLUP; in two parts, since their index by moment begins with `overall`."""
    for overall in (True, False):
        yield from _read(model, _ROLLUP, "starts_at", *span, overall=overall)


def _read(
    model: type[models.Model], columns: Sequence[str], column: str, *span: datetime, overall: bool | None = None
) -> Iterator[Row]:
    """Yields columns of the rows between two moments, as the driver gives them."""
    quote, values = connection.ops.quote_name, list[Any](span)
    chosen, table, moment = [quote(name) for name in columns], quote(model._meta.db_table), quote(column)
    if connection.vendor == "sqlite":
        values = list(map(texts.sqlite_moment, span))
        # An expression has no declared type, by which Django would convert moments and truth values.
        chosen = [f"+{name}" for name in chosen]
    condition = f"{moment} >= %s AND {moment} < %s"
    if overall is not None:
        condition = f"{condition} AND {quote('overall')} = %s"
        values.append(overall)
    # Of a big day only a part is in memory at a time.
    with connection.chunked_cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(chosen)} FROM {table} WHERE {condition}", values)  # noqa: S608
        while rows := cursor.fetchmany(_AT_A_TIME):
            yield from rows


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
