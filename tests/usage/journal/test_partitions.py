"""Months as partitions on PostgreSQL: created ahead, filled by id and dropped, without Django noticing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from io import StringIO
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, connections
from django.test import Client

from tests.harness.patience import SOON
from tests.usage.dated import table_of, written
from usage.journal import partitions
from usage.models import AttemptLog, RequestLog

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def in_march(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is March 2026."""
    monkeypatch.setattr(partitions, "this_month", lambda: date(2026, 3, 1))


@pytest.fixture
def committed(transactional_db: None) -> Iterator[None]:
    """What the test does is committed; the partitions that it makes are dropped behind it."""
    yield
    for name in _partitions():
        with connection.cursor() as cursor:
            cursor.execute(f'DROP TABLE "{name}"')


def _partitions() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relname ~ '^usage_.*log_[0-9]{4}_[0-9]{2}$' AND relkind = 'r'"
        )
        return sorted(name for (name,) in cursor.fetchall())


@contextmanager
def _somebody_else(*statements: str) -> Iterator[None]:
    """Another session that has executed these and goes on with its transaction."""
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
        for statement in statements:
            other.execute(statement)
        yield


# --- making ----------------------------------------------------------------------------------------------------------


def test_months_run_from_their_first_millisecond_in_utc() -> None:
    assert partitions.lowest_id(date(2026, 3, 1)) == UUID("019ca6b1-dc00-0000-0000-000000000000")
    assert partitions.months_after(date(2026, 11, 1), 2) == date(2027, 1, 1)
    assert partitions.months_after(date(2026, 1, 1), -13) == date(2024, 12, 1)


@pytest.mark.usefixtures("in_march")
def test_this_month_and_those_ahead_are_made_once() -> None:
    expected = [f"usage_{kind}_2026_0{month}" for month in (3, 4, 5) for kind in ("requestlog", "attemptlog")]
    assert partitions.ensure() == expected
    assert partitions.ensure() == []
    assert partitions.ensure(ahead=3) == ["usage_requestlog_2026_06", "usage_attemptlog_2026_06"]
    assert _partitions() == sorted([*expected, "usage_requestlog_2026_06", "usage_attemptlog_2026_06"])


@pytest.mark.usefixtures("in_march")
def test_a_row_is_in_the_month_of_its_id_and_an_odd_clock_loses_none() -> None:
    partitions.ensure()
    days = (
        "2026-02-28T23:59:59.999",
        "2026-03-01",
        "2026-03-31T23:59:59.999",
        "2026-04-01",
        "1970-01-01",
        "2090-01-01",
    )
    assert [table_of(row).removeprefix("usage_requestlog_") for row in written(*days)] == [
        "default", "2026_03", "2026_03", "2026_04", "default", "default",
    ]  # fmt: skip


@pytest.mark.usefixtures("in_march")
def test_rows_that_came_before_their_partition_move_into_it() -> None:
    early, stray = written("2026-04-10", "2090-01-01")
    before = RequestLog.objects.filter(pk=early).values().get()
    partitions.ensure()
    assert table_of(early) == "usage_requestlog_2026_04"
    assert table_of(stray) == "usage_requestlog_default"
    assert RequestLog.objects.filter(pk=early).values().get() == before
    assert (RequestLog.objects.count(), AttemptLog.objects.count()) == (2, 2)


@pytest.mark.usefixtures("in_march", "committed")
def test_two_workers_at_once_make_each_partition_once() -> None:
    together, made = threading.Barrier(2), []

    def worker() -> None:
        together.wait()
        made.append(partitions.ensure(ahead=4))
        connections.close_all()

    workers = [threading.Thread(target=worker) for _ in range(2)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()
    assert sorted(made[0] + made[1]) == _partitions()
    assert len(_partitions()) == 10


@pytest.mark.usefixtures("in_march", "committed")
def test_a_lock_that_is_not_to_be_had_is_given_up_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "CREATE_PAUSES", (0.01,))
    with _somebody_else("SELECT * FROM usage_requestlog_default"):
        began = time.monotonic()
        with pytest.raises(OperationalError):
            partitions.ensure()
        assert time.monotonic() - began < SOON
        written("2026-03-10")
    assert len(partitions.ensure()) == 6
    assert RequestLog.objects.count() == 1


@pytest.mark.usefixtures("in_march", "committed")
def test_rows_that_arrive_while_their_partition_is_made_are_not_refused() -> None:
    done, rows = threading.Event(), []

    def writer() -> None:
        try:
            while not done.is_set():
                rows.extend(written(*(f"2026-{month:02}-10" for month in range(3, 13))))
        finally:
            connections.close_all()

    writers = [threading.Thread(target=writer) for _ in range(3)]
    for thread in writers:
        thread.start()
    partitions.ensure(ahead=9)
    done.set()
    for thread in writers:
        thread.join()
    assert set(RequestLog.objects.values_list("id", flat=True)) == set(rows)
    assert {table_of(row) for row in rows} == {f"usage_requestlog_2026_{month:02}" for month in range(3, 13)}


def test_the_command_reports_what_it_created() -> None:
    output = StringIO()
    call_command("make_partitions", ahead=0, stdout=output)
    call_command("make_partitions", ahead=0, stdout=output)
    assert output.getvalue().splitlines() == [
        *(f"created {name}" for name in reversed(_partitions())),
        "All partitions exist.",
    ]


# --- dropping --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("in_march", "committed")
def test_whole_months_are_dropped_and_say_for_how_long_they_locked() -> None:
    partitions.ensure(since=date(2025, 12, 1))
    written("2025-12-01", "2026-01-31T23:59:59.999", "2026-02-01", "2026-03-15")
    pruned = partitions.prune(1)
    assert [one.partition for one in pruned] == [
        "usage_requestlog_2025_12", "usage_requestlog_2026_01", "usage_attemptlog_2025_12", "usage_attemptlog_2026_01",
    ]  # fmt: skip
    assert all(0 < one.locked_ms < SOON * 1_000 for one in pruned)
    assert _partitions()[0] == "usage_attemptlog_2026_02"
    assert RequestLog.objects.count() == 2


@pytest.mark.usefixtures("in_march", "committed")
def test_a_long_report_is_not_waited_for_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "DROP_PAUSES", (0.05,) * 5)
    partitions.ensure(since=date(2026, 1, 1))
    written("2026-01-05")
    refused, waits = [], []

    def pruner() -> None:
        try:
            partitions.prune(0)
        except OperationalError as error:
            refused.append(error)
        connections.close_all()

    with _somebody_else("SELECT * FROM usage_requestlog"):
        thread = threading.Thread(target=pruner)
        thread.start()
        while thread.is_alive():
            began = time.monotonic()
            written("2026-03-10")
            waits.append(time.monotonic() - began)
        thread.join()
    assert len(refused) == 1
    assert max(waits) < SOON
    assert RequestLog.objects.count() == len(waits) + 1
    assert partitions.prune(0)[0].partition == "usage_requestlog_2026_01"


# --- what Django believes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [RequestLog, AttemptLog])
def test_later_migrations_can_alter_indexes_and_columns(model: type[RequestLog] | type[AttemptLog]) -> None:
    partitions.ensure()
    with connection.schema_editor() as editor:
        for index in model._meta.indexes:
            editor.remove_index(model, index)
            editor.add_index(model, index)
        for field in model._meta.concrete_fields:
            if getattr(field, "db_index", False):
                plain: Any = field.clone()
                plain.db_index = False
                plain.set_attributes_from_name(field.name)
                plain.model = model
                editor.alter_field(model, field, plain, strict=True)
                editor.alter_field(model, plain, field, strict=True)
    written("2026-03-01")
    assert model.objects.count() == 1


def test_the_tables_can_be_unmade_and_made_again() -> None:
    partitions.ensure()
    call_command("migrate", "usage", "zero", verbosity=0)
    assert not [name for name in connection.introspection.table_names() if name.startswith("usage_")]
    call_command("migrate", "usage", verbosity=0)
    partitions.ensure()
    written("2026-03-01")
    assert AttemptLog.objects.count() == 1


@pytest.mark.usefixtures("in_march")
def test_pages_of_the_admin_read_all_partitions(admin_client: Client) -> None:
    partitions.ensure()
    rows = written("2090-01-01", "2026-04-02", "2026-03-02", "1970-01-01")
    listed = admin_client.get("/admin/usage/requestlog/?from=1970-01-01&to=2090-12-31").context["rows"]
    assert [row.pk for row in listed] == rows
    for row in rows:
        page = admin_client.get(f"/admin/usage/requestlog/{row}/change/")
        assert page.status_code == 200
        assert f"req_{row.hex}" in page.content.decode()
    assert admin_client.get("/admin/usage/attemptlog/").status_code == 200
