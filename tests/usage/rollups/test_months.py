"""Months are what their rows say, or are not read: whatever the rows, the time zone, and who writes meanwhile."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.harness.patience import until
from tests.usage.added import months_of_rows, record, store, stored
from tests.usage.dated import day, request
from usage.journal import partitions
from usage.journal.inserts import insert
from usage.journal.records import RequestRecord
from usage.models import RequestLog
from usage.rollups import accumulate, months, upsert
from usage.rollups.models import DailyRollup, MonthRollup, RollupMonth, RollupZone

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

MARCH = date(2026, 3, 1)
_ZONES = ("UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Pacific/Chatham", "Pacific/Kiritimati")
_EDGES = tuple(day(f"2026-{month:02}-{of}T20:00:00") for month, of in ((1, 31), (2, 28), (3, 31), (9, 30)))
EXAMPLES = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
edge_records = st.builds(record, st.integers(0, 2**32), st.sampled_from(_EDGES))


@pytest.fixture(autouse=True)
def of_utc(db: None) -> None:
    """The days that are stored are those of UTC."""
    RollupZone.objects.update_or_create(id=1, defaults={"name": "UTC"})


def _start(zone: str) -> Callable[[datetime], datetime]:
    def start(moment: datetime) -> datetime:
        first = moment.astimezone(ZoneInfo(zone)).date().replace(day=1)
        return datetime(first.year, first.month, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)

    return start


def _use(zone: str, settings: Any) -> Callable[[datetime], datetime]:
    settings.TIME_ZONE = zone
    RollupZone.objects.update_or_create(id=1, defaults={"name": zone})
    return _start(zone)


def _build_all() -> None:
    for month in months.unbuilt():
        assert months.build(month)


def _standing() -> set[datetime]:
    built = RollupMonth.objects.filter(built_changes=F("changes")).values_list("first_day", flat=True)
    return {accumulate.midnight(first).astimezone(UTC) for first in built}


def _of_standing(cells: dict[tuple[Any, ...], Any]) -> dict[tuple[Any, ...], Any]:
    standing = _standing()
    return {key: cell for key, cell in cells.items() if key[0] in standing}


@EXAMPLES
@given(st.lists(st.lists(edge_records, max_size=8), max_size=4), st.sampled_from(_ZONES), st.integers(0, 15))
def test_months_are_the_sums_of_their_rows(
    settings: Any, batches: list[list[RequestRecord]], zone: str, builds: int
) -> None:
    """Each batch is late for the months that were built before it; `builds` says after which ones they are."""
    with transaction.atomic():
        start = _use(zone, settings)
        for number, batch in enumerate(batches):
            store(batch)
            assert _of_standing(stored(MonthRollup)) == _of_standing(months_of_rows(start))
            if builds >> number & 1:
                _build_all()
        _build_all()
        assert stored(MonthRollup) == months_of_rows(start)
        assert months.unbuilt() == []
        transaction.set_rollback(True)


def test_a_day_that_is_not_over_is_in_no_month(settings: Any) -> None:
    _use("Pacific/Auckland", settings)
    store([request(timezone.now())])
    for month in months.unbuilt():
        months.build(month)
    assert not MonthRollup.objects.exists()


def test_the_rollups_of_another_time_zone_are_no_months() -> None:
    store([request(day("2026-03-05T12:00:00"))])
    RollupZone.objects.update(name="elsewhere")
    assert months.unbuilt() == []
    assert not months.build(MARCH)


def test_a_batch_of_now_marks_no_month() -> None:
    store([request(timezone.now()) for _ in range(3)])
    assert not RollupMonth.objects.exists()


def _rebuild(**options: Any) -> str:
    out = StringIO()
    call_command("rebuild_rollups", stdout=out, **options)
    return out.getvalue()


def test_a_month_that_differs_from_its_days_is_reported_and_built_again() -> None:
    store([request(day("2026-03-05T12:00:00"), output_tokens=7)])
    assert "match" in _rebuild()
    assert "match" in _rebuild(check=True)
    before = stored(MonthRollup)
    MonthRollup.objects.update(output_tokens=8)
    with pytest.raises(CommandError, match="differ"):
        _rebuild(check=True)
    assert {row.output_tokens for row in MonthRollup.objects.all()} == {8}
    assert "usage_monthrollup: 2026-03-01 00:00 UTC" in _rebuild()
    assert stored(MonthRollup) == before
    assert "match" in _rebuild(check=True)


def test_a_month_that_changes_all_the_time_does_not_keep_others_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    store(
        [request(day("2026-03-05T12:00:00")), request(day("2026-05-05T12:00:00")), request(day("2026-06-05T12:00:00"))]
    )
    write = months._write

    def with_a_late_request(row: RollupMonth, rows: Any) -> bool:
        if row.first_day.month == 6:
            store([request(day("2026-06-06T12:00:00"))])
        return write(row, rows)

    monkeypatch.setattr(months, "_write", with_a_late_request)
    june = date(2026, 6, 1)
    assert months.build_next()
    assert months.unbuilt() == [june, MARCH]
    assert months.build_next()
    assert months.unbuilt() == [june]
    assert not months.build_next()
    assert "Not built, because their days changed meanwhile or another process is building them: 2026-06." in _rebuild()
    monkeypatch.setattr(months, "_write", write)
    assert "Not built" not in _rebuild()
    assert months.unbuilt() == []


def test_sums_beyond_a_column_stop_at_the_largest_number() -> None:
    for output_tokens, input_tokens in ((2**63 - 1, 2**62), (2**63 - 1, 2**62 - 1)):
        store([request(day("2026-03-05T12:00:00"), output_tokens=output_tokens, input_tokens=input_tokens)])
        store([request(day("2026-03-06T12:00:00"), output_tokens=output_tokens)])
    _build_all()
    for month in MonthRollup.objects.all():
        assert (month.output_tokens, month.input_tokens) == (2**63 - 1, 2**63 - 1)
    assert "match" in _rebuild(check=True)


def test_the_days_of_a_month_are_not_read_into_the_process() -> None:
    """A worker's streams would wait for them: a month may have hundreds of thousands."""
    store([request(day("2026-02-05T12:00:00"))])
    assert months.build(date(2026, 2, 1))
    store([request(day(f"2026-03-{of:02}T12:00:00"), owner_id=owner) for of in range(1, 29) for owner in range(40)])
    tracemalloc.start()
    try:
        assert months.build(MARCH)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert MonthRollup.objects.filter(keyless=False, of_key=False).count() == 1 + 40
    assert peak < 200_000


def test_days_that_are_corrected_make_another_month() -> None:
    store([request(day("2026-03-05T12:00:00"), output_tokens=7)])
    _build_all()
    DailyRollup.objects.update(output_tokens=F("output_tokens") + 1)
    _rebuild()
    assert RollupMonth.objects.get().changes == 2
    assert {row.output_tokens for row in MonthRollup.objects.all()} == {7}


def test_another_time_zone_gets_months_of_its_own(settings: Any) -> None:
    moments = ("2026-02-28T23:30:00", "2026-03-31T12:00:00", "2026-03-31T23:30:00", "2026-05-05T12:00:00")
    store([request(day(text), output_tokens=1) for text in moments])
    _build_all()
    settings.TIME_ZONE = "Europe/Berlin"
    _rebuild()
    assert stored(MonthRollup) == months_of_rows(_start("Europe/Berlin"))
    assert months.unbuilt() == []


def test_pruned_rows_stay_in_their_months(monkeypatch: pytest.MonkeyPatch) -> None:
    store([request(day(f"2026-0{month}-05T12:00:00"), output_tokens=month) for month in (1, 3)])
    _build_all()
    before = stored(MonthRollup)
    monkeypatch.setattr(partitions, "this_month", lambda: MARCH)
    partitions.prune(1)
    assert RequestLog.objects.count() == 1
    _rebuild()
    assert months.unbuilt() == []
    assert stored(MonthRollup) == before


@pytest.mark.django_db(transaction=True)
def test_late_batches_and_builds_at_once_leave_no_month_that_is_wrong() -> None:
    moments = [day("2026-02-28T23:59:59") + timedelta(seconds=n) for n in range(4)]
    over = threading.Event()

    def write(worker: int) -> None:
        with closing(connection):
            for n in range(25):
                moment = moments[(n + worker) % len(moments)]
                store([request(moment, key_id=key, owner_id=key % 2, output_tokens=n) for key in range(5)])

    def build() -> None:
        with closing(connection):
            while not over.is_set():
                months.build(date(2026, 2, 1))
                months.build(MARCH)

    with ThreadPoolExecutor() as pool:
        building = [pool.submit(build) for _ in range(2)]
        try:
            list(pool.map(write, range(2)))
        finally:
            over.set()
        for one in building:
            one.result()
    assert _of_standing(stored(MonthRollup)) == _of_standing(months_of_rows(_start("UTC")))
    _build_all()
    assert stored(MonthRollup) == months_of_rows(_start("UTC"))


class _Building(threading.Thread):
    """Builds March in a thread of its own; `stands` says what came of it."""

    stands: bool | None = None

    def run(self) -> None:
        with closing(connection):
            self.stands = months.build(MARCH)


def _waits_for_a_row() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE locktype IN ('transactionid', 'tuple') AND NOT granted")
        return cursor.fetchone() is not None


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_a_month_whose_days_change_while_it_is_built_does_not_stand() -> None:
    store([request(day("2026-03-05T12:00:00"), output_tokens=7)])
    building = _Building()
    with transaction.atomic():
        upsert.mark([MARCH])
        building.start()
        # Its days are read, and it waits for this transaction.
        until(_waits_for_a_row)
        upsert.write(DailyRollup, accumulate.days(_cells(day("2026-03-06T12:00:00"))))
    building.join()
    assert building.stands is False
    assert _standing() == set()
    assert months.build(MARCH)
    assert sum(row.requests for row in MonthRollup.objects.filter(keyless=True)) == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_a_batch_that_began_before_the_month_was_over_is_waited_for() -> None:
    """It does not mark the month, which was not over when it looked."""
    late = request(day("2026-03-31T23:59:59"))
    building = _Building()
    with transaction.atomic():
        insert([late], [])
        upsert.write(DailyRollup, accumulate.days(accumulate.requests([late]).quarters))
        building.start()
        building.join()
        assert building.stands is False
    assert months.build(MARCH)
    assert {row.requests for row in MonthRollup.objects.all()} == {1}


def _cells(moment: datetime) -> accumulate.Cells:
    return accumulate.requests([request(moment)]).quarters
