"""What LiteLLM recorded by day stands in the reports here, on days on which this gateway had no requests."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Q, Sum
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from access.audit.models import AuditHead
from access.models import ClientKey
from tests.admin.history import attempt_row, request_row
from tests.configuration.litellm_keys.dumps import KEYS, SPEND, TEAMS, copied, day, key, team, token_of
from usage.dollars_sum import DollarsSum
from usage.money import to_dollars
from usage.reports import query
from usage.rollups.models import AttemptRollup, DailyRollup, UsageRollup
from usage.rollups.rebuild import rebuild

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

_CI = "sk-ci-0123456789abcd"


def _spent(on: str, model: str, *, spend: float, requests: int, failed: int = 0, **more: Any) -> dict[str, Any]:
    tokens = {
        "prompt_tokens": 1_000,
        "completion_tokens": 50,
        "cache_read_input_tokens": 600,
        "cache_creation_input_tokens": 100,
    }
    named = {"api_key": token_of(_CI), "model": model, "custom_llm_provider": "anthropic", "failed_requests": failed}
    return {**day(on, requests, spend), **tokens, **named, **more}


def _keys() -> list[dict[str, Any]]:
    gone = key("sk-gone", key_alias="gone", team_id="t", expires="2026-01-01 00:00:00")
    return [key(_CI, key_alias="ci", team_id="t"), gone]


def _import(folder: Path, *rows: dict[str, Any], write: bool = True) -> str:
    path = folder / "dump.sql"
    tables = {TEAMS: [team("t", "Backend")], KEYS: _keys(), SPEND: list(rows)}
    path.write_text(copied(tables))
    out = io.StringIO()
    call_command("import_litellm_keys", str(path), *(["--write"] if write else []), stdout=out)
    return out.getvalue()


def _totals(first: date, last: date, **of: Any) -> Any:
    return query.totals(query.Selection(query.Period(first, last), **of))


def test_days_before_the_first_request_are_in_the_reports_and_once_only(tmp_path: Path) -> None:
    rows = (
        _spent("2026-09-30", "sonnet", spend=1.25, requests=10, failed=2),
        _spent("2026-09-30", "haiku", spend=0.5, requests=4),
        _spent("2026-10-01", "haiku", spend=0.25, requests=1, api_key="f" * 64),
    )
    for _ in range(2):
        output = _import(tmp_path, *rows)
    assert "2026-09: 14 requests, 1.75 USD\n  2026-10: 1 requests, 0.25 USD" in output
    ci = ClientKey.objects.get()
    totals = _totals(date(2026, 9, 1), date(2026, 10, 31))
    assert (totals.requests, totals.errors, totals.cost) == (15, 2, Decimal(2))
    # LiteLLM's prompt tokens hold those of the cache, this gateway's input tokens do not.
    assert (totals.input, totals.cache_read, totals.cache_write, totals.output) == (900, 1_800, 300, 150)
    own = _totals(date(2026, 9, 1), date(2026, 10, 31), key_id=ci.pk)
    assert (own.requests, own.cost) == (14, Decimal("1.75"))
    row = DailyRollup.objects.get(key_id=ci.pk, outcome="failed")
    assert (row.team_name, row.key_name, row.route_name) == ("Backend", "ci", "imported from LiteLLM")
    assert (row.provider_name, row.model_name, row.requests, row.cost) == ("anthropic", "sonnet", 2, None)
    assert list(rebuild(check=True)) == []


def test_only_days_with_requests_of_its_own_are_left_out(tmp_path: Path) -> None:
    request_row(started_at=datetime(2026, 10, 1, 23, tzinfo=UTC), cost=10**12)
    rows = [_spent(f"2026-{on}", "m", spend=1, requests=1) for on in ("09-30", "10-01", "10-02")]
    for _ in range(2):
        assert "1 days are left out: this gateway has requests of its own on them." in _import(tmp_path, *rows)
        totals = _totals(date(2026, 9, 1), date(2026, 10, 31))
        assert (totals.requests, totals.cost) == (3, Decimal(3))
    assert list(rebuild(check=True)) == []


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles"])
def test_days_that_begin_elsewhere_add_up(tmp_path: Path, zone: str) -> None:
    with override_settings(TIME_ZONE=zone):
        request_row(started_at=datetime(2026, 10, 1, 23, tzinfo=UTC), cost=10**12)
        for _ in range(2):
            _import(tmp_path, *(_spent(f"2026-{on}", "m", spend=1, requests=1) for on in ("09-30", "10-02")))
        assert _totals(date(2026, 9, 1), date(2026, 10, 31)).requests == 3
        assert list(rebuild(check=True)) == []


def test_a_day_that_is_not_over_is_left_out(tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    days = [str(today - timedelta(days=1)), str(today), "9999-12-31", "0001-01-01"]
    output = _import(tmp_path, *(_spent(on, "m", spend=1, requests=1) for on in days))
    assert f"2 days are left out: {today} and later days are not over." in output
    assert "1 rows are left out: they have no date" in output
    assert UsageRollup.objects.filter(overall=True).count() == 1


@pytest.mark.parametrize(
    ("spent", "cost"),
    [
        ([0.004725000000000001], "0.004725"),
        ([1.23456789e-05], "0.000012345679"),
        ([1e-13, 9e-13], "0.000000000001"),
        ([5e-324], "0"),
    ],
)
def test_spend_is_rounded_once_to_what_is_stored(tmp_path: Path, spent: list[float], cost: str) -> None:
    _import(tmp_path, *(_spent("2026-09-30", "m", spend=spend, requests=1) for spend in spent))
    assert DailyRollup.objects.get(overall=True).cost == Decimal(cost)


@pytest.mark.parametrize(("requests", "failed"), [(3, 3), (0, 0)])
def test_what_only_failed_requests_cost_is_kept(tmp_path: Path, requests: int, failed: int) -> None:
    output = _import(tmp_path, _spent("2026-09-30", "m", spend=0.5, requests=requests, failed=failed))
    assert f"2026-09: {requests} requests, 0.50 USD" in output
    totals = _totals(date(2026, 9, 30), date(2026, 9, 30))
    assert (totals.requests, totals.errors, totals.cost, totals.output) == (requests, failed, Decimal("0.5"), 50)


def test_a_key_that_was_rotated_or_has_expired_keeps_its_past(tmp_path: Path) -> None:
    rows = [_spent("2026-09-30", "m", spend=1, requests=1)]
    _import(tmp_path, *rows)
    ClientKey.objects.update(hash="e" * 64, previous_hash=token_of(_CI))
    ClientKey.objects.update(hash="f" * 64, previous_hash="e" * 64, imported_from="")
    _import(tmp_path, *rows, _spent("2026-09-29", "m", spend=1, requests=1, api_key=token_of("sk-gone")))
    key_id = ClientKey.objects.get().pk
    of_day = {
        row.starts_at.day: (row.team_name, row.key_id, row.key_name) for row in DailyRollup.objects.exclude(key_name="")
    }
    assert of_day == {30: ("Backend", key_id, "ci"), 29: ("Backend", None, "gone")}


def test_the_days_of_providers_have_it_too(tmp_path: Path) -> None:
    for _ in range(2):
        _import(tmp_path, _spent("2026-09-30", "sonnet", spend=1.25, requests=10, failed=2))
    found = AttemptRollup.objects.filter(starts_at=datetime(2026, 9, 30, tzinfo=UTC))
    groups = found.values_list("provider_name", "credential_name", "model_name").annotate(
        number=Sum("attempts"), failed=Sum("attempts", filter=Q(outcome="failed")), money=DollarsSum("cost")
    )
    expected = [("anthropic", "imported from LiteLLM", "sonnet", 10, 2, Decimal("1.25"))]
    assert list(groups) == expected
    assert list(rebuild()) == []
    assert list(groups.all()) == expected


def test_a_day_with_attempts_of_its_own_is_left_out(tmp_path: Path) -> None:
    attempt_row(
        request_row(started_at=datetime(2026, 9, 29, 23, 59, 59, tzinfo=UTC)),
        started_at=datetime(2026, 9, 30, tzinfo=UTC),
    )
    assert "1 days are left out" in _import(tmp_path, _spent("2026-09-30", "m", spend=1, requests=1))
    assert list(rebuild(check=True)) == []


def test_too_many_sums_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("configuration.foreign.litellm_keys.spend.MOST", 2)
    rows = [_spent("2026-09-30", f"m{n % 2}", spend=1, requests=1) for n in range(4)]
    _import(tmp_path, *rows)
    with pytest.raises(CommandError, match="more than 2 sums"):
        _import(tmp_path, *rows, _spent("2026-09-29", "m", spend=1, requests=1))


def test_the_audit_is_locked_before_the_rollups(tmp_path: Path) -> None:
    rows = [_spent("2026-09-30", "m", spend=1, requests=1)]
    _import(tmp_path, *rows)
    with CaptureQueriesContext(connection) as queries:
        _import(tmp_path, *rows)
    statements = [query["sql"] for query in queries]
    first = {
        model: next(at for at, sql in enumerate(statements) if model._meta.db_table in sql)
        for model in (AuditHead, UsageRollup)
    }
    assert first[AuditHead] < first[UsageRollup]


def test_absurd_sums_are_the_largest_that_can_be_stored(tmp_path: Path) -> None:
    _import(tmp_path, *(_spent("2026-09-30", "m", spend=9e11, requests=10**11, failed=1) for _ in range(2)))
    row = DailyRollup.objects.get(overall=True, outcome="completed")
    assert (row.requests, row.cost) == (2 * 10**11 - 2, to_dollars(2**63 - 1))
    assert list(rebuild(check=True)) == []


def test_a_look_at_it_writes_nothing_and_absurd_rows_are_named(tmp_path: Path) -> None:
    output = _import(
        tmp_path,
        _spent("2026-09-30", "m", spend=1, requests=1),
        _spent("30/09/2026", "m", spend=1, requests=1),
        write=False,
    )
    assert "2026-09: 1 requests, 1.00 USD" in output
    assert "1 rows are left out: they have no date" in output
    assert not UsageRollup.objects.exists()


def test_what_is_imported_stays_when_rollups_are_rebuilt(tmp_path: Path) -> None:
    _import(tmp_path, _spent("2026-09-30", "m", spend=1, requests=3))
    assert list(rebuild()) == []
    later = datetime(2026, 9, 30, 12, tzinfo=UTC) + timedelta(days=3)
    request_row(started_at=later)
    assert list(rebuild()) == []
    assert _totals(date(2026, 9, 30), date(2026, 9, 30)).requests == 3
