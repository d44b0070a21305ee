"""Rebuilds the rollups from the rows, or compares the two, while the gateway runs.

usage.rollups.scan reads everything once and names what does not fit. Each quarter hour, day and session of that is one
short transaction that locks the rollups against writers before it reads (on SQLite a writing transaction is alone
anyway). The rows of a writer that waits for the lock are not visible yet; it adds them to the new rollup afterwards.
Readers never wait. Rollups whose rows were removed by prune_usage are not changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import Max, Min, QuerySet

from access import audit
from access.audit.context import Who
from usage.collector import at_rest
from usage.journal.records import RequestRecord
from usage.models import RequestLog
from usage.rollups import accumulate, months, rebuild_attempts, upsert
from usage.rollups.accumulate import QUARTER, SessionKey, local_day, midnight
from usage.rollups.cells import Session
from usage.rollups.compare import Difference, corrected, lock, pico, records, stored
from usage.rollups.measures import DIMENSIONS, MEASURES, MONEY, SUMS
from usage.rollups.models import (
    ClientRollup,
    DailyRollup,
    RollupMonth,
    RollupZone,
    SessionSummary,
    TagRollup,
    UsageRollup,
)
from usage.rollups.scan import Scan

_SESSIONS = 200
"""Sessions per transaction."""
_SOURCES = [measure.source for measure in MEASURES if measure.kind in {"count", "bins"} and measure.source]
_OF_CALLER = ("session_id", "tags_id", "tags", "client_name", "client_version")
_FIELDS = ("id", "started_at", *_OF_CALLER, *DIMENSIONS, *SUMS, *_SOURCES)


def rebuild(
    first: date | None = None,
    last: date | None = None,
    *,
    check: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Difference]:
    """Compares the days from `first` to `last`, both included, or all days: those of TIME_ZONE, and for attempts those
    of UTC. Yields the differences, which are corrected by then unless `check`. Iterate to the end. `progress` is called
    with the steps done, of how many, and may raise to stop it: a step is a day, and then all sessions, all attempts,
    all months, within which it is called again and again."""
    span = UsageRollup.objects.aggregate(first=Min("starts_at"), last=Max("starts_at"))
    rows = RequestLog.objects.aggregate(first=Min("started_at"), last=Max("started_at"))
    days = DailyRollup.objects.aggregate(first=Min("starts_at"), last=Max("starts_at"))
    steps = _Steps(progress)
    moments = [moment for moment in (*span.values(), *days.values(), *rows.values()) if moment is not None]
    if moments:
        begin = local_day(int(min(moments).timestamp())) if first is None else first
        end = local_day(int(max(moments).timestamp())) if last is None else last
        scan = Scan(rows["first"])
        day = begin
        steps.total += max(0, (end - begin).days + 1)
        while day <= end:
            steps.hear()
            yield from _day(day, scan, check)
            steps.done += 1
            day += timedelta(days=1)
        steps.hear()
        session_ids = scan.rest()
        for at in range(0, len(session_ids), _SESSIONS):
            steps.hear()
            yield from _some_sessions(session_ids[at : at + _SESSIONS], check)
    steps.done += 1
    yield from rebuild_attempts.rebuild(first, last, check=check, hear=steps.hear)
    steps.done += 1
    if not check and first is None and last is None:
        with transaction.atomic():
            if not months.has_days():
                # Months are of the days of before.
                upsert.mark(RollupMonth.objects.values_list("first_day", flat=True))
            RollupZone.objects.update_or_create(id=1, defaults={"name": settings.TIME_ZONE})
    yield from months.rebuild(check=check, hear=steps.hear)
    steps.done += 1
    steps.hear()


class Rebuilt(msgspec.Struct, frozen=True):
    """How many rollups differed from the rows, and what to do about months that could not be built; "" for none."""

    differences: int
    not_built: str


def rebuild_and_record(
    first: date | None,
    last: date | None,
    *,
    check: bool,
    each: Callable[[Difference], None],
    progress: Callable[[int, int], None] = lambda done, total: None,
    who: Who | None = None,
    **noted: Any,
) -> Rebuilt:
    """Rebuilds as `rebuild` does, and then the months that are not built; `each` is called with the differences. What
    was corrected is recorded with what is `noted`, as the deed of `who`, also where something raises to stop it."""
    count, at = 0, (0, 0)

    def hear(done: int, total: int) -> None:
        nonlocal at
        at = (done, total)
        progress(done, total)

    try:
        with at_rest:
            for difference in rebuild(first, last, check=check, progress=hear):
                count += 1
                each(difference)
            left = [] if check else months.build_all(lambda: hear(*at))
    finally:
        if count and not check:
            audit.record("rollups rebuilt", changes={"differences": count, **noted}, who=who)
    return Rebuilt(count, months.not_built(left))


class _Steps:
    """How far a rebuild is. It begins with the three steps behind the days."""

    def __init__(self, progress: Callable[[int, int], None] | None) -> None:
        self._progress = progress
        self.done = 0
        self.total = 3

    def hear(self) -> None:
        """Says how far it is, and raises what ends the rebuild."""
        if self._progress is not None:
            self._progress(self.done, self.total)


def rebuild_days(days: Iterable[date]) -> None:
    """Adds the quarter hours of days of TIME_ZONE up to days again, without a look at the requests."""
    for day in sorted(days):
        _daily(*_span(day), False)


def _span(day: date) -> tuple[datetime, datetime]:
    return midnight(day).astimezone(UTC), midnight(day + timedelta(days=1)).astimezone(UTC)


def _day(day: date, scan: Scan, check: bool) -> Iterator[Difference]:
    start, end = _span(day)
    suspects = scan.day(start, end)
    for at in sorted(suspects.quarters):
        yield from _quarter(datetime.fromtimestamp(at, UTC), check)
    if suspects.day or suspects.quarters:
        yield from _daily(start, end, check)
    if suspects.tags_since is not None:
        yield from _tags_and_clients(start, end, suspects.tags_since, check)


def _tags_and_clients(start: datetime, end: datetime, since: datetime, check: bool) -> list[Difference]:
    with transaction.atomic():
        lock(UsageRollup)
        _, tags, clients, _ = _added_up(since, end)
        found = []
        for model, expected in ((TagRollup, tags), (ClientRollup, clients)):
            present = model._default_manager.filter(starts_at__gte=start, starts_at__lt=end).order_by()
            found += corrected(model, present, expected, check=check)
    return found


def _added_up(start: datetime, end: datetime) -> accumulate.Added:
    return accumulate.requests(_records(RequestLog.objects.filter(started_at__gte=start, started_at__lt=end)))


def _daily(start: datetime, end: datetime, check: bool) -> list[Difference]:
    with transaction.atomic():
        lock(UsageRollup)
        expected = accumulate.days(stored(UsageRollup, _between(UsageRollup, start, end)))
        found = corrected(DailyRollup, _between(DailyRollup, start, end), expected, check=check)
        if found and not check:
            upsert.mark(accumulate.months_of([start.timestamp()]))
        return found


def _quarter(start: datetime, check: bool) -> list[Difference]:
    end = start + timedelta(seconds=QUARTER)
    with transaction.atomic():
        lock(UsageRollup)
        expected = _added_up(start, end).quarters
        # Without rows they may have been pruned: the rollup is all that is left of them.
        return corrected(UsageRollup, _between(UsageRollup, start, end), expected, check=check) if expected else []


def _some_sessions(session_ids: list[str], check: bool) -> list[Difference]:
    with transaction.atomic():
        # Always this table, for sessions too: a writer locks it first.
        lock(UsageRollup)
        rebuilt = accumulate.sessions(_records(RequestLog.objects.filter(session_id__in=session_ids)))
        there: QuerySet[Any] = SessionSummary.objects.filter(session_id__in=session_ids)
        by_id: dict[Any, dict[str, Any]] = {row["id"].hex: dict(row) for row in there.values()}
        wrong: dict[SessionKey, Session] = {}
        found = []
        for key, session in rebuilt.items():
            row, present = _session_row(key, session), by_id.get(accumulate.identity(key))
            if present is not None:
                present |= {name: pico(present[name]) for name in MONEY}
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
        **session.names(),
        "first_seen": session.first_seen,
        "last_seen": session.last_seen,
        "errors": session.errors,
        **session.figures(),
    }


def _records(rows: QuerySet[RequestLog]) -> Iterator[RequestRecord]:
    return (RequestRecord(**values) for values in records(rows, _FIELDS))


def _between(model: type[UsageRollup] | type[DailyRollup], start: datetime, end: datetime) -> QuerySet[Any]:
    # Their index by moment begins with these.
    levels = {"overall__in": (True, False)} | ({"keyless__in": (True, False)} if model is DailyRollup else {})
    return model._default_manager.filter(**levels, starts_at__gte=start, starts_at__lt=end).order_by()
