"""`rebuild_rollups --check` reads each row once, however long its session goes on, and waits for nobody."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.db.models import F, QuerySet
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.usage.added import attempts_of, record, store, stored, stored_sessions
from tests.usage.dated import day, request
from usage.journal.records import RequestRecord
from usage.models import AttemptLog, RequestLog
from usage.rollups import rebuild
from usage.rollups.cells import LARGEST
from usage.rollups.models import AttemptRollup, ClientRollup, DailyRollup, SessionSummary, TagRollup, UsageRollup

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

DAYS = 6


def _check(**options: Any) -> str:
    out = StringIO()
    try:
        call_command("rebuild_rollups", check=True, stdout=out, **options)
    except CommandError as error:
        return f"{out.getvalue()}{error}"
    return out.getvalue()


def _long(n: int) -> RequestRecord:
    """One of many requests of two sessions that go on over all days, in which teams are renamed."""
    return request(
        day("2026-03-05") + timedelta(minutes=n * 1440 * DAYS // 60, seconds=n % 2 * 0.5),
        team_id=1 + n % 2,
        team_name=f"name {n // 20}",
        key_id=7,
        session_id=f"s{n % 2}",
        outcome=("completed", "failed", "client_closed")[n % 3],
        attempts=n % 3,
        output_tokens=n if n % 4 else None,
        cost=n,
        duration_ms=n * n,
    )


def _session(session_id: str) -> QuerySet[SessionSummary]:
    return SessionSummary.objects.filter(session_id=session_id)


def _queries(requests: list[RequestRecord]) -> int:
    store(requests)
    with CaptureQueriesContext(connection) as captured:
        assert "match" in _check()
    return len(captured)


def test_more_rows_take_no_more_queries() -> None:
    few = _queries([_long(n) for n in range(60)])
    assert few <= 10 * DAYS + 5
    # The same quarter hours and sessions, with ten times the rows.
    assert _queries([_long(n % 60) for n in range(540)]) == few


def test_no_query_reads_a_table_from_end_to_end() -> None:
    store([_long(n) for n in range(60)])
    with CaptureQueriesContext(connection) as captured:
        _check()
        UsageRollup.objects.filter(overall=True).update(attempts=77)
        assert "rebuilt" in (out := StringIO(), call_command("rebuild_rollups", stdout=out))[0].getvalue()
    asked = [query["sql"] for query in captured if query["sql"].startswith(("SELECT", "DELETE"))]
    # Of the time zone there is one row, of months a row each.
    spans = [sql for sql in asked if "usage_" in sql and "MIN(" not in sql and '"usage_rollup' not in sql]
    assert len(spans) > 50
    for sql in spans if connection.vendor == "sqlite" else ():
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            plan = " ".join(str(row[-1]) for row in cursor.fetchall())
        assert "SCAN usage_" not in plan, (sql, plan)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 2**32).map(record), min_size=1, max_size=20))
def test_any_requests_match_what_the_writer_added_up(requests: list[RequestRecord]) -> None:
    for model in (
        RequestLog,
        AttemptLog,
        AttemptRollup,
        TagRollup,
        ClientRollup,
        UsageRollup,
        DailyRollup,
        SessionSummary,
    ):
        model._default_manager.all().delete()
    for one in requests:
        # In batches of one, so that the database adds up.
        store([one], attempts_of(one))
    assert list(rebuild.rebuild(check=True)) == []


def test_a_sum_at_its_end_matches() -> None:
    store([request(day("2026-03-05T10:00:00"), session_id="s", cost=LARGEST - 1)])
    store([request(day("2026-03-05T10:01:00"), session_id="s", cost=LARGEST - 1)])
    store([request(day("2026-03-06T10:01:00"), session_id="s", cost=5)])
    assert "match" in _check()


@pytest.mark.parametrize(
    ("spoil", "subject"),
    [
        (lambda: _session("s1").update(last_seen=day("2026-03-06")), "s1: last_seen"),
        (lambda: _session("s1").update(last_seen=day("2027-03-06")), "s1: last_seen"),
        (lambda: _session("s1").update(first_seen=day("2026-03-07")), "s1: first_seen"),
        (lambda: _session("s0").update(team_name="name 0"), "s0: team_name is name 0"),
        (lambda: _session("s0").update(requests=F("requests") + 1), "s0: requests is 31"),
        (lambda: DailyRollup.objects.update(starts_at=F("starts_at") + timedelta(hours=1)), "daily"),
        (lambda: DailyRollup.objects.filter(output_tokens=None).update(output_tokens=0), "output_tokens is 0"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_put_right(spoil: Callable[[], Any], subject: str) -> None:
    store([_long(n) for n in range(60)])
    before = stored(UsageRollup), stored(DailyRollup), stored_sessions()
    spoil()
    assert subject in _check()
    assert "rebuilt" in (out := StringIO(), call_command("rebuild_rollups", stdout=out))[0].getvalue()
    assert (stored(UsageRollup), stored(DailyRollup), stored_sessions()) == before


def test_a_part_of_the_days_of_a_session_is_no_difference() -> None:
    store([_long(n) for n in range(60)])
    middle = {"first": day("2026-03-06").date(), "last": day("2026-03-08").date()}
    assert "match" in _check(**middle)
    SessionSummary.objects.filter(session_id="s0").update(errors=99)
    assert "s0: errors is 99" in _check(**middle)
    # Those that ended before, or began after, are not looked at.
    assert "match" in _check(first=day("2026-03-20").date(), last=day("2026-03-21").date())


@pytest.mark.django_db(transaction=True)
def test_a_check_waits_for_no_writer_and_sees_nothing_of_what_is_not_committed() -> None:
    store([_long(n) for n in range(60)])
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE" if connection.vendor == "sqlite" else "BEGIN")
        if connection.vendor == "postgresql":
            cursor.execute("LOCK TABLE usage_usagerollup IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute("UPDATE usage_usagerollup SET requests = requests + 1")
        assert "match" in _check()
        cursor.execute("ROLLBACK")
    other.close()
