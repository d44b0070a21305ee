"""What raises an alert, and what the alert says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from access.models import Alert, Budget, ClientKey, OutboxMessage, Team
from access.outbox import alerts
from access.outbox.alerts import Finding
from providers.models import Model, Provider
from proxysite.alerts import budgets, circuits, keys
from routing.health.keys import candidate_key, provider_key
from routing.models import HealthState
from tests.my.people import make_key
from usage.budgets.models import BudgetBlock, BudgetMark, BudgetWindow

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
RESETS = datetime(2026, 12, 1, tzinfo=UTC)


def window(budget: Budget, spent: str, **fields: Any) -> BudgetWindow:
    """A window of November."""
    values = {"starts_at": datetime(2026, 11, 1, tzinfo=UTC), "resets_at": RESETS, "amount": budget.amount, **fields}
    return BudgetWindow.objects.create(budget_id=budget.pk, spent=Decimal(spent), **values)


def people(found: Finding) -> set[str]:
    """Whom it concerns."""
    return {user.username for user in alerts.people_of(found)}


def _levels() -> list[int]:
    return [found.level for found in budgets.passed_thresholds(NOW)]


def test_the_highest_threshold_that_was_passed(team: Team) -> None:
    budget = Budget.objects.create(team=team, amount=10)
    row = window(budget, "7.49")
    assert _levels() == []
    for spent, level in (("7.50", 75), ("8.99", 75), ("9", 90), ("9.999", 90), ("10", 100), ("25", 100)):
        BudgetWindow.objects.filter(pk=row.pk).update(spent=Decimal(spent))
        assert _levels() == [level], spent


def test_a_jump_over_two_thresholds_is_one_message(team: Team) -> None:
    row = window(Budget.objects.create(team=team, amount=10), "9.50")
    for _ in range(3):
        alerts.raise_all(budgets.passed_thresholds(NOW), NOW)
    assert [message.subject for message in OutboxMessage.objects.all()] == ["Budget of team Blue: 95 % of $10.00 spent"]
    BudgetWindow.objects.filter(pk=row.pk).update(spent=Decimal("10.01"))
    alerts.raise_all(budgets.passed_thresholds(NOW), NOW)
    assert OutboxMessage.objects.count() == 2


def _watch(now: datetime) -> int:
    found = budgets.passed_thresholds(now)
    before = OutboxMessage.objects.count()
    alerts.raise_all(found, now)
    alerts.end_others(budgets.BUDGETS, found, now)
    return OutboxMessage.objects.count() - before


def test_each_window_alerts_once_and_a_new_one_again(team: Team) -> None:
    budget = Budget.objects.create(team=team, amount=10)
    window(budget, "8")
    assert [_watch(NOW), _watch(NOW)] == [1, 0]
    later = RESETS + timedelta(hours=1)
    assert _watch(later) == 0
    assert Alert.objects.get().ended_at == later
    window(budget, "8", starts_at=RESETS, resets_at=RESETS + timedelta(days=31))
    assert [_watch(later), _watch(later)] == [1, 0]


def test_a_budget_that_was_raised_alerts_at_its_new_amount(team: Team) -> None:
    row = window(Budget.objects.create(team=team, amount=10), "9")
    assert _watch(NOW) == 1
    # Still beyond 75 %: nobody hears the same again.
    BudgetWindow.objects.filter(pk=row.pk).update(raised=Decimal(1))
    assert _watch(NOW) == 0
    BudgetWindow.objects.filter(pk=row.pk).update(raised=Decimal(10))
    assert _watch(NOW) == 0
    assert Alert.objects.get().ended_at == NOW
    BudgetWindow.objects.filter(pk=row.pk).update(spent=Decimal(18))
    assert _watch(NOW) == 1
    newest = OutboxMessage.objects.latest("pk")
    assert newest.subject == "Budget of team Blue: 90 % of $20.00 spent"


def test_thresholds_are_a_setting(team: Team, settings: Any) -> None:
    window(Budget.objects.create(team=team, amount=10, hard=False), "12.50")
    settings.ALERT_THRESHOLDS = [120, 50]
    assert _levels() == [120]
    settings.ALERT_THRESHOLDS = []
    assert _levels() == []


@pytest.mark.parametrize("gone", ["disabled", "deleted", "reset", "not begun", "nobody's"])
def test_a_budget_that_binds_nobody_now_alerts_nobody(team: Team, gone: str) -> None:
    budget = Budget.objects.create(team=team, amount=10)
    row = window(budget, "10")
    if gone == "disabled":
        Budget.objects.update(enabled=False)
    elif gone == "deleted":
        budget.delete()
    elif gone == "nobody's":
        Budget.objects.update(team=None, members_of=team)
        BudgetWindow.objects.update(subject=999_999)
    elif gone == "reset":
        BudgetWindow.objects.filter(pk=row.pk).update(resets_at=NOW)
    else:
        BudgetWindow.objects.filter(pk=row.pk).update(starts_at=NOW + timedelta(hours=1))
    assert _levels() == []


def test_who_hears_of_which_budget_in_which_words(team: Team) -> None:
    Team.objects.filter(pk=team.pk).update(time_zone="Europe/Berlin")
    mia = User.objects.get(username="mia")
    key, service = make_key(team, "laptop", mia), make_key(team, "CI")
    expected = {}
    for fields, label, concerned in (
        ({"key": key}, "of the key 'laptop' of team Blue", {"mia", "lea"}),
        ({"key": service}, "of the key 'CI' of team Blue", {"lea"}),
        ({"user": mia}, "of mia", {"mia", "lea"}),
        ({"team": team}, "of team Blue", {"lea"}),
        ({"members_of": team}, "of mia in team Blue", {"mia", "lea"}),
    ):
        budget = Budget.objects.create(amount=10, **fields)
        window(budget, "8", subject=mia.pk if "members_of" in fields else 0)
        expected[budget.pk] = (f"Budget {label}: 80 % of $10.00 spent", concerned)
    found = {one.data["budget"]: (one.subject, people(one)) for one in budgets.passed_thresholds(NOW)}
    assert found == expected
    texts = {one.data["budget"]: one.text for one in budgets.passed_thresholds(NOW)}
    of_team = texts[Budget.objects.get(team=team).pk].splitlines()
    assert of_team == [
        "The budget of team Blue has spent $8.00 of $10.00 (80 %).",
        "It resets on 2026-12-01 01:00 (Europe/Berlin).",
        "Beyond $10.00 requests are refused.",
    ]
    # A person's own budget is in the site's time zone.
    assert "2026-12-01 00:00 (UTC)" in texts[Budget.objects.get(user=mia).pk]


def test_looking_takes_as_many_queries_however_many_budgets_there_are(
    team: Team, django_assert_max_num_queries: Any
) -> None:
    everyone = Budget.objects.create(members_of=team, amount=10)
    for number in range(20):
        user = User.objects.create_user(f"user{number}")
        window(everyone, "8", subject=user.pk)
        window(Budget.objects.create(user=user, amount=10), "8")
    with django_assert_max_num_queries(5):
        assert len(budgets.passed_thresholds(NOW)) == 40


def test_the_text_says_whether_requests_go_on(team: Team) -> None:
    never = datetime(9999, 1, 1, tzinfo=UTC)
    soft = Budget.objects.create(team=team, amount=10, hard=False, model_names="claude-opus-*")
    total = Budget.objects.create(team=team, amount=10, period="total")
    marked = Budget.objects.create(team=team, amount=10, period="week")
    window(soft, "11")
    window(total, "10", resets_at=never)
    row = window(marked, "6")
    assert len(_levels()) == 2
    # Of a hard budget that ended an answer, little may be spent: what is left is less than a request needs.
    BudgetMark.objects.create(window=row, key_id=1, needed=5, limit=10, created_at=NOW)
    found = {one.data["budget"]: one for one in budgets.passed_thresholds(NOW)}
    assert found[soft.pk].text.splitlines()[0] == (
        "The budget of team Blue for claude-opus-* has spent $11.00 of $10.00 (110 %)."
    )
    assert found[soft.pk].text.splitlines()[-1] == "It only warns: requests go on."
    assert found[total.pk].text.splitlines()[1:] == ["Requests are refused until it is raised."]
    assert found[total.pk].data["resets_at"] is None
    assert (found[soft.pk].data["spent"], found[soft.pk].data["amount"]) == ("11", "10")
    assert found[marked.pk].level == 100
    assert found[marked.pk].subject == "Budget of team Blue: 60 % of $10.00 spent, requests of some keys are refused"
    assert found[marked.pk].text.splitlines()[-1] == (
        "Requests of some keys are refused until it resets or is raised, or enough is left for them."
    )


def test_a_key_alone_whose_answer_was_ended(team: Team) -> None:
    budget = Budget.objects.create(key=make_key(team, "CI"), amount=10)
    BudgetMark.objects.create(window=window(budget, "6"), key_id=1, needed=5, limit=10, created_at=NOW)
    (found,) = budgets.passed_thresholds(NOW)
    assert found.subject == "Budget of the key 'CI' of team Blue: 60 % of $10.00 spent, requests are refused"


@pytest.mark.parametrize("change", [{"raised": Decimal("0.50")}, {"spent": Decimal("5")}])
def test_a_mark_that_is_lifted_refuses_nothing(team: Team, change: dict[str, Any]) -> None:
    """The row goes when the key next sends a request, which may be never."""
    row = window(Budget.objects.create(team=team, amount=10), "6")
    BudgetMark.objects.create(window=row, key_id=1, needed=5, limit=10, created_at=NOW)
    assert _levels() == [100]
    BudgetWindow.objects.filter(pk=row.pk).update(**change)
    assert _levels() == []
    # What requests under way hold comes back.
    BudgetWindow.objects.filter(pk=row.pk).update(drawn=4)
    assert _levels() == []


def test_money_of_dead_workers_is_for_owners(team: Team) -> None:
    budget = Budget.objects.create(team=team, amount=10)
    rows = [window(budget, "1"), window(budget, "1", subject=1)]
    for row in rows:
        BudgetBlock.objects.create(window=row, worker="abc-1", amount=Decimal("0.25"), heartbeat=NOW, settled_at=NOW)
    BudgetBlock.objects.create(window=rows[0], worker="alive-2", amount=1, heartbeat=NOW)
    (found,) = budgets.dead_workers(NOW)
    assert found.subject == "$0.50 of budgets are held by a worker that is dead"
    assert "abc-1" in found.text
    assert people(found) == {"owen"}


def _expiring(key: ClientKey, days: float, life: float = 90) -> list[int]:
    until = NOW + timedelta(days=days)
    ClientKey.objects.filter(pk=key.pk).update(expires_at=until, created_at=until - timedelta(days=life))
    return [found.level for found in keys.expiring(NOW)]


def test_a_key_that_expires_is_announced_a_week_and_a_day_before(team: Team) -> None:
    key = make_key(team, "laptop", User.objects.get(username="mia"))
    assert [_expiring(key, days) for days in (7.1, 6.9, 1.1, 0.9, -0.1)] == [[], [1], [1], [2], []]
    # One that was made for less than that is announced on its last day, or never.
    assert [_expiring(key, days, life=5) for days in (4.9, 0.9)] == [[], [2]]
    assert _expiring(key, 0.3, life=0.4) == []
    _expiring(key, 2)
    (found,) = keys.expiring(NOW)
    assert people(found) == {"mia", "lea"}
    assert found.subject == "The client key 'laptop' of team Blue expires on 2026-11-22 12:00 (UTC)"
    assert key.prefix in found.text


@pytest.mark.parametrize("state", [{"revoked_at": NOW}, {"disabled_at": NOW}])
def test_a_key_that_is_not_in_force_is_not_announced(team: Team, state: dict[str, Any]) -> None:
    key = make_key(team, "laptop")
    ClientKey.objects.filter(pk=key.pk).update(**state)
    assert _expiring(key, 0.5) == []


def test_an_end_that_was_moved_is_announced_anew(team: Team) -> None:
    key = make_key(team, "CI")
    sent = []
    for days in (6, 6, 80, 5):
        _expiring(key, days)
        sent.append(alerts.raise_all(keys.expiring(NOW), NOW) + OutboxMessage.objects.count())
        alerts.end_others(keys.KEYS, keys.expiring(NOW), NOW)
    assert sent == [1, 1, 1, 2]


def _state(key: str, since: float, **fields: Any) -> None:
    now = timezone.now()
    values = {"state": "open", "cause": "http_529", "changed_at": now, "changed_by": "worker", "until": now, **fields}
    HealthState.objects.create(key=key, since=now - timedelta(seconds=since), **values)


def test_an_open_circuit_is_one_alert_a_provider(team: Team) -> None:
    provider = Provider.objects.create(name="mine", dialect="openai_chat", base_url="https://a.example/v1")
    other = Provider.objects.create(name="other", dialect="openai_chat", base_url="https://b.example/v1")
    models = [Model.objects.create(provider=provider, name=name) for name in ("m1", "m2")]
    _state(provider_key(provider.pk), 61)
    _state(candidate_key(provider.pk, models[0].pk), 5, openings=2)
    # Passing faults, and those of some keys alone.
    _state(candidate_key(provider.pk, models[1].pk), 5, openings=1)
    _state(provider_key(other.pk), 3600, only_for="key:1")
    (found,) = circuits.open_circuits(timezone.now())
    assert found.subject == "The provider mine is not called after repeated failures"
    assert [part["part"] for part in found.data["parts"]] == ["address", "m1"]
    assert people(found) == {"owen"}
    HealthState.objects.update(state="closed")
    assert circuits.open_circuits(timezone.now()) == []
