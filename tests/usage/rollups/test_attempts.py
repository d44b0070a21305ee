"""Days of attempts: each attempt counts at its own provider, on the day of UTC, whatever became of the request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.usage.added import attempts_of_rows, store, stored_attempts
from tests.usage.dated import attempt, day, identity, request
from usage.journal.records import RequestRecord
from usage.models import AttemptLog
from usage.rollups.models import AttemptRollup

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NOON = day("2026-03-05T12:00:00")
PICO = 10**12


def _rebuild(**options: Any) -> str:
    out = StringIO()
    try:
        call_command("rebuild_rollups", stdout=out, **options)
    except CommandError as error:
        return f"{out.getvalue()}{error}"
    return out.getvalue()


def _failed_over(moment: Any = NOON, **first: Any) -> RequestRecord:
    """A request that the second provider answered, after the first had billed for a part."""
    one = request(moment, provider_id=2, provider_name="south", cost=5 * PICO, attempts=2)
    failed = {"outcome": "failed", "provider_id": 1, "provider_name": "north", "credential_id": 4, "cost": 2 * PICO}
    answered = {"number": 2, "provider_id": 2, "provider_name": "south", "credential_id": 5, "cost": 3 * PICO}
    store([one], [attempt(one, **{**failed, **first}), attempt(one, **answered)])
    return one


def test_each_attempt_costs_its_own_provider() -> None:
    _failed_over()
    found = {
        (row.provider_name, row.credential_id, row.outcome): (row.attempts, row.cost)
        for row in AttemptRollup.objects.all()
    }
    assert found == {("north", 4, "failed"): (1, 2), ("south", 5, "completed"): (1, 3)}


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_a_day_is_one_of_utc_and_that_of_the_attempt(settings: Any, zone: str) -> None:
    settings.TIME_ZONE = zone
    one = request(day("2026-03-05T23:59:59"), attempts=2)
    attempts = [attempt(one, number=number) for number in (1, 2)]
    attempts[1].id = identity(day("2026-03-06T00:00:00"))
    store([one], attempts)
    assert [row.starts_at for row in AttemptRollup.objects.order_by("starts_at")] == [
        day("2026-03-05"), day("2026-03-06"),
    ]  # fmt: skip
    assert "match" in _rebuild(check=True)


def test_what_arrives_twice_counts_once() -> None:
    one = request(NOON)
    tried = attempt(one)
    store([one, one], [tried, tried])
    store([one], [tried])
    assert [row.attempts for row in AttemptRollup.objects.all()] == [1]


@pytest.mark.parametrize(
    ("spoil", "subject"),
    [
        (lambda: AttemptRollup.objects.filter(credential_id=4).delete(), "is missing"),
        (lambda: AttemptRollup.objects.filter(credential_id=4).update(cost=7), "cost is 7000000000000, should be"),
        (lambda: AttemptRollup.objects.filter(credential_id=4).update(credential_id=9), "has no requests"),
        (lambda: AttemptRollup.objects.update(attempts=9), "attempts is 9, should be 1"),
        (lambda: AttemptRollup.objects.all().delete(), "usage_attemptrollup"),
    ],
)
def test_what_differs_is_named_and_corrected(spoil: Callable[[], Any], subject: str) -> None:
    for days in range(3):
        _failed_over(NOON + timedelta(days=days))
    before = stored_attempts()
    assert before == attempts_of_rows()
    spoil()
    middle = {"first": day("2026-03-10").date(), "last": day("2026-03-11").date()}
    assert "match" in _rebuild(check=True, **middle)
    assert subject in _rebuild(check=True)
    assert "rebuilt" in _rebuild()
    assert stored_attempts() == before


def test_pruned_days_keep_their_rollups_and_days_without_rows_cost_no_query() -> None:
    _failed_over()
    _failed_over(day("2026-03-08T12:00:00"))
    before = stored_attempts()
    AttemptLog.objects.filter(id__lt=identity(day("2026-03-06"))).delete()
    with CaptureQueriesContext(connection) as captured:
        assert "match" in _rebuild(check=True)
    assert "rebuilt" not in _rebuild()
    assert stored_attempts() == before
    of_attempts = [query["sql"] for query in captured if "attemptlog" in query["sql"]]
    assert len(of_attempts) <= 3
    for sql in of_attempts if connection.vendor == "sqlite" else ():
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            assert "SCAN" not in " ".join(str(row[-1]) for row in cursor.fetchall()), sql


def test_an_id_of_a_broken_clock_is_added_up_too() -> None:
    one = request(NOON)
    tried = attempt(one)
    tried.id = type(tried.id)(int=2**128 - 2)
    store([one], [tried])
    assert AttemptRollup.objects.get().starts_at.year == 9999
    assert "match" in _rebuild(check=True)


def test_repriced_costs_change_no_rollup() -> None:
    _failed_over()
    before = stored_attempts()
    call_command("reprice_usage", "--from", "2026-03-01", "--to", "2026-03-31", "--apply", stdout=StringIO())
    assert stored_attempts() == before
    assert "match" in _rebuild(check=True)


def test_a_batch_is_one_statement_on_postgresql() -> None:
    # Of this month: what changes a month that is over is counted there too.
    one = request(timezone.now(), session_id="s", attempts=1)
    tried = attempt(one)
    with CaptureQueriesContext(connection) as captured:
        store([one], [tried])
    added = [query["sql"] for query in captured if "rollup" in query["sql"]]
    assert len(added) == (1 if connection.vendor == "postgresql" else 0)
