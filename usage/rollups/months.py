"""Adds days that are over up to months, while the gateway runs: whole months, and this one so far.

Nothing waits for it. Whoever changes a day that is over counts that in its RollupMonth (usage.rollups.upsert.mark), in
the same transaction. A build reads that count, then the days, and writes the month only if the count is still the same:
otherwise it is for the next round, and until then readers add up days.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from access.database import snapshot
from usage.models import RequestLog
from usage.rollups import month_sql, upsert
from usage.rollups.accumulate import Cells, Key, local_day, midnight, month_after, of_month
from usage.rollups.cells import Cell
from usage.rollups.compare import Difference, compared, stored
from usage.rollups.figures import BINNED, COUNTED, Figures, bins_of, together
from usage.rollups.measures import BINS, COUNTS, DIMENSIONS, SUMS
from usage.rollups.models import DailyRollup, MonthRollup, RollupMonth, RollupZone
from usage.rollups.reading import read

SETTLED_SECONDS = 3600.0
"""How long a day must be over by this host's clock: by the clock of another one it may not be."""
_LOCK_TIMEOUT_MS = 100
_LOCK_NOT_AVAILABLE = "55P03"
"""PostgreSQL's state of an error."""
_ADVISORY_KEY = 0x6D6F6E74  # "mont": any number that nothing else locks
_COLUMNS = (*DIMENSIONS, *COUNTS, *SUMS, *BINS)
_ADDED = slice(len(DIMENSIONS), -len(BINS))
_together = together(len(COUNTED), len(BINNED))


def has_days() -> bool:
    """Returns whether the days that are stored are those of TIME_ZONE."""
    return RollupZone.objects.filter(name=settings.TIME_ZONE).exists()


def unbuilt() -> list[date]:
    """Returns the first days of the months that have days to be added up, the newest first."""
    if not has_days():
        return []
    today = _today()
    standing = {first for first, until in _standing().values_list("first_day", "until") if until == _end(first)}
    changed = set(RollupMonth.objects.filter(first_day__lt=today).values_list("first_day", flat=True))
    # Of each outcome of a day there is one such row.
    days = DailyRollup.objects.filter(overall__in=[True], keyless__in=[False], starts_at__lt=midnight(today))
    starts, found = days.order_by("starts_at").values_list("starts_at", flat=True), changed
    following = starts.first()
    while following is not None:
        month = local_day(following.timestamp()).replace(day=1)
        found.add(month)
        following = starts.filter(starts_at__gte=midnight(month_after(month))).first()
    return sorted(found - standing, reverse=True)


def built(first: date, end: date) -> list[tuple[date, date]]:
    """Returns the first days of the months that stand between two days, of which `end` is not one, each with the first
    day that it does not hold: whole months, and this month so far."""
    whole = first if first.day == 1 else month_after(first)
    if whole >= end:
        return []
    stand = _standing().filter(first_day__gte=whole, until__lte=end).order_by("first_day")
    return [(month, until) for month, until in stand.values_list("first_day", "until") if until is not None]


def build(month: date) -> bool:
    """Adds the days of a month that are over up, given its first day; returns whether it stands then. It does not if
    none is over, if its days changed meanwhile, or if another process is building it. Raises django.db.Error."""
    end = _end(month)
    if end <= month or not has_days():
        return False
    if not _settle(month):
        return False
    row = RollupMonth.objects.get(pk=month)
    if row.until == end and row.built_changes == row.changes:
        return True
    row.until = end
    if connection.vendor == "postgresql":
        with transaction.atomic():
            return _try_alone(month) and _write(row, month_sql.of_days(midnight(month), midnight(end)))
    with month_sql.prepared(midnight(month), midnight(end)) as rows, transaction.atomic():
        return _write(row, rows)


def build_next() -> bool:
    """Builds one of the months that have days to be added up; returns whether one was built. Those whose days change
    all the time do not keep the others waiting. Raises django.db.Error."""
    return any(map(build, unbuilt()))


def build_all(hear: Callable[[], None] = lambda: None) -> list[date]:
    """Builds the months that have days to be added up; returns those that could not be built now. `hear` is called
    before each and may raise to stop it. Raises django.db.Error."""
    left = []
    for month in unbuilt():
        hear()
        if not build(month):
            left.append(month)
    return left


def not_built(months: list[date]) -> str:
    """Returns what to do about months that `build_all` could not build; "" for none."""
    if not months:
        return ""
    names = ", ".join(f"{month:%Y-%m}" for month in months)
    return (
        f"Not built, because their days changed meanwhile or another process is building them: {names}. The gateway "
        "builds them while it runs; without it, run rebuild_rollups again."
    )


def rebuild(*, check: bool, hear: Callable[[], None] = lambda: None) -> Iterator[Difference]:
    """Compares the months that stand with their days; yields the differences. Unless `check`, it builds these months
    again; others that do not stand are for `build_all`. `hear` is called before each and may raise to stop it."""
    if not has_days():
        return
    for month in _standing().order_by("first_day").values_list("first_day", flat=True):
        hear()
        with snapshot():
            # Of one state of the database, in which it may not stand any more.
            row = _standing().filter(first_day=month).first()
            found = [] if row is None else _differences(row)
        if found and not check:
            with transaction.atomic():
                upsert.mark([month])
        yield from found


def _differences(row: RollupMonth) -> list[Difference]:
    return list(compared(MonthRollup, stored(MonthRollup, _rows(row.first_day)), _added_up(row)))


def _standing() -> QuerySet[RollupMonth]:
    return RollupMonth.objects.filter(until__isnull=False, built_changes=F("changes"))


def _today() -> date:
    """Returns the first day that is not over."""
    return local_day(time.time() - SETTLED_SECONDS)


def _end(month: date) -> date:
    """Returns the first day that a month is not to hold, which is its own first day where none is over."""
    return max(month, min(month_after(month), _today()))


def _settle(month: date) -> bool:
    """Enters a month, and waits a moment for the batches that began when its days were not over: they do not mark it.
    Returns False if they take longer. SQLite has one writer at a time."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(f"SET LOCAL lock_timeout = {_LOCK_TIMEOUT_MS}")
                # A batch inserts its requests before it looks at the clock.
                cursor.execute(f'LOCK TABLE ONLY "{RequestLog._meta.db_table}" IN SHARE MODE')
            # PostgreSQL's insert would wait for a batch that is marking the month.
            if not RollupMonth.objects.filter(pk=month).exists():
                RollupMonth.objects.bulk_create([RollupMonth(first_day=month)], ignore_conflicts=True)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        return False
    return True


def _try_alone(month: date) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_ADVISORY_KEY, month.toordinal()])
        return bool(cursor.fetchone()[0])


def _added_up(month: RollupMonth) -> Cells:
    """Returns the cells that a month should have, from one state of its days."""
    found: dict[tuple[str, tuple[Any, ...]], Figures] = {}
    assert month.until is not None
    span = midnight(month.first_day), midnight(month.until)
    for keyless, levels in ((False, ("", "of_key")), (True, ("keyless",))):
        for row in read(DailyRollup, _COLUMNS, "starts_at", *span, overall=False, keyless=keyless):
            for level in levels:
                # A list and histograms of each level's own: they are added to.
                key, figures = (level, of_month[level](row)), [*row[_ADDED], *map(bins_of, row[_ADDED.stop :])]
                if (present := found.get(key)) is None:
                    found[key] = figures
                else:
                    _together(present, figures)
    start = int(span[0].timestamp())
    return {
        Key(start, False, dimensions, level == "keyless", level == "of_key"): _cell(figures)
        for (level, dimensions), figures in found.items()
    }


def _cell(figures: Figures) -> Cell:
    cell, counts, width = Cell(), len(COUNTED), len(COUNTED) + len(SUMS)
    cell.counts, cell.sums, cell.bins = figures[:counts], figures[counts:width], figures[width:]
    return cell


def _write(row: RollupMonth, rows: list[month_sql.Statement]) -> bool:
    """Writes the days of a month before its `until`, unless days of it have changed since its row was read, in the
    caller's transaction."""
    _rows(row.first_day).delete()
    month_sql.insert(rows)
    # Late batches, which mark it, wait from here on.
    now = RollupMonth.objects.select_for_update().get(pk=row.pk)
    if now.changes != row.changes:
        transaction.set_rollback(True)
        return False
    now.until, now.built_changes, now.built_at = row.until, now.changes, timezone.now()
    now.save()
    return True


def _rows(month: date) -> QuerySet[Any]:
    """Returns the rows of a month, also those of another TIME_ZONE."""
    about = timedelta(days=2)
    start = midnight(month)
    levels = {"keyless__in": [False, True], "of_key__in": [False, True]}
    rows = MonthRollup.objects.filter(**levels, starts_at__gt=start - about, starts_at__lt=start + about)
    return rows.order_by()
