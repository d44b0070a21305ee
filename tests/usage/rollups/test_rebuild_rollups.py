"""`./gateway rebuild_rollups`: finds what differs from the rows, puts it right, and disturbs no running gateway."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F

from access.models import AuditEntry
from tests.usage.added import store, stored, stored_sessions
from tests.usage.dated import day, request
from usage.journal.records import RequestRecord
from usage.models import RequestLog
from usage.reports import query
from usage.reports.explore.answer import answer
from usage.reports.explore.question import EVERY_LINE, Question
from usage.rollups.models import DailyRollup, RollupZone, SessionSummary, UsageRollup

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def _rebuild(**options: Any) -> str:
    out = StringIO()
    call_command("rebuild_rollups", stdout=out, **options)
    return out.getvalue()


def _everything() -> tuple[Any, ...]:
    return stored(UsageRollup), stored(DailyRollup), stored_sessions()


@pytest.fixture
def history() -> None:
    """Requests of two days, two sessions and two teams."""
    store([_one(n) for n in range(20)])


@pytest.fixture
def one_day() -> None:
    """The same requests on one day, which takes half the time to rebuild."""
    store([_one(n, days=1) for n in range(20)])


def _one(n: int, days: int = 2) -> RequestRecord:
    return request(
        day(f"2026-03-0{5 + n % days}T{n:02}:10:00"),
        team_id=n % 2,
        team_name=f"t{n % 2}",
        session_id=f"s{n % 3}" if n % 3 else "",
        output_tokens=n or None,
        cost=n * 10**9 or None,
        time_to_first_token_ms=n * 100,
        duration_ms=n * 1000,
    )


def test_rollups_of_the_writer_match_the_rows(history: None) -> None:
    before = _everything()
    assert "match" in _rebuild(check=True)
    assert "match" in _rebuild()
    assert _everything() == before


@pytest.mark.usefixtures("one_day")
@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda: UsageRollup.objects.filter(requests=1)[0:1].get().delete(), "is missing"),
        (lambda: UsageRollup.objects.filter(output_tokens=7).update(output_tokens=8), "is 8, should be 7"),
        (lambda: UsageRollup.objects.update(cost=None), "cost is None"),
        (lambda: UsageRollup.objects.filter(overall=True).update(duration_bins={"3": 1}), "duration_bins"),
        (lambda: UsageRollup.objects.filter(overall=False).update(route_name="x"), "has no requests"),
        (lambda: DailyRollup.objects.update(requests=F("requests") + 1), "usage_dailyrollup"),
        (lambda: DailyRollup.objects.all().delete(), "is missing"),
        (lambda: SessionSummary.objects.filter(session_id="s1").update(errors=9), "errors is 9, should be 0"),
        (lambda: SessionSummary.objects.all().delete(), "usage_sessionsummary: s2"),
    ],
    ids=["missing", "tokens", "cost", "bins", "dimensions", "day", "no days", "session", "no sessions"],
)  # fmt: skip
def test_differences_are_reported_and_corrected(spoil: Callable[[], Any], expected: str) -> None:
    before = _everything()
    spoil()
    out = StringIO()
    with pytest.raises(CommandError, match="differ from the rows"):
        call_command("rebuild_rollups", check=True, stdout=out)
    assert expected in out.getvalue()
    assert _everything() != before
    _rebuild()
    assert _everything() == before


@pytest.mark.usefixtures("one_day")
def test_rows_of_before_the_rollups_get_theirs() -> None:
    before = _everything()
    for model in (UsageRollup, DailyRollup, SessionSummary):
        model._default_manager.all().delete()
    _rebuild()
    assert _everything() == before


def test_only_the_days_that_were_asked_for_are_rebuilt(history: None) -> None:
    UsageRollup.objects.update(attempts=77)
    _rebuild(first=day("2026-03-06").date(), last=day("2026-03-06").date())
    wrong = UsageRollup.objects.filter(attempts=77)
    assert {row.starts_at.day for row in wrong} == {5}
    assert UsageRollup.objects.exclude(attempts=77).exists()
    with pytest.raises(CommandError, match="before"):
        _rebuild(first=day("2026-03-06").date(), last=day("2026-03-05").date())


def test_what_was_pruned_keeps_its_rollups(history: None) -> None:
    before = _everything()
    RequestLog.objects.filter(started_at__lt=day("2026-03-05T09:00:00")).delete()
    _rebuild(check=True)
    _rebuild()
    assert _everything() == before
    RequestLog.objects.all().delete()
    _rebuild()
    assert _everything() == before


def test_another_time_zone_gets_days_of_its_own(history: None, settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    month = query.Period(day("2026-03-01").date(), day("2026-03-31").date())
    question = Question(month.start, month.end, group="team", subgroup="model", limit=EVERY_LINE)
    slow = answer(question)
    _rebuild()
    assert RollupZone.objects.get().name == "Asia/Tokyo"
    assert answer(question) == slow
    assert {row.starts_at.hour for row in DailyRollup.objects.all()} == {15}
    _rebuild(check=True)


def test_one_that_is_interrupted_says_in_the_audit_what_it_did(history: None) -> None:
    class Interrupted(StringIO):
        def write(self, text: str) -> int:
            raise KeyboardInterrupt

    UsageRollup.objects.filter(overall=True).update(requests=100)
    wrong = UsageRollup.objects.filter(overall=True, requests=100).count()
    with pytest.raises(KeyboardInterrupt):
        call_command("rebuild_rollups", check=True, stdout=Interrupted())
    assert not AuditEntry.objects.filter(action="rollups rebuilt").exists()
    with pytest.raises(KeyboardInterrupt):
        call_command("rebuild_rollups", stdout=Interrupted())
    assert 0 < UsageRollup.objects.filter(overall=True, requests=100).count() < wrong
    assert json.loads(AuditEntry.objects.get(action="rollups rebuilt").changes) == {"differences": 1}


@pytest.mark.django_db(transaction=True)
def test_a_writer_that_goes_on_meanwhile_loses_nothing() -> None:
    moment, stop, failures = day("2026-03-05T12:00:00"), threading.Event(), []

    def write() -> None:
        try:
            while not stop.is_set():
                store([request(moment, session_id="s", output_tokens=n, duration_ms=n) for n in range(20)])
                stop.wait(0.005)
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            # One row a transaction: the writers add to several at once, in an order of their own.
            for row in UsageRollup.objects.values_list("pk", flat=True):
                UsageRollup.objects.filter(pk=row).update(requests=1)
            _rebuild(check=False)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    _rebuild(check=True)
    assert UsageRollup.objects.get(overall=True).requests == RequestLog.objects.count()
    assert UsageRollup.objects.get(overall=True).starts_at == datetime(2026, 3, 5, 12, tzinfo=UTC)
