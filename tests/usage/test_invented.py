"""Invented rows: as many as asked for, in the months asked for, the same for the same seed."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import call_command

from access.tags import set_id
from tests.usage.added import attempts_of_rows, sessions_of_rows, stored, stored_attempts, stored_sessions
from usage import bulk, sample_data
from usage.journal import partitions
from usage.journal.writer import Writer
from usage.models import AttemptLog, RequestLog
from usage.rollups import rebuild
from usage.rollups.models import AttemptRollup, DailyRollup, SessionSummary, UsageRollup

SINCE, UNTIL = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 10, 12, tzinfo=UTC)


def test_a_seed_makes_the_same_rows_every_time() -> None:
    first, again, other = (list(sample_data.rows(500, SINCE, UNTIL, seed)) for seed in (1, 1, 2))
    assert first == again
    assert not {request.id for request, _ in first} & {request.id for request, _ in other}


def test_a_busy_hour_is_divided_and_no_request_is_lost() -> None:
    hour = sample_data.slices(10_001, SINCE, datetime(2026, 2, 1, 1, tzinfo=UTC), 1)
    made = [len(list(sample_data.rows_of(part))) for part in hour]
    assert sum(made) == 10_001
    assert max(made) <= sample_data.SLICE


def test_rows_rise_in_time_and_ids_and_stay_in_bounds() -> None:
    requests = [request for request, _ in sample_data.rows(3_000, SINCE, UNTIL, 7)]
    moments = [request.started_at for request in requests]
    assert len(requests) == 3_000
    assert moments == sorted(moments)
    assert SINCE <= moments[0] <= moments[-1] < UNTIL
    for request in requests:
        assert request.id.version == 7
        assert request.id.int >> 80 == round(request.started_at.timestamp() * 1000)


def test_refused_requests_have_no_attempt_and_unknown_tokens_are_unknown() -> None:
    for request, attempts in sample_data.rows(3_000, SINCE, UNTIL, 7):
        assert len(attempts) == request.attempts == (0 if request.outcome == "refused" else 1)
        known = {request.input_tokens is None, request.output_tokens is None, request.cost is None}
        assert known == {request.outcome != "completed"}


def test_requests_say_whose_they_are() -> None:
    requests = [request for request, _ in sample_data.rows(3_000, SINCE, UNTIL, 7)]
    assert len({request.owner_id for request in requests} - {None}) > 20
    assert len({request.client_version for request in requests}) >= 9
    for request in requests:
        assert request.tags is not None
        assert request.tags_id == set_id(request.tags)
        assert request.tags == sorted(request.tags)


@pytest.mark.django_db
@pytest.mark.both_databases
def test_the_command_writes_them_once() -> None:
    for _ in range(2):
        call_command("generate_usage", rows=2_500, months=2, seed=3, stdout=StringIO())
    assert RequestLog.objects.count() == 2_500
    assert AttemptLog.objects.count() == RequestLog.objects.exclude(outcome="refused").count()
    months = {f"{moment:%Y-%m}" for moment in RequestLog.objects.values_list("started_at", flat=True)}
    this_month = partitions.this_month()
    assert months <= {f"{month:%Y-%m}" for month in (partitions.months_after(this_month, -1), this_month)}


def _bulk(count: int) -> list[int]:
    return list(bulk.write(sample_data.slices(count, SINCE, UNTIL, 4), Writer(lambda account: None)))


@pytest.mark.django_db
@pytest.mark.both_databases
@pytest.mark.parametrize("processes", [1, 2])
def test_many_at_once_are_what_the_writer_makes_of_them(processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_PROCESSES", processes)
    monkeypatch.setattr(sample_data, "SLICE", 250)
    # As few values as SQLite may take, so that there are several statements.
    monkeypatch.setattr("usage.sqlite.most_values", lambda: 999)
    written = _bulk(600)
    assert sum(written) == 600
    assert len(written) >= 3
    assert max(written) <= 250
    requests, attempts = list(RequestLog.objects.values()), list(AttemptLog.objects.values())
    rollups = stored(UsageRollup), stored(DailyRollup), stored_sessions(), stored_attempts()
    assert rollups[2:] == (sessions_of_rows(), attempts_of_rows())
    assert list(rebuild.rebuild(check=True)) == []
    for model in (RequestLog, AttemptLog, UsageRollup, DailyRollup, AttemptRollup):
        model._default_manager.all().delete()
    SessionSummary.objects.all().delete()
    assert Writer(lambda account: None).write_through(list(sample_data.rows(600, SINCE, UNTIL, 4)))
    assert (list(RequestLog.objects.values()), list(AttemptLog.objects.values())) == (requests, attempts)
    assert (stored(UsageRollup), stored(DailyRollup), stored_sessions(), stored_attempts()) == rollups


@pytest.mark.django_db
def test_nothing_is_written_after_a_slice_that_the_database_did_not_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_data, "SLICE", 50)
    answers = iter([True, False])
    monkeypatch.setattr(Writer, "write_prepared", lambda *args: next(answers))
    first, last = _bulk(600)
    assert 0 < first <= 50
    assert last == 0


@pytest.mark.django_db
@pytest.mark.both_databases
def test_rows_that_are_there_already_are_added_up_once() -> None:
    some = [finished for at, finished in enumerate(sample_data.rows(300, SINCE, UNTIL, 4)) if at % 7 == 0]
    assert Writer(lambda account: None).write_through(some)
    for _ in range(2):
        assert _bulk(300) == [300]
        assert RequestLog.objects.count() == 300
        assert list(rebuild.rebuild(check=True)) == []
