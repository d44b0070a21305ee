"""GET /api/oauth/usage: the budgets that bind a key, as Claude Code reads them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from access.allowances.loading import Budgets
from access.allowances.models import Budget
from access.models import Team
from tests.harness import speak
from tests.harness.call import Answer, Client, message
from tests.harness.configure import Key, make_key, make_model, make_provider, make_route, unique
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.script import Reply
from tests.harness.upstream import Upstream
from usage.budgets import windows
from usage.budgets.periods import bounds

DOLLAR_A_TOKEN = {"output": Decimal(1_000_000), "input": Decimal(0)}


def _usage(gateway: Gateway, secret: str) -> Any:
    answer = Client(gateway.base_url, secret).get("/api/oauth/usage")
    assert answer.status == 200, answer.raw
    assert answer.headers["cache-control"] == "no-store"
    return answer.json


def _team(**budget: Any) -> Team:
    team = Team.objects.create(name=unique("team"))
    Budget.objects.create(team=team, **budget)
    return team


def _spend(
    gateway: Gateway, upstream: Upstream, orm: Rows, key: Key, dollars: int, asked_for: int | None = None
) -> Answer:
    """An answer of one token a dollar, and the windows with what it cost."""
    provider = make_provider("openai_chat", f"{upstream.base_url}/usage/v1")
    route = make_route([make_model(provider, DOLLAR_A_TOKEN)])
    gateway.wait_snapshot()
    script = upstream.script(Reply([speak.chat_text("x"), speak.chat_end(prompt=1, output=dollars)]))
    answer = Client(gateway.base_url, key.secret).post(
        message(route.name, script.prompt, max_tokens=asked_for or dollars)
    )
    assert orm.request(answer.request_id).cost == dollars
    windows.ensure(Budgets().of(key.row), time.time())
    return answer


def _resets_at(period: str) -> str:
    moment = datetime.fromtimestamp(bounds(period, "UTC", 0, time.time())[1], UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


@pytest.mark.both_databases
def test_dollars_of_the_budget_that_is_nearest_its_cap(gateway: Gateway, orm: Rows, upstream: Upstream) -> None:
    team = _team(amount=Decimal("500.00"), period="month")
    Budget.objects.create(team=team, amount=Decimal("1000.00"), period="day")
    Budget.objects.create(team=team, amount=Decimal("5.00"), period="week", hard=False)
    Budget.objects.create(team=team, amount=Decimal("5.00"), period="week", enabled=False)
    key = make_key(team)
    _spend(gateway, upstream, orm, key, 410)
    assert _usage(gateway, key.secret) == {
        "extra_usage": {
            "is_enabled": True,
            "monthly_limit": 50000,
            "used_credits": 41000,
            "utilization": 82,
            "currency": "USD",
        },
        "limits": [
            {
                "kind": "spend",
                "group": "monthly",
                "percent": 82,
                "resets_at": _resets_at("month"),
                "severity": "warning",
                "is_active": True,
            },
            {
                "kind": "spend",
                "group": "daily",
                "percent": 41,
                "resets_at": _resets_at("day"),
                "severity": "normal",
                "is_active": False,
            },
        ],
    }


@pytest.mark.both_databases
def test_headers_show_the_same_budget(gateway: Gateway, orm: Rows, upstream: Upstream) -> None:
    """Also where more is reserved of another one: Claude Code shows no dollars of one that resets at another time."""
    team = _team(amount=Decimal("100.00"), period="total")
    key = make_key(team)
    Budget.objects.create(key=key.row, amount=Decimal("10.00"), period="day")
    _spend(gateway, upstream, orm, make_key(team), 50)
    answer = _spend(gateway, upstream, orm, key, 1, asked_for=8)
    assert "anthropic-ratelimit-unified-overage-status" in answer.headers
    # A budget in total has none; the day's would be named.
    assert "anthropic-ratelimit-unified-reset" not in answer.headers
    (shown,) = (limit for limit in _usage(gateway, key.secret)["limits"] if limit["is_active"])
    assert (shown["group"], shown["percent"], shown["resets_at"]) == ("total", 51, None)


@pytest.mark.both_databases
def test_an_overdraft_of_a_budget_in_total(gateway: Gateway, orm: Rows, upstream: Upstream) -> None:
    key = make_key(_team(amount=Decimal("2.50"), period="total"))
    _spend(gateway, upstream, orm, key, 3, asked_for=2)
    usage = _usage(gateway, key.secret)
    assert (usage["extra_usage"]["monthly_limit"], usage["extra_usage"]["used_credits"]) == (250, 300)
    (limit,) = usage["limits"]
    assert (limit["group"], limit["percent"], limit["resets_at"], limit["severity"]) == ("total", 120, None, "critical")


def test_a_budget_that_nobody_has_used(gateway: Gateway, orm: Rows) -> None:
    key = make_key(_team(amount=Decimal("10.00"), period="day"))
    gateway.wait_snapshot()
    usage = _usage(gateway, key.secret)
    assert (usage["extra_usage"]["used_credits"], usage["limits"][0]["percent"]) == (0, 0)


@pytest.mark.both_databases
def test_a_key_without_a_budget_sees_what_it_cost(gateway: Gateway, orm: Rows, upstream: Upstream) -> None:
    key = make_key()
    _spend(gateway, upstream, orm, key, 7)
    spent = {"limit": None, "used_credits": 700, "utilization": None}
    assert _usage(gateway, key.secret) == {
        "extra_usage": {
            "is_enabled": True,
            "monthly_limit": None,
            "used_credits": 700,
            "utilization": None,
            "currency": "USD",
            "daily": spent,
            "weekly": spent,
        },
        "limits": [],
    }


def test_only_the_holder_of_a_key_is_answered(gateway: Gateway) -> None:
    Client(gateway.base_url, "sk-px-wrong").get("/api/oauth/usage").error(401, "authentication_error")
    Client(gateway.base_url, "sk-px-wrong").get("/api/oauth/profile").error(404, "not_found_error")
