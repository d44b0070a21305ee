"""Adds groups of new rows to the rollups: to rows that are known to be there by changing them, to others by upsert."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, Final

from usage.generated import function
from usage.journal import texts
from usage.journal.on_sqlite import bins, sums
from usage.journal.on_sqlite.kinds import Group, Kind, Row
from usage.journal.on_sqlite.sums import Change, Statements
from usage.journal.records import AttemptRecord, RequestRecord
from usage.rollups import accumulate, upsert
from usage.rollups.accumulate import QUARTER
from usage.rollups.cells import Cell, newest_of
from usage.rollups.histogram import bin_of
from usage.rollups.measures import ERRORS, SUMS, of_kind
from usage.rollups.models import AttemptRollup, ClientRollup, DailyRollup, SessionSummary, TagRollup, UsageRollup

_MODELS = (UsageRollup, DailyRollup, TagRollup, ClientRollup)
_MOST_SESSIONS = 4096
Span = tuple[datetime, datetime]
"""The first and the last moment of requests."""
_AT = RequestRecord.__struct_fields__.index
_STARTED, _SESSION = _AT("started_at"), _AT("session_id")
_ID = AttemptRecord.__struct_fields__.index("id")
_SUMS_AT = slice(0, len(SUMS))
_BINS_AT = tuple(_AT(bins.source) for bins in of_kind("bins"))
"""These are the same in both records."""
_lacking = function("row", [f"return ({', '.join(f'not row[{at}]' for at in range(len(SUMS)))})"])
"""_lacking(row): for each sum whether it is 0 or unknown."""


class _Of:
    """What the rollups have of the records of one kind."""

    def __init__(self, counts: list[int], row: Row) -> None:
        self.counts = counts
        """What each record counts."""
        self.known = [at for at in range(len(SUMS)) if row[at] is not None]
        """Which sums they know."""
        self._counted = [count for count in counts if count]
        self._binned: list[int] = []
        """Where a row has what is counted in histograms."""
        self._functions: sums.Functions = ()
        self._plans: dict[tuple[bool, ...], tuple[Statements, Callable[[Row], tuple[Any, ...]]]] = {}

    def alone(self, row: Row) -> Change:
        """Returns what the row of one record adds. Its numbers fit columns: it was inserted."""
        lacks = _lacking(row)
        statements, grown = self._plans.get(lacks) or self._planned(lacks, row)
        of_bins: list[Any] = []
        for at in self._binned:
            of_bins += (bins.MARKS[bin_of(row[at])], 1)
        return Change(statements, (*self._counted, *grown(row)), of_bins)

    def _planned(self, lacks: tuple[bool, ...], row: Row) -> tuple[Statements, Callable[[Row], tuple[Any, ...]]]:
        statements = sums.statements_of([*self.counts, *row[_SUMS_AT]], self._functions)
        made = self._plans[lacks] = statements, _getter([at for at in self.known if row[at]])
        return made


class OfRequests(_Of):
    """What the rollups have of the requests of one kind in a quarter hour."""

    def __init__(self, record: RequestRecord, row: Row) -> None:
        by_quarter, tags, clients, (self.day,) = accumulate.requests([record])
        cells = (by_quarter, accumulate.days(by_quarter), tags, clients)
        self.ids: Final = tuple([accumulate.identity(key) for key in each] for each in cells)
        """The rows of each of _MODELS."""
        quarter = record.started_at.timestamp() // QUARTER * QUARTER
        self.start = datetime.fromtimestamp(quarter, UTC)
        self.end = self.start + timedelta(seconds=QUARTER)
        self.names = newest_of(record)
        self.errors = int(record.outcome in ERRORS)
        cell = Cell()
        cell.count(record)
        super().__init__(cell.counts, row)
        self._binned = [at for at in _BINS_AT if row[at] is not None]
        self._functions = tuple([(bins.ONE, 2) if at in self._binned else ("", 0) for at in _BINS_AT])


class OfAttempts(_Of):
    """What the rollups have of the attempts of one kind on a day."""

    def __init__(self, record: AttemptRecord, row: Row) -> None:
        ((key, cell),) = accumulate.attempts([record]).items()
        self.ids: Final = [accumulate.identity(key)]
        day = accumulate.ids_of_day(record.id)
        self.start, self.end = day.start, day.stop
        super().__init__(cell.counts, row)


class Rollups:
    """Adds in one thread. What it has added is known after `learn`."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[Kind, str], str] = {}
        self._new: list[Group[RequestRecord]] = []
        self._new_sessions: list[tuple[Kind, RequestRecord]] = []
        self._new_attempts: list[Group[AttemptRecord]] = []

    def add(
        self,
        cursor: sqlite3.Cursor,
        requests: tuple[Sequence[Group[RequestRecord]], list[RequestRecord]],
        attempts: tuple[Sequence[Group[AttemptRecord]], list[AttemptRecord]],
    ) -> None:
        """Does what usage.rollups.upsert.add does. Raises sums.Gone, sqlite3.Error, or OverflowError."""
        self._new.clear()
        self._new_sessions.clear()
        self._new_attempts.clear()
        counted, unknown = self._counted(*requests)
        changes = [_change(group, group.rows) for group in counted]
        if len(counted) == 1:
            for model, ids in zip(_MODELS, counted[0].kind.of_rollups.ids, strict=True):
                sums.add(cursor, model, changes[0], ids)
        elif counted:
            _together(cursor, counted, changes)
        sessions = unknown
        for group, change in zip(counted, changes, strict=True):
            sessions = sessions + self._add_sessions(cursor, group, change)
        of_attempts = self._add_attempts(cursor, *attempts)
        if sessions or of_attempts:
            upsert.add(unknown, of_attempts, sessions)
        if counted:
            _mark(counted)

    def learn(self) -> None:
        """What was added last is in the database."""
        for group in self._new:
            group.kind.of_rollups = OfRequests(group.records[-1], group.rows[-1])
        if len(self._sessions) + len(self._new_sessions) > _MOST_SESSIONS:
            self._sessions.clear()
        for kind, record in self._new_sessions:
            if (key := accumulate.session_of(record)) is not None:
                self._sessions[kind, record.session_id] = accumulate.identity(key)
        for attempts in self._new_attempts:
            attempts.kind.of_rollups = OfAttempts(attempts.records[-1], attempts.rows[-1])

    def forget(self) -> None:
        """What was in the database is known no longer; kinds are for their tables to forget."""
        self._sessions.clear()

    def _counted(
        self, groups: Sequence[Group[RequestRecord]], others: list[RequestRecord]
    ) -> tuple[list[Group[RequestRecord]], list[RequestRecord]]:
        """Returns the groups whose rows are known, and the requests of the others."""
        counted = []
        for group in groups:
            of: OfRequests | None = group.kind.of_rollups
            group.span = _span(group.rows)
            if of is not None and of.start <= group.span[0] and group.span[1] < of.end:
                counted.append(group)
            else:
                self._new.append(group)
                self._new_sessions += [(group.kind, record) for record in group.records]
                others = others + group.records
        return counted, others

    def _add_sessions(self, cursor: sqlite3.Cursor, group: Group[RequestRecord], change: Change) -> list[RequestRecord]:
        """Adds to sessions whose newest request has the same names; returns the requests of other sessions."""
        by_session = {group.rows[0][_SESSION]: (group.rows, group.records, change, group.span)}
        if len({row[_SESSION] for row in group.rows}) > 1:
            by_session = _by_session(group)
        others: list[RequestRecord] = []
        for session_id, (rows, records, more, span) in by_session.items():
            if not session_id:
                continue
            identity = self._sessions.get((group.kind, session_id))
            errors = group.kind.of_rollups.errors * len(rows)
            values = (more, span, errors, group.kind.of_rollups.names)
            if identity is None or not _add_to_session(cursor, identity, *values):
                others += records
                self._new_sessions.append((group.kind, records[0]))
        return others

    def _add_attempts(
        self, cursor: sqlite3.Cursor, groups: Sequence[Group[AttemptRecord]], others: list[AttemptRecord]
    ) -> list[AttemptRecord]:
        """Adds to the rows that are known; returns the attempts of the others."""
        for group in groups:
            of: OfAttempts | None = group.kind.of_rollups
            numbers = [row[_ID].int for row in group.rows]
            if of is not None and of.start <= min(numbers) and max(numbers) < of.end:
                sums.add(cursor, AttemptRollup, _change(group, group.rows, with_bins=False), of.ids)
            else:
                self._new_attempts.append(group)
                others = others + group.records
        return others


def _getter(places: Sequence[int]) -> Callable[[Row], tuple[Any, ...]]:
    """Returns the function from a row to a tuple of its values at some places."""
    if len(places) > 1:
        return itemgetter(*places)
    return (lambda row: (row[places[0]],)) if places else (lambda row: ())


def _span(rows: Sequence[Row]) -> Span:
    """Returns the first and the last moment of requests."""
    if len(rows) == 1:
        return rows[0][_STARTED], rows[0][_STARTED]
    moments = [row[_STARTED] for row in rows]
    return min(moments), max(moments)


def _change(group: Group[Any], rows: Sequence[Row], *, with_bins: bool = True) -> Change:
    """Returns what rows of one kind add."""
    if len(rows) == 1:
        change: Change = group.kind.of_rollups.alone(rows[0])
        return change
    return sums.change_of(_cell(group, rows, with_bins=with_bins))


def _cell(group: Group[Any], rows: Sequence[Row], *, with_bins: bool = True) -> Cell:
    """Returns the cell of rows of one kind: what one of them does not know, none does."""
    cell, times, of = Cell(), len(rows), group.kind.of_rollups
    cell.counts = [count * times for count in of.counts]
    cell.sums = list(rows[0][_SUMS_AT])
    columns = list(zip(*[row[_SUMS_AT] for row in rows], strict=True))
    for at in of.known:
        cell.sums[at] = sum(columns[at])
    if with_bins:
        cell.bins = [sums.binned([row[at] for row in rows]) if rows[0][at] is not None else {} for at in _BINS_AT]
    return cell


def _together(cursor: sqlite3.Cursor, groups: Sequence[Group[RequestRecord]], changes: Sequence[Change]) -> None:
    """Changes each row once, however many groups count in it."""
    cells = [_cell(group, group.rows) for group in groups]
    made: dict[tuple[int, ...], Change] = {(number,): change for number, change in enumerate(changes)}
    for at, model in enumerate(_MODELS):
        of_row: dict[str, list[int]] = {}
        for number, group in enumerate(groups):
            for identity in group.kind.of_rollups.ids[at]:
                of_row.setdefault(identity, []).append(number)
        for identity, numbers in of_row.items():
            change = made.get(tuple(numbers))
            if change is None:
                cell = Cell()
                for number in numbers:
                    cell.add(cells[number])
                change = made[tuple(numbers)] = sums.change_of(cell)
            sums.add(cursor, model, change, (identity,))


def _by_session(group: Group[RequestRecord]) -> dict[str, tuple[list[Row], list[RequestRecord], Change, Span]]:
    found: dict[str, tuple[list[Row], list[RequestRecord]]] = {}
    for row, record in zip(group.rows, group.records, strict=True):
        rows, records = found.setdefault(row[_SESSION], ([], []))
        rows.append(row)
        records.append(record)
    return {
        key: (rows, records, _change(group, rows, with_bins=False), _span(rows))
        for key, (rows, records) in found.items()
    }


def _add_to_session(
    cursor: sqlite3.Cursor, identity: str, change: Change, span: Span, errors: int, names: tuple[Any, ...]
) -> bool:
    """Adds to one session if it is there and nothing of it changes but figures and its end; returns whether it did."""
    last = texts.sqlite_moment(span[1])
    first = last if span[0] is span[1] else texts.sqlite_moment(span[0])
    values = (*change.values, last, errors, identity, last, first, *names)
    return cursor.execute(change.statements[SessionSummary], values).rowcount == 1


def _mark(groups: Sequence[Group[RequestRecord]]) -> None:
    """Marks the months of days that are over."""
    days = {group.kind.of_rollups.day for group in groups}
    now = time.time()
    if min(days) < accumulate.day_start(now):
        upsert.mark(accumulate.months_before(now, days))
