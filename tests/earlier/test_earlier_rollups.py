"""Rollups of an earlier version whose rows were pruned in part: the upgrade loses nothing and counts nothing twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from tests.earlier.restored import FILES, TIME_ZONE, command
from tests.harness import database
from tests.usage.added import store
from tests.usage.dated import day, request
from usage.models import AttemptLog, RequestLog
from usage.rollups.measures import COUNTS, OF_KEY, SUMS
from usage.rollups.models import AttemptRollup, ClientRollup, DailyRollup, SessionSummary, TagRollup, UsageRollup

pytestmark = pytest.mark.both_databases

NAME = "earlier_pruned"
PRUNED = "started_at < '2026-11-20 10:20' OR (started_at >= '2026-11-21' AND started_at < '2026-11-22')"


@pytest.fixture(scope="session")
def pruned(django_db_blocker: Any) -> None:
    """The earlier version's database, of which the older rows are gone, after `./gateway migrate`."""
    database.create_database(NAME, (FILES / f"{database.KIND}.sql").read_bytes().decode())
    with django_db_blocker.unblock(), database.connected_to(NAME):
        with connection.cursor() as cursor:
            for table in ("usage_requestlog", "usage_attemptlog"):
                cursor.execute(f"DELETE FROM {table} WHERE {PRUNED}")
        call_command("migrate", verbosity=0)


@pytest.fixture
def upgraded(pruned: None, django_db_blocker: Any, settings: Any) -> Iterator[None]:
    """That database; what a test writes is rolled back."""
    with django_db_blocker.unblock(), database.connected_to(NAME):
        settings.TIME_ZONE = TIME_ZONE
        with transaction.atomic():
            yield
            transaction.set_rollback(True)


def _sums(rows: Any, *by: str) -> dict[Any, Any]:
    """Counts and sums of rollups by columns, added up here."""
    found: dict[Any, Any] = defaultdict(lambda: defaultdict(Decimal))
    for row in rows.values():
        for name in (*COUNTS, *SUMS):
            if row[name] is not None:
                found[tuple(row[column] for column in by)][name] += row[name]
        for bins in ("first_token_bins", "duration_bins"):
            for number, times in row[bins].items():
                found[tuple(row[column] for column in by)][bins, number] += times
    return found


@pytest.mark.usefixtures("upgraded")
def test_days_without_the_key_hold_what_the_days_hold() -> None:
    assert RequestLog.objects.exists()
    assert "match" in command("rebuild_rollups", "--check")
    dimensions = ("starts_at", "team_id", "team_name", "route_id", "provider_name", "model_id", "outcome")
    complete, keyless = (DailyRollup.objects.filter(overall=False, keyless=value) for value in (False, True))
    assert len(set(complete.values_list("key_id", flat=True))) > 1
    assert _sums(keyless, *dimensions) == _sums(complete, *dimensions)
    assert set(keyless.values_list(*OF_KEY)) == {(None, "", None, "")}


@pytest.mark.usefixtures("upgraded")
def test_days_of_attempts_hold_what_is_known() -> None:
    # Of a pruned day there is what its request had.
    pruned = AttemptRollup.objects.get(starts_at=day("2026-11-21"))
    request = UsageRollup.objects.get(overall=False, starts_at__date=day("2026-11-21"))
    assert sum(row.attempts for row in AttemptRollup.objects.all()) == AttemptLog.objects.count() + request.attempts
    for name in ("provider_id", "provider_name", "model_id", "model_name", "outcome", "attempts", *SUMS):
        assert getattr(pruned, name) == getattr(request, name), name
    assert (pruned.credential_id, pruned.credential_name) == (None, "")


@pytest.mark.usefixtures("upgraded")
def test_tags_and_clients_of_before_are_unknown_and_later_ones_meet_them() -> None:
    days = DailyRollup.objects.filter(overall=False, keyless=True)
    for model, unknown in ((TagRollup, {(None, None)}), (ClientRollup, {("", "")})):
        rows = model._default_manager.all()
        names = ("tags_id", "tags") if model is TagRollup else ("client_name", "client_version")
        assert set(rows.values_list(*names)) == unknown
        assert sum(row.requests for row in rows) == sum(row.requests for row in days)
    counts = [model._default_manager.count() for model in (TagRollup, ClientRollup)]
    newest = TagRollup.objects.order_by("-starts_at")[0]
    fields = {name: getattr(newest, name) for name in ("team_id", "team_name", "outcome")}
    store([request(newest.starts_at, **fields)])
    assert [model._default_manager.count() for model in (TagRollup, ClientRollup)] == counts
    assert TagRollup.objects.get(pk=newest.pk).requests == newest.requests + 1


@pytest.mark.usefixtures("upgraded")
def test_later_requests_meet_the_rows_of_before() -> None:
    stored = UsageRollup.objects.filter(overall=False).order_by("-starts_at")[0]
    session = SessionSummary.objects.filter(team_id=stored.team_id, key_id=stored.key_id)
    assert {(row.owner_id, row.owner_name) for row in (*UsageRollup.objects.all(), *session)} == {(None, "")}
    fields = {
        name: getattr(stored, name)
        for part in ("team", "key", "route", "provider", "model")
        for name in (f"{part}_id", f"{part}_name")
    }
    counts = [model._default_manager.count() for model in (UsageRollup, DailyRollup)]
    store([request(stored.starts_at, outcome=stored.outcome, **fields)])
    assert [model._default_manager.count() for model in (UsageRollup, DailyRollup)] == counts
    assert UsageRollup.objects.get(pk=stored.pk).requests == stored.requests + 1
    owned = request(stored.starts_at, outcome=stored.outcome, owner_id=7, owner_name="mia", **fields)
    store([owned])
    # A quarter hour, a day, but the same day without the key.
    assert [model._default_manager.count() for model in (UsageRollup, DailyRollup)] == [n + 1 for n in counts]
    assert "match" in command("rebuild_rollups", "--check")
