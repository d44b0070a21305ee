"""The request by which Claude Code asks for its user's budget: answered here, and nothing else in its place."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest

from access.allowances.models import Budget
from access.models import Team
from streaming.endpoints import quota_probe
from tests.harness import speak
from tests.harness.call import Client
from tests.harness.configure import make_key, unique
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream
from tests.streaming.relaying import candidate, relayed

MODEL = "claude-haiku-4-5-20251001"
PROBE: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 1,
    "messages": [{"role": "user", "content": "quota"}],
    "metadata": {"user_id": json.dumps({"device_id": "ab" * 32, "account_uuid": "", "session_id": "one-session"})},
}
"""As Claude Code 2.1.330 sends it."""


@pytest.mark.both_databases
def test_the_probe_is_one_row_that_costs_nothing(gateway: Gateway, orm: Rows, upstream: Upstream) -> None:
    team = Team.objects.create(name=unique("team"))
    Budget.objects.create(team=team, amount=Decimal("5.00"), period="day")
    Budget.objects.create(team=team, amount=Decimal("1.00"), period="total", hard=False)
    key = make_key(team)
    gateway.wait_snapshot()
    # No route has the model: nothing is asked for.
    answer = Client(gateway.base_url, key.secret).post(PROBE)
    assert answer.status == 200
    assert (answer.json["model"], answer.json["content"], answer.json["stop_reason"]) == (MODEL, [], "max_tokens")
    assert (answer.json["usage"]["input_tokens"], answer.json["usage"]["output_tokens"]) == (0, 0)
    assert answer.headers["x-gateway-fidelity"] == "quota_probe"
    assert answer.headers["anthropic-ratelimit-unified-status"] == "allowed"
    assert answer.headers["anthropic-ratelimit-unified-overage-utilization"] == "0"
    usage = Client(gateway.base_url, key.secret).get("/api/oauth/usage").json
    assert usage["limits"][0]["group"] == "daily"
    row = orm.request(answer.request_id)
    assert (row.outcome, row.http_status, row.attempts, row.fidelity) == ("completed", 200, 0, ["quota_probe"])
    assert (row.cost, row.input_tokens, row.output_tokens, row.stop_reason) == (0, 0, 0, "max_tokens")
    assert (row.request_model, row.provider_name, row.session_id) == (MODEL, "", "one-session")


def test_an_uncapped_caller_gets_no_header_of_a_budget(gateway: Gateway, orm: Rows) -> None:
    key = make_key()
    gateway.wait_snapshot()
    answer = Client(gateway.base_url, key.secret).post(PROBE)
    assert answer.headers["x-gateway-fidelity"] == "quota_probe"
    assert not [name for name in answer.headers if "ratelimit" in name]


@pytest.mark.parametrize(
    "change",
    [
        {"max_tokens": 2},
        {"model": "claude-opus-4-8"},
        {"messages": [{"role": "user", "content": "What is a quota?"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "quota"}]}]},
        {"messages": [*PROBE["messages"], {"role": "assistant", "content": "It is"}]},
        {"system": "Answer with one word."},
        {"stream": True},
        {"stream": False},
        {"tools": []},
        {"temperature": 0},
    ],
    ids=str,
)
def test_whatever_is_not_quite_the_probe_is_asked_for(change: dict[str, Any]) -> None:
    assert quota_probe.matches(PROBE, {})
    assert not quota_probe.matches(PROBE | change, {})


def test_claude_code_may_call_its_smallest_model_otherwise() -> None:
    small = PROBE | {"model": "team-small"}
    assert not quota_probe.matches(small, {"user-agent": "curl/8.0"})
    assert quota_probe.matches(small, {"user-agent": "claude-cli/2.1.330 (external, cli)"})


def test_the_probe_is_forwarded_where_the_setting_says_so(settings: Any, upstream: Upstream) -> None:
    settings.QUOTA_PROBE = "forward"
    script = upstream.script(speak.chat_answer("q"))
    answer = asyncio.run(relayed("", candidate(upstream.base_url, 1, f"/{script.mark}/v1"), whole_body=PROBE))
    assert answer.status == 200
    assert len(script.seen) == 1
