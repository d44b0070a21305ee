"""Rollups match the rows, whatever the rows, their order and the number of workers."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.usage.added import (
    assert_rollups_match,
    attempts_of,
    from_rows,
    quarter,
    records,
    sessions_of_rows,
    store,
    stored,
    stored_sessions,
)
from tests.usage.dated import day, request
from usage.journal.records import RequestRecord
from usage.models import RequestLog
from usage.reports import query
from usage.reports.explore.answer import answer
from usage.reports.explore.question import Question
from usage.reports.query import Period, Selection
from usage.rollups.models import RollupZone, SessionSummary, UsageRollup

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

# Each example is rolled back by itself; what the fixtures set up holds for all of them.
EXAMPLES = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))


@EXAMPLES
@given(st.lists(st.lists(records, max_size=12), max_size=4))
def test_rollups_match_the_rows(settings: Any, batches: list[list[RequestRecord]]) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    with transaction.atomic():
        for batch in batches:
            store(batch, [attempt for one in batch for attempt in attempts_of(one)])
        assert_rollups_match()
        transaction.set_rollback(True)


def test_a_request_that_arrives_twice_counts_once() -> None:
    one = request(day("2026-03-05T12:00:00"), session_id="s", output_tokens=7)
    assert store([one, one]) == {one.id}
    assert store([one]) == set()
    row = UsageRollup.objects.get(overall=False)
    assert (row.requests, row.output_tokens) == (1, 7)
    assert SessionSummary.objects.get().requests == 1


def test_an_absurd_figure_does_not_make_the_next_rows_be_refused() -> None:
    for tokens in (2**63 - 1, 2**63 - 1, 5):
        store([request(day("2026-03-05T12:00:00"), output_tokens=tokens)])
    assert RequestLog.objects.count() == 3
    row = UsageRollup.objects.get(overall=False)
    assert (row.requests, row.output_tokens) == (3, 2**63 - 1)


def test_a_session_has_the_names_of_its_newest_request() -> None:
    for hour, name in ((12, "now"), (11, "then")):
        store([request(day(f"2026-03-05T{hour}:00:00"), session_id="s", key_id=1, key_name=name)])
    assert SessionSummary.objects.get().key_name == "now"


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/St_Johns", "Pacific/Chatham", "Australia/Lord_Howe"])
def test_quarter_hours_fit_the_days_of_odd_time_zones(settings: Any, zone: str) -> None:
    settings.TIME_ZONE = zone
    midnight = datetime(2026, 3, 1, tzinfo=ZoneInfo(zone))
    end = datetime(2026, 4, 1, tzinfo=ZoneInfo(zone))
    for moment, tokens in (
        (midnight.timestamp() - 0.001, 1),
        (midnight.timestamp(), 10),
        (end.timestamp() - 0.001, 100),
    ):
        store([request(datetime.fromtimestamp(moment, UTC), output_tokens=tokens)])
    for name in (zone, "elsewhere"):
        RollupZone.objects.update_or_create(id=1, defaults={"name": name})
        assert query.totals(Selection(MARCH)).output == 110
        days = answer(Question(MARCH.start, MARCH.end, "output", group=""))
        assert [bool(value) for value in (days.whole.values[0], days.whole.values[-1])] == [True, True]


@pytest.mark.django_db(transaction=True)
def test_workers_that_add_at_once_lose_nothing_and_do_not_deadlock() -> None:
    moment = day("2026-03-05T12:00:00")
    sets = [{"team_id": n % 3, "key_id": n % 5, "session_id": f"s{n % 7}"} for n in range(30)]
    failures: list[Exception] = []

    def work(forwards: bool) -> None:
        try:
            for _ in range(8):
                batch = [
                    request(moment, output_tokens=1, duration_ms=n, cost=10**12, **one) for n, one in enumerate(sets)
                ]
                store(batch if forwards else batch[::-1])
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(n % 2 == 0,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert RequestLog.objects.count() == 3 * 8 * 30
    assert stored(UsageRollup) == from_rows(quarter)
    assert stored_sessions() == sessions_of_rows()
