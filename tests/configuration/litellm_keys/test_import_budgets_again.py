"""A second import of LiteLLM's budgets and limits changes nothing, and names what differs here."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model

from access.allowances.models import Budget, RateLimit
from access.audit.models import AuditEntry
from access.models import Membership, Team
from tests.configuration.litellm_keys.conftest import Run
from tests.configuration.litellm_keys.dumps import (
    KEYS,
    TEAMS,
    key,
    team,
)
from tests.configuration.litellm_keys.test_import_budgets import CI, budgets, limits, of_key

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def test_a_second_import_changes_nothing(run: Run) -> None:
    dump = of_key(max_budget=12.5, soft_budget=10.0, budget_duration="30d", rpm_limit=3)
    assert "5 created" in run(dump)
    written = AuditEntry.objects.filter(object_type__in=["access.budget", "access.ratelimit"]).order_by("number")
    assert [one.object_type for one in written] == ["access.budget", "access.budget", "access.ratelimit"]
    before = budgets(), limits()
    output = run(dump)
    assert "0 created, 0 changed, 5 unchanged, 0 refused." in output
    assert "= budget of key ci of Backend: $12.50 a month, hard\n" in output
    assert "= limit of key ci of Backend: 3 requests a minute\n" in output
    assert (budgets(), limits()) == before


def test_what_was_edited_here_stays_and_is_named(run: Run) -> None:
    dump = of_key(max_budget=12.5, budget_duration="30d", rpm_limit=3)
    run(dump)
    Budget.objects.update(amount=20, enabled=False)
    RateLimit.objects.update(most=30)
    before = budgets(), limits()
    output = run(dump)
    assert (
        "= budget of key ci of Backend: $12.50 a month, hard: differs here, and stays so: $20.00 a month, off" in output
    )
    assert (
        "= limit of key ci of Backend: 3 requests a minute: differs here, and stays so: 30 requests a minute" in output
    )
    assert "0 created, 0 changed" in output
    Budget.objects.update(period="week", enabled=True)
    assert "differs here, and stays so: $20.00 a week\n" in run(dump)
    assert ({one[2] for one in budgets()}, limits()) == ({Decimal(20)}, before[1])


def test_a_budget_that_a_team_has_here_already_stays(run: Run) -> None:
    blue = Team.objects.create(name="Backend")
    Membership.objects.create(team=blue, user=get_user_model().objects.create_user("mia"))
    Budget.objects.create(team=blue, amount=5, period="day")
    output = run({TEAMS: [team("t-1", "Backend", max_budget=500.0, rpm_limit=7)], KEYS: [key(CI, team_id="t-1")]})
    assert "= budget of team Backend: $500.00 in total, hard: differs here, and stays so: $5.00 a day" in output
    assert budgets() == {("team", "Backend", Decimal(5), "day", True, "")}
    assert limits() == {("team", "Backend", "requests", "minute", 7)}


def test_a_key_of_an_earlier_import_gets_its_budget(run: Run) -> None:
    run(of_key())
    assert "+ budget of key ci of Backend: $3.00 a day, hard" in run(of_key(max_budget=3.0, budget_duration="1d"))
    assert len(budgets()) == 1


def test_without_write_nothing_is_written(run: Run) -> None:
    assert "+ budget of key ci of Backend: $3.00 in total, hard" in run(of_key(max_budget=3.0), "--team=x")
    assert not Budget.objects.exists()
