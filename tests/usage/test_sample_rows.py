"""Sample rows: as many as asked for, in the months asked for, the same for the same seed."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, tzinfo
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import Sum

from access.tags import set_id
from tests.harness.gateway import ROOT
from tests.usage.added import attempts_of_rows, sessions_of_rows, stored, stored_attempts, stored_sessions
from usage import bulk
from usage.journal import partitions
from usage.journal.writer import Writer
from usage.management.commands import generate_usage
from usage.models import AttemptLog, RequestLog
from usage.rollups import months, rebuild
from usage.rollups.models import AttemptRollup, DailyRollup, RollupZone, SessionSummary, UsageRollup
from usage.sample_data import making, times
from usage.sample_data.ends import FAILURES, REFUSALS, RESTART
from usage.sample_data.site import site_of

SINCE, UNTIL = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 10, 12, tzinfo=UTC)


def test_a_seed_makes_the_same_rows_every_time() -> None:
    first, again, other = (list(making.rows(500, SINCE, UNTIL, seed)) for seed in (1, 1, 2))
    assert first == again
    assert not {request.id for request, _ in first} & {request.id for request, _ in other}


def test_a_busy_hour_is_divided_and_no_request_is_lost() -> None:
    hour = times.slices(10_001, SINCE, datetime(2026, 2, 1, 1, tzinfo=UTC), 1)
    made = [len(list(making.rows_of(part))) for part in hour]
    assert sum(made) == 10_001
    assert max(made) <= times.SLICE


def test_rows_rise_in_time_and_ids_and_stay_in_bounds() -> None:
    requests = [request for request, _ in making.rows(3_000, SINCE, UNTIL, 7)]
    moments = [request.started_at for request in requests]
    assert len(requests) == 3_000
    assert moments == sorted(moments)
    assert SINCE <= moments[0] <= moments[-1] < UNTIL
    for request in requests:
        assert request.id.version == 7
        assert request.id.int >> 80 == round(request.started_at.timestamp() * 1000)


def test_what_is_not_known_is_unknown_and_a_refused_request_has_no_attempt() -> None:
    for request, attempts in making.rows(3_000, SINCE, UNTIL, 7):
        assert len(attempts) == request.attempts
        assert (request.outcome == "refused") == (request.attempts == 0)
        known = {request.input_tokens is None, request.output_tokens is None, request.cost is None}
        assert known == {request.outcome not in {"completed", "client_closed"}}
        assert [attempt.number for attempt in attempts] == list(range(1, request.attempts + 1))
        assert all(attempt.request_log_id == request.id for attempt in attempts)
        if attempts:
            last = attempts[-1]
            assert (last.outcome, last.provider_name, last.cost) == (
                request.outcome,
                request.provider_name,
                request.cost,
            )


def test_attempts_follow_each_other_within_their_request() -> None:
    heads = 0
    for request, attempts in making.rows(5_000, SINCE, UNTIL, 7):
        after = 0
        for attempt in attempts:
            began = round((attempt.started_at - request.started_at).total_seconds() * 1000)
            assert began > after or began == after == 0, attempt
            assert attempt.id.int >> 80 == round(attempt.started_at.timestamp() * 1000)
            assert attempt.duration_ms is not None
            after = began + attempt.duration_ms
            times_of = (attempt.time_to_connect_ms, attempt.time_to_headers_ms, attempt.time_to_first_token_ms)
            known = [ms for ms in (0, *times_of, attempt.duration_ms) if ms is not None]
            assert known == sorted(known), attempt
            heads += attempt.time_to_headers_ms is not None
        if attempts:
            assert after == request.duration_ms
        if request.time_to_first_token_ms is not None:
            assert attempts[-1].time_to_first_token_ms == request.time_to_first_token_ms - began
    assert heads > 4_500


def test_they_look_like_a_company() -> None:
    made = list(making.rows(20_000, datetime(2025, 3, 1, tzinfo=UTC), UNTIL, 7))
    requests = [request for request, _ in made]

    def different(name: str) -> int:
        return len({getattr(request, name) for request in requests} - {None, ""})

    names = ("team_id", "owner_id", "route_id", "model_id", "provider_id")
    assert [different(name) for name in names] == [12, 40, 30, 25, 6]
    assert 150 < different("key_id") <= len(site_of(7).keys) == 200
    assert len({tag for request in requests for tag in request.tags or ()}) == 30
    for team in {request.team_id for request in requests}:
        assert len({request.route_id for request in requests if request.team_id == team}) <= 8
    fallbacks = [attempts for _, attempts in made if len(attempts) == 2]
    assert 0.04 < len(fallbacks) / len(made) < 0.06
    for failed, answered in fallbacks:
        assert (failed.outcome, failed.cost) == ("failed", None)
        assert failed.model_id != answered.model_id
    sessions = [request.session_id for request in requests if request.session_id]
    assert 5 < len(sessions) / len(set(sessions)) < 50
    assert {request.request_class for request in requests if request.agent_id} == {"subagent"}
    by_month = Counter(f"{request.started_at:%Y-%m}" for request in requests)
    assert by_month["2026-02"] > 1.3 * by_month["2025-03"]
    nights = [request for request in requests if request.started_at.hour < 5]
    assert len(nights) / len(requests) < 0.05


def test_every_reason_is_a_sentence_of_the_gateway() -> None:
    words = dict(re.findall(r"^\| `([a-z0-9_]+)` \| (.*) \|$", (ROOT / "docs/sentences.md").read_text(), re.MULTILINE))
    for failure in (*REFUSALS, *FAILURES, RESTART):
        parts = re.split(r"\{[^}]*\}", words[failure.code])
        assert re.search(".*".join(map(re.escape, parts)), failure.text), failure


def test_requests_say_whose_they_are() -> None:
    requests = [request for request, _ in making.rows(3_000, SINCE, UNTIL, 7)]
    for request in requests:
        assert request.tags is not None
        assert request.tags_id == set_id(request.tags)
        assert request.tags == sorted(request.tags)


@pytest.mark.django_db
@pytest.mark.both_databases
def test_the_command_writes_them_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)

    class Now(datetime):
        """The rows are the same within an hour, and the hour may turn between two calls."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return now.astimezone(tz)

    monkeypatch.setattr(generate_usage, "datetime", Now)
    RollupZone.objects.update_or_create(id=1, defaults={"name": "UTC"})
    for _ in range(2):
        call_command("generate_usage", rows=2_500, months=2, seed=3, stdout=StringIO())
    assert RequestLog.objects.count() == 2_500
    assert AttemptLog.objects.count() == RequestLog.objects.aggregate(Sum("attempts"))["attempts__sum"]
    assert months.unbuilt() == []
    found = {f"{moment:%Y-%m}" for moment in RequestLog.objects.values_list("started_at", flat=True)}
    this_month = now.date().replace(day=1)
    assert found <= {f"{month:%Y-%m}" for month in (partitions.months_after(this_month, -1), this_month)}


def _bulk(count: int) -> list[int]:
    return list(bulk.write(times.slices(count, SINCE, UNTIL, 4), Writer(lambda account: None)))


@pytest.mark.django_db
@pytest.mark.both_databases
@pytest.mark.parametrize("processes", [1, 2])
def test_many_at_once_are_what_the_writer_makes_of_them(processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_PROCESSES", processes)
    monkeypatch.setattr(times, "SLICE", 250)
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
    assert Writer(lambda account: None).write_through(list(making.rows(600, SINCE, UNTIL, 4)))
    assert (list(RequestLog.objects.values()), list(AttemptLog.objects.values())) == (requests, attempts)
    assert (stored(UsageRollup), stored(DailyRollup), stored_sessions(), stored_attempts()) == rollups


@pytest.mark.django_db
def test_nothing_is_written_after_a_slice_that_the_database_did_not_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times, "SLICE", 50)
    answers = iter([True, False])
    monkeypatch.setattr(Writer, "write_prepared", lambda *args: next(answers))
    first, last = _bulk(600)
    assert 0 < first <= 50
    assert last == 0


@pytest.mark.django_db
@pytest.mark.both_databases
def test_rows_that_are_there_already_are_added_up_once() -> None:
    some = [finished for at, finished in enumerate(making.rows(300, SINCE, UNTIL, 4)) if at % 7 == 0]
    assert Writer(lambda account: None).write_through(some)
    for _ in range(2):
        assert _bulk(300) == [300]
        assert RequestLog.objects.count() == 300
        assert list(rebuild.rebuild(check=True)) == []
