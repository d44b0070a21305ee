"""LiteLLM's budgets and limits come with its keys: what has an equal here is written, all else is named."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from access.allowances.models import Budget, RateLimit
from access.models import ClientKey
from providers.models import Model, Provider
from routing.models import Candidate, Route
from tests.configuration.litellm_keys.conftest import Run
from tests.configuration.litellm_keys.dumps import (
    BUDGETS,
    END_USERS,
    KEYS,
    MEMBERSHIPS,
    TAGS,
    TEAMS,
    USERS,
    Tables,
    budget,
    folder,
    key,
    team,
    user,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

CI, MIA = "sk-ci-0123456789abcd", "sk-Mia_key-abcdefgh"
FIRST, MIDDLE = "2026-12-01 00:00:00", "2026-12-17 09:30:00.123"


def of_key(**values: Any) -> Tables:
    """A dump with one key of the team Backend."""
    return {TEAMS: [team("t-1", "Backend")], KEYS: [key(CI, key_alias="ci", team_id="t-1", **values)]}


def budgets() -> set[tuple[str, str, Decimal, str, bool, str]]:
    """Every budget that is here."""
    return {
        (one.whom, str(getattr(one, one.whom)), one.amount, one.period, one.hard, one.model_names)
        for one in Budget.objects.select_related("key", "user", "team", "members_of")
    }


def limits() -> set[tuple[str, str, str, str, int]]:
    """Every limit that is here."""
    return {
        (one.whom, str(getattr(one, one.whom)), one.measure, one.per, one.most)
        for one in RateLimit.objects.select_related("key", "user", "team", "members_of")
    }


@pytest.mark.parametrize(
    ("duration", "period"),
    [
        *((None, "total"), ("", "total"), ("None", "total"), ("1d", "day"), ("24h", "day")),
        *(("7d", "week"), ("1w", "week"), ("30d", "month"), ("1mo", "month")),
    ],
)
def test_a_duration_that_is_a_period_here(run: Run, duration: str | None, period: str) -> None:
    output = run(of_key(max_budget=12.5, budget_duration=duration, budget_reset_at=FIRST, spend=0.0))
    name = {"total": "in total"}.get(period, f"a {period}")
    assert f"+ budget of key ci of Backend: $12.50 {name}, hard" in output
    (one,) = Budget.objects.all()
    assert (one.key, one.amount, one.period, one.hard) == (ClientKey.objects.get(), Decimal("12.5"), period, True)
    assert (one.enabled, one.week_starts) == (True, Budget.Weekday.MONDAY)
    assert "Not carried over" not in output


@pytest.mark.parametrize("duration", ["1h", "5h", "30m", "60s", "2d", "14d", "90d", "2w", "3mo", "soon", "168h"])
def test_a_duration_that_is_no_period_here_is_named(run: Run, duration: str) -> None:
    output = run(of_key(max_budget=12.5, budget_duration=duration))
    assert (
        f"  key ci of Backend: max_budget 12.5 per {duration}: choose an amount for a day, a week or a month" in output
    )
    assert not Budget.objects.exists()


def test_thirty_days_are_a_month_and_each_is_reported(run: Run) -> None:
    keys = [
        key("sk-a", key_alias="a", max_budget=1.0, budget_duration="30d", budget_reset_at=FIRST),
        key("sk-b", key_alias="b", max_budget=1.0, budget_duration="30d", budget_reset_at="2026-11-30 16:00:00"),
        key("sk-c", key_alias="c", max_budget=1.0, budget_duration="30d", budget_reset_at=MIDDLE),
        key("sk-d", key_alias="d", max_budget=1.0, budget_duration="1mo", budget_reset_at=FIRST),
    ]
    output = run({KEYS: keys})
    assert output.count("30d is the calendar month, as LiteLLM resets it") == 2
    assert "budget of key c of LiteLLM: $1.00 a month, hard; 30d is the calendar month here" not in output
    assert "$1.00 a month, hard: 30d is the calendar month here; LiteLLM would have reset it on 2026-12-17" in output
    assert {one.period for one in Budget.objects.all()} == {"month"}


def test_what_litellm_has_counted_is_reported_and_the_amount_stays(run: Run) -> None:
    output = run(of_key(max_budget=100.0, spend=95.004))
    assert "$100.00 in total, hard: LiteLLM counted $95.00 of it: here it counts from now" in output
    assert Budget.objects.get().amount == 100


@pytest.mark.parametrize(
    ("spend", "duration", "amount"), [(95.0, None, 5), (250.0, None, "0.01"), (95.0, "30d", 100), (0.0, None, 100)]
)
def test_a_budget_in_total_may_be_what_is_left_of_it(
    run: Run, spend: float, duration: str | None, amount: int | str
) -> None:
    dump = of_key(max_budget=100.0, spend=spend, budget_duration=duration)
    run(dump, "--write", "--less-spent")
    assert Budget.objects.get().amount == Decimal(amount)
    later = of_key(max_budget=100.0, spend=spend + 1, budget_duration=duration)
    assert "differs" not in run(later, "--write", "--less-spent")
    assert Budget.objects.get().amount == Decimal(amount)


def test_limits_of_a_key(run: Run) -> None:
    output = run(of_key(rpm_limit=60, tpm_limit=100_000, max_parallel_requests=4))
    whom = ("key", str(ClientKey.objects.get()))
    assert limits() == {
        (*whom, "requests", "minute", 60),
        (*whom, "input_tokens", "minute", 100_000),
        (*whom, "output_tokens", "minute", 100_000),
        (*whom, "streams", "once", 4),
    }
    assert "+ limit of key ci of Backend: 100,000 input tokens a minute" in output
    assert "+ limit of key ci of Backend: 4 requests at the same time" in output


@pytest.mark.parametrize("form", ["dump", "csv", "json", "jsonl"])
def test_windows_models_and_a_shared_budget_of_a_key(run: Run, tmp_path: Path, form: str) -> None:
    provider = Provider.objects.create(name="P", base_url="https://example.org", dialect="anthropic")
    fast = Route.objects.create(name="fast")
    for name in ("fast-1", "fast-2"):
        Candidate.objects.create(route=fast, model=Model.objects.create(provider=provider, name=name))
    tables = of_key(
        budget_id="b-1",
        rpm_limit=10,
        budget_limits=[{"budget_duration": "24h", "max_budget": 5.0}, {"budget_duration": "1h", "max_budget": 1.0}],
        model_max_budget={
            "fast": {"budget_limit": 20.0, "time_period": "1d"},
            "fast-2": {"max_budget": 30.0, "budget_duration": "30d", "rpm_limit": 3},
            "gone": {"budget_limit": 1.0, "time_period": "1d"},
        },
        metadata={"model_tpm_limit": {"fast": 1000}, "tags": ["ci"]},
    )
    tables[BUDGETS] = [budget("b-1", max_budget=50.0, soft_budget=40.0, budget_duration="7d", rpm_limit=99)]
    output = run(tables if form == "dump" else folder(tables, tmp_path / "export", form))
    whom = ("key", str(ClientKey.objects.get()))
    assert budgets() == {
        (*whom, Decimal(50), "week", True, ""),
        (*whom, Decimal(40), "week", False, ""),
        (*whom, Decimal(5), "day", True, ""),
        (*whom, Decimal(20), "day", True, "fast-1\nfast-2"),
        (*whom, Decimal(30), "month", True, "fast-2"),
    }
    assert limits() == {(*whom, "requests", "minute", 10)}
    assert "$40.00 a week, warns only" in output
    for left_out in (
        "budget_limits 1.0 per 1h: choose an amount",
        "model_max_budget of fast-2: its limits hold for all models here",
        "model_max_budget of gone: no route and no model has that name",
        "model_tpm_limit: limits hold for all models here",
    ):
        assert left_out in output


def test_a_budget_that_is_not_in_the_dump_is_named_and_the_rest_comes(run: Run) -> None:
    output = run(of_key(budget_id="b-1", rpm_limit=10))
    assert "! budget of key ci of Backend (line 21): its budget b-1 is not in the dump. Export LiteLLM_BudgetTable" in (
        output
    )
    assert {one[-1] for one in limits()} == {10}


@pytest.mark.parametrize(
    ("values", "left_out"),
    [
        ({"rpm_limit": 0}, "rpm_limit 0, which allows nothing: disable instead"),
        ({"max_budget": 0.0}, "max_budget 0.0, which allows nothing: disable instead"),
        ({"max_budget": 0.001}, "max_budget 0.001, which is less than a cent: disable instead"),
        ({"max_budget": -1.0}, "max_budget -1.0, which allows nothing: disable instead"),
        ({"max_budget": 4_000_000.01}, "max_budget 4000000.01: a budget is at most $4,000,000 here"),
        ({"budget_duration": "30d"}, "budget_duration 30d: it has no amount"),
        ({"metadata": {"temp_budget_increase": 5}}, "temp_budget_increase: raise the budget for this window here"),
    ],
)
def test_what_has_no_equal_is_named_with_what_to_do(run: Run, values: dict[str, Any], left_out: str) -> None:
    output = run(of_key(**values))
    assert f"  key ci of Backend: {left_out}\n" in output
    assert (budgets(), limits()) == (set(), set())


@pytest.mark.parametrize("value", ["Infinity", "inf", "NaN", "-Infinity"])
def test_what_is_no_bound_is_no_budget_and_no_limit(run: Run, value: str) -> None:
    output = run(of_key(max_budget=value, tpm_limit=str(2**63)))
    assert "Not carried over" not in output
    assert (budgets(), limits()) == (set(), set())


def test_the_largest_amount_is_a_budget(run: Run) -> None:
    run(of_key(max_budget=4_000_000.0, tpm_limit=2**63 - 1))
    assert {one[2] for one in budgets()} == {Decimal(4_000_000)}
    assert {one[-1] for one in limits()} == {2**63 - 1}


def test_teams_their_members_and_people(run: Run) -> None:
    mia = get_user_model().objects.create_user("mia", "mia@example.org")
    get_user_model().objects.create_user("leo", "leo@example.org")
    default = budget("b-default", max_budget=10.0, budget_duration="30d", rpm_limit=5)
    own = budget("b-own", max_budget=99.0, budget_duration="1d")
    output = run(
        {
            TEAMS: [
                team(
                    *("t-1", "Backend"),
                    max_budget=500.0,
                    soft_budget=400.0,
                    budget_duration="1mo",
                    max_parallel_requests=9,
                    metadata={"team_member_budget_id": "b-default"},
                )
            ],
            BUDGETS: [default, own],
            MEMBERSHIPS: [
                {"user_id": "u-1", "team_id": "t-1", "spend": 3.0, "budget_id": "b-default"},
                {"user_id": "u-2", "team_id": "t-1", "spend": 3.0, "budget_id": "b-own"},
            ],
            USERS: [
                user("u-1", "Mia@example.org", max_budget=7.0, budget_duration="7d", rpm_limit=3),
                user("u-2", "leo@example.org", max_budget=8.0, tpm_limit=1000),
                user("u-3", "gone@example.org", max_budget=8.0),
                user("u-4", "plain@example.org", budget_duration="30d"),
            ],
            KEYS: [
                key(MIA, key_alias="own", user_id="u-1"),
                key(CI, key_alias="ci", team_id="t-1", user_id="u-2"),
            ],
        }
    )
    assert budgets() == {
        ("team", "Backend", Decimal(500), "month", True, ""),
        ("team", "Backend", Decimal(400), "month", False, ""),
        ("members_of", "Backend", Decimal(10), "month", True, ""),
        ("user", "mia", Decimal(7), "week", True, ""),
    }
    assert limits() == {
        ("team", "Backend", "streams", "once", 9),
        ("members_of", "Backend", "requests", "minute", 5),
        ("user", "mia", "requests", "minute", 3),
        ("user", "leo", "input_tokens", "minute", 1000),
        ("user", "leo", "output_tokens", "minute", 1000),
    }
    assert Budget.objects.get(user=mia).whom == "user"
    assert "+ budget of each member of team Backend: $10.00 a month, hard" in output
    assert "leo: $8.00 in total: LiteLLM counts only keys without a team, and the user has others." in output
    assert "user u-3: has budgets or limits and no account here: invite them first." in output
    assert "u-2 in team Backend: here members have the same budget in a team: set it for the key, or" in output
    assert "u-1 in team Backend" not in output
    assert "u-4" not in output


def test_end_users_and_tags_are_counted(run: Run) -> None:
    customers = [{"user_id": f"c-{n}", "spend": 0.0, "budget_id": "b" if n else None} for n in range(6)]
    tags = [{"tag_name": "night", "spend": 0.0, "budget_id": "b"}]
    output = run(of_key() | {END_USERS: customers, TAGS: tags, BUDGETS: [budget("b", max_budget=1.0)]})
    assert "  5 end users (c-1, c-2, c-3): they have no budgets here: set one for their keys\n" in output
    assert "  1 tags (night): they have no budgets here: set one for their keys\n" in output
    assert not Budget.objects.exists()
