"""Rebuilds the days of attempts from their rows, or compares the two, as usage.rollups.rebuild does for requests.

A day is first read without a lock, all figures at once; only where it differs is it read again, alone. A day without
any attempt is taken to be pruned: its rollup is all that is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from access.database import snapshot
from usage.journal.records import AttemptRecord
from usage.models import AttemptLog
from usage.rollups import accumulate
from usage.rollups.accumulate import day_of_id, first_id
from usage.rollups.compare import Difference, corrected, lock, records
from usage.rollups.figures import Figures, adding
from usage.rollups.measures import ATTEMPT_COUNTED, ATTEMPT_DIMENSIONS, SUMS
from usage.rollups.models import AttemptRollup
from usage.rollups.reading import read, same
from usage.rollups.shapes import SHAPES

_READ = (*ATTEMPT_DIMENSIONS, *SUMS, "estimated")
_ROLLUP = (*ATTEMPT_DIMENSIONS, *SHAPES[AttemptRollup].counts, *SUMS)
_WIDTH = len(ATTEMPT_DIMENSIONS)
_FIELDS = ("id", "request_log_id", "number", *_READ)
_adding = adding({name: at for at, name in enumerate(_READ)}, ATTEMPT_COUNTED)

Ids = tuple[UUID, UUID]


def rebuild(
    first: date | None, last: date | None, *, check: bool, hear: Callable[[], None] = lambda: None
) -> Iterator[Difference]:
    """Compares the days of UTC from `first` to `last` that have attempts; yields the differences, which are corrected
    by then unless `check`. `hear` is called before each day and may raise to stop it."""
    day = _next_day(date.min if first is None else first)
    while day is not None and (last is None or day <= last):
        hear()
        if _differs(day):
            yield from _compared(day, check)
        day = _next_day(day + timedelta(days=1)) if day < date.max else None


def _next_day(day: date) -> date | None:
    """Returns the first day from this one on that has attempts."""
    ids = AttemptLog.objects.filter(id__gte=first_id(max(day, date(1970, 1, 1))))
    found = ids.order_by("id").values_list("id", flat=True)[:1]
    return day_of_id(found[0]) if found else None


def _differs(day: date) -> bool:
    expected: dict[Any, Figures] = {}
    with snapshot():
        for row in read(AttemptLog, _READ, "id", *_ids(day)):
            dimensions = row[:_WIDTH]
            figures = expected.get(dimensions)
            if figures is None:
                expected[dimensions] = _adding.first(row)
            else:
                _adding.more(figures, row)
        for row in read(AttemptRollup, _ROLLUP, "starts_at", *_span(day)):
            wanted = expected.pop(row[:_WIDTH], None)
            if wanted is None or not same(wanted, list(row[_WIDTH:])):
                return True
    return bool(expected)


def _compared(day: date, check: bool) -> list[Difference]:
    low, end = _ids(day)
    start, until = _span(day)
    with transaction.atomic():
        lock(AttemptRollup)
        rows = AttemptLog.objects.filter(id__gte=low, id__lt=end)
        expected = accumulate.attempts(AttemptRecord(**values) for values in records(rows, _FIELDS))
        present = AttemptRollup.objects.filter(starts_at__gte=start, starts_at__lt=until).order_by()
        return corrected(AttemptRollup, present, expected, check=check) if expected else []


def _ids(day: date) -> Ids:
    """Returns the lowest id of a day, and of the next one."""
    return first_id(day), first_id(day + timedelta(days=1)) if day < date.max else UUID(int=2**128 - 1)


def _span(day: date) -> tuple[datetime, datetime]:
    start = datetime.combine(day, time.min, UTC)
    return start, start + timedelta(hours=23, minutes=59)
