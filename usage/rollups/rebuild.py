"""Rebuilds the rollups from the rows, or compares the two, while the gateway runs.

usage.rollups.scan reads everything once and names what does not fit. Each quarter hour, day and session of that is one
short transaction that locks the rollups against writers before it reads (on SQLite a writing transaction is alone
anyway). The rows of a writer that waits for the lock are not visible yet; it adds them to the new rollup afterwards.
Readers never wait. Rollups whose rows were removed by prune_usage are not changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import connection, transaction
from django.db.models import BigIntegerField, Max, Min, Model, QuerySet
from django.db.models.functions import Cast

from usage.journal.records import RequestRecord
from usage.models import RequestLog
from usage.money import to_pico
from usage.rollups import accumulate, upsert
from usage.rollups.accumulate import QUARTER, Cell, Cells, Key, Session, SessionKey, midnight
from usage.rollups.measures import BINS, COUNTS, DIMENSIONS, MEASURES, MONEY, SUMS
from usage.rollups.models import DailyRollup, RollupZone, SessionSummary, UsageRollup
from usage.rollups.scan import Scan

_SESSIONS = 200
"""Sessions per transaction."""
_SOURCES = [measure.source for measure in MEASURES if measure.kind in {"count", "bins"} and measure.source]
_FIELDS = ("id", "started_at", "session_id", *DIMENSIONS, *SUMS, *_SOURCES)


class Difference(msgspec.Struct, frozen=True):
    """A row of a rollup that differs from its requests; the side that does not have it is None."""

    table: str
    subject: str
    stored: dict[str, Any] | None
    expected: dict[str, Any] | None

    def __str__(self) -> str:
        if self.stored is None or self.expected is None:
            return f"{self.table}: {self.subject}: {'is missing' if self.stored is None else 'has no requests'}"
        parts = [
            f"{name} is {self.stored[name]}, should be {value}"
            for name, value in self.expected.items()
            if self.stored[name] != value
        ]
        return f"{self.table}: {self.subject}: {'; '.join(parts)}"


def rebuild(first: date | None = None, last: date | None = None, *, check: bool = False) -> Iterator[Difference]:
    """Compares the days of TIME_ZONE from `first` to `last`, both included, or all days; yields the differences, which
    are corrected by then unless `check`. Iterate to the end."""
    span = UsageRollup.objects.aggregate(first=Min("starts_at"), last=Max("starts_at"))
    rows = RequestLog.objects.aggregate(first=Min("started_at"), last=Max("started_at"))
    days = DailyRollup.objects.aggregate(first=Min("starts_at"), last=Max("starts_at"))
    moments = [moment for moment in (*span.values(), *days.values(), *rows.values()) if moment is not None]
    if moments:
        zone = accumulate.midnight(date(2000, 1, 1)).tzinfo
        begin = min(moments).astimezone(zone).date() if first is None else first
        end = max(moments).astimezone(zone).date() if last is None else last
        scan = Scan()
        day = begin
        while day <= end:
            yield from _day(day, scan, check)
            day += timedelta(days=1)
        session_ids = scan.rest()
        for at in range(0, len(session_ids), _SESSIONS):
            yield from _some_sessions(session_ids[at : at + _SESSIONS], check)
    if not check and first is None and last is None:
        RollupZone.objects.update_or_create(id=1, defaults={"name": settings.TIME_ZONE})


def _day(day: date, scan: Scan, check: bool) -> Iterator[Difference]:
    start, end = midnight(day).astimezone(UTC), midnight(day + timedelta(days=1)).astimezone(UTC)
    suspects = scan.day(start, end)
    for at in sorted(suspects.quarters):
        yield from _quarter(datetime.fromtimestamp(at, UTC), check)
    if suspects.day or suspects.quarters:
        yield from _daily(start, end, check)


def _daily(start: datetime, end: datetime, check: bool) -> list[Difference]:
    with transaction.atomic():
        _lock()
        expected = accumulate.days(_stored(UsageRollup, start, end))
        found = list(_compared(DailyRollup, _stored(DailyRollup, start, end), expected))
        if found and not check:
            _between(DailyRollup, start, end).delete()
            upsert.write(DailyRollup, expected)
    return found


def _quarter(start: datetime, check: bool) -> list[Difference]:
    end = start + timedelta(seconds=QUARTER)
    with transaction.atomic():
        _lock()
        expected = accumulate.quarters(_records(RequestLog.objects.filter(started_at__gte=start, started_at__lt=end)))
        if not expected:
            # They may have been pruned: the rollup is all that is left of them.
            return []
        found = list(_compared(UsageRollup, _stored(UsageRollup, start, end), expected))
        if found and not check:
            _between(UsageRollup, start, end).delete()
            upsert.write(UsageRollup, expected)
    return found


def _some_sessions(session_ids: list[str], check: bool) -> list[Difference]:
    with transaction.atomic():
        _lock()
        rebuilt = accumulate.sessions(_records(RequestLog.objects.filter(session_id__in=session_ids)))
        there: QuerySet[Any] = SessionSummary.objects.filter(session_id__in=session_ids)
        stored: dict[Any, dict[str, Any]] = {row["id"].hex: dict(row) for row in there.values()}
        wrong: dict[SessionKey, Session] = {}
        found = []
        for key, session in rebuilt.items():
            row, present = _session_row(key, session), stored.get(accumulate.identity(key))
            if present is not None:
                present |= {name: _pico(present[name]) for name in MONEY}
                if present["first_seen"] < row["first_seen"]:
                    # Its first rows were pruned: the summary holds more than those that are left.
                    continue
            if present != row:
                wrong[key] = session
                found.append(Difference(SessionSummary._meta.db_table, row["session_id"], present, row))
        if wrong and not check:
            SessionSummary.objects.filter(id__in=map(accumulate.identity, wrong)).delete()
            upsert.write(SessionSummary, wrong)
    return found


def _session_row(key: SessionKey, session: Session) -> dict[str, Any]:
    return {
        "id": UUID(hex=accumulate.identity(key)),
        "team_id": key[0],
        "key_id": key[1],
        "session_id": key[2],
        "team_name": session.team_name,
        "key_name": session.key_name,
        "first_seen": session.first_seen,
        "last_seen": session.last_seen,
        "errors": session.errors,
        **session.figures(),
    }


def _lock() -> None:
    if connection.vendor == "postgresql":
        # Always this table, for sessions too: a writer locks it first. Readers do not wait.
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {UsageRollup._meta.db_table} IN SHARE ROW EXCLUSIVE MODE")


def _records(rows: QuerySet[RequestLog]) -> Iterator[RequestRecord]:
    money = {f"{name}_pico": Cast(name, BigIntegerField()) for name in MONEY}
    columns = [f"{name}_pico" if name in MONEY else name for name in _FIELDS]
    for values in rows.order_by().annotate(**money).values_list(*columns).iterator(chunk_size=2000):
        yield RequestRecord(**dict(zip(_FIELDS, values, strict=True)))


def _stored(model: type[UsageRollup] | type[DailyRollup], start: datetime, end: datetime) -> Cells:
    found: Cells = {}
    for row in _between(model, start, end).values().iterator(chunk_size=2000):
        cell = Cell()
        cell.counts = [row[name] for name in COUNTS]
        cell.sums = [_pico(row[name]) if name in MONEY else row[name] for name in SUMS]
        cell.bins = [{int(number): count for number, count in row[name].items()} for name in BINS]
        moment = int(row["starts_at"].timestamp())
        found[Key(moment, row["overall"], tuple(row[name] for name in DIMENSIONS))] = cell
    return found


def _between(model: type[UsageRollup] | type[DailyRollup], start: datetime, end: datetime) -> QuerySet[Any]:
    # Their index by moment begins with `overall`.
    span = {"starts_at__gte": start, "starts_at__lt": end}
    return model._default_manager.filter(overall__in=(True, False), **span).order_by()


def _compared(model: type[Model], stored: Cells, expected: Cells) -> Iterable[Difference]:
    for key in {**stored, **expected}:
        present, wanted = _values(stored.get(key)), _values(expected.get(key))
        if present != wanted:
            yield Difference(model._meta.db_table, _description(key), present, wanted)


def _values(cell: Cell | None) -> dict[str, Any] | None:
    return None if cell is None else {**cell.figures(), **dict(zip(BINS, cell.bins, strict=True))}


def _description(key: Key) -> str:
    moment = datetime.fromtimestamp(key.starts_at, UTC)
    set_ = "all" if key.overall else ", ".join("-" if value in (None, "") else str(value) for value in key.dimensions)
    return f"{moment:%Y-%m-%d %H:%M} UTC, {set_}"


def _pico(dollars: Any) -> int | None:
    return None if dollars is None else to_pico(dollars)
