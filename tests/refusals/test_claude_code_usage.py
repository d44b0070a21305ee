"""The real Claude Code's `/usage` in gateway mode: what a person reads of their budgets."""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from access.allowances.loading import Budgets
from access.allowances.models import Budget
from access.models import Team
from tests.clients import claude_code
from tests.clients.relay import Relay
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Key, Standing, make_key, make_model, make_provider, make_route, unique
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.script import Reply
from tests.harness.upstream import Upstream
from usage.budgets import windows
from usage.budgets.periods import bounds
from usage.money import PICO

pytestmark = pytest.mark.clients

DOLLAR_A_TOKEN = {"output": Decimal(1_000_000), "input": Decimal(0)}


def _usage(gateway: Gateway, key: Key, home: Path, **options: Any) -> str:
    ran = claude_code.run(
        claude_code.LATEST, home / "home", gateway.base_url, key.secret, "claude-sonnet-5-5", "/usage", **options
    )
    return str(ran.succeeded()["result"])


def _spent(gateway: Gateway, upstream: Upstream, orm: Rows, dollars: int, **budget: Any) -> Key:
    """A key of a team with a budget, that has cost so much."""
    team = Team.objects.create(name=unique("team"))
    if budget:
        Budget.objects.create(team=team, **budget)
    key = make_key(team)
    route = make_route([make_model(make_provider("openai_chat", f"{upstream.base_url}/usage/v1"), DOLLAR_A_TOKEN)])
    gateway.wait_snapshot()
    script = upstream.script(Reply([speak.chat_text("x"), speak.chat_end(prompt=1, output=dollars)]))
    answer = Client(gateway.base_url, key.secret).post(message(route.name, script.prompt, max_tokens=dollars))
    assert orm.request(answer.request_id).cost == dollars
    (window,) = windows.ensure(Budgets().of(key.row), time.time()) if budget else (None,)
    assert window is None or window.spent == dollars * PICO
    return key


@pytest.mark.parametrize(
    ("period", "words"),
    [
        ("month", "Spend limit: $410 / $500 spent this month (82%)"),
        ("day", "Spend limit: $410 / $500 spent today (82%)"),
        ("total", "Spend limit: $410 / $500 spent (82%)"),
    ],
)
def test_usage_shows_dollars_of_a_budget(
    period: str, words: str, gateway: Gateway, upstream: Upstream, orm: Rows, tmp_path: Path
) -> None:
    key = _spent(gateway, upstream, orm, 410, amount=Decimal("500.00"), period=period)
    shown = _usage(gateway, key, tmp_path, gateway_mode=True)
    assert words in shown
    assert ("resets" in shown) is (period != "total")


def test_usage_shows_what_a_key_without_a_budget_has_cost(
    gateway: Gateway, upstream: Upstream, orm: Rows, tmp_path: Path
) -> None:
    key = _spent(gateway, upstream, orm, 7)
    assert "$7 today" in _usage(gateway, key, tmp_path, gateway_mode=True)


def test_key_mode_does_not_ask(gateway: Gateway, upstream: Upstream, orm: Rows, tmp_path: Path) -> None:
    key = _spent(gateway, upstream, orm, 410, amount=Decimal("500.00"), period="month")
    assert "$500" not in _usage(gateway, key, tmp_path)


@pytest.mark.parametrize(("period", "mode"), [("month", "gateway"), ("total", "gateway"), ("month", "key")])
def test_an_answer_makes_a_notice_of_a_budget_that_is_nearly_used(
    period: str, mode: str, gateway: Gateway, upstream: Upstream, standing: Standing, orm: Rows, tmp_path: Path
) -> None:
    key = _spent(gateway, upstream, orm, 410, amount=Decimal("500.00"), period=period)
    script = upstream.script(speak.answer("anthropic", "Hello."))
    ran = claude_code.run(
        claude_code.LATEST,
        tmp_path / "home",
        gateway.base_url,
        key.secret,
        standing.routes["anthropic"].name,
        f"Hello. {script.mark}",
        gateway_mode=mode == "gateway",
    )
    assert ran.succeeded()["result"] == "Hello."
    if mode == "key":
        assert ran.notices == []
        return
    (notice,) = ran.notices
    assert (notice["status"], notice["rateLimitType"], notice["utilization"]) == ("allowed_warning", "overage", 0.82)
    assert notice["surpassedThreshold"] == 0.75
    resets_at = None if period == "total" else bounds(period, "UTC", 0, time.time())[1]
    assert notice.get("resetsAt") == resets_at
    assert notice.get("overageResetsAt") == resets_at


def test_what_it_asks_for_at_its_start_is_answered_here(gateway: Gateway, orm: Rows, tmp_path: Path) -> None:
    team = Team.objects.create(name=unique("team"))
    Budget.objects.create(team=team, amount=Decimal("500.00"), period="month")
    key = make_key(team)
    gateway.wait_snapshot()
    with Relay(gateway.port) as relay:
        address = f"http://{relay.address}"
        with claude_code.terminal(claude_code.LATEST, tmp_path / "home", address, key.secret, "claude-sonnet-5-5"):
            until(lambda: relay.seen, "the probe")
    (probe,) = relay.seen
    assert (probe.status, probe.headers["x-gateway-fidelity"]) == (200, "quota_probe")
    assert probe.headers["anthropic-ratelimit-unified-overage-utilization"] == "0"
    row = orm.request(probe.headers["request-id"])
    assert (row.attempts, row.cost, row.client_name) == (0, 0, "claude-cli")
