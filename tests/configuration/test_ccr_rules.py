"""claude-code-router's configuration, version 3: pools of keys, rules, and the agent's profile."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from configuration.foreign.ccr import conditions
from configuration.foreign.conversion import Conversion
from providers.credentials.headers import opened
from providers.models import Credential, Model, Provider
from routing.models import Alias, Route, Rule, ScenarioRoute
from tests.configuration.commands import FILES, not_carried_over, rows, run_import

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

FILE = FILES / "ccr-3.json"


def candidates() -> dict[str, list[str]]:
    return {
        route.name: [str(row.model) for row in route.candidates.order_by("position")] for route in Route.objects.all()
    }


def test_it_is_read_and_a_second_time_changes_nothing() -> None:
    before = rows()
    assert run_import(FILE).startswith("Format: claude-code-router, version 3\n")
    assert rows() == before
    run_import(FILE, "--write")
    before = rows()
    assert "0 created, 0 changed, 0 removed" in run_import(FILE, "--write")
    assert rows() == before


def test_a_pool_of_keys_keeps_its_order_and_limits() -> None:
    output = run_import(FILE, "--write")
    pool = Credential.objects.filter(provider__name="anthropic")
    assert [(row.name, row.position, row.weight, row.enabled, row.requests_per_minute) for row in pool] == [
        ("main", 1, 3, True, 50),
        ("spare", 2, 1, True, 0),
        ("old", 3, 1, False, 0),
    ]
    assert pool.get(name="main").tokens_per_minute == 40_000
    assert "sk-ant-spare" not in output
    assert "ccr-client-key" not in output


def test_what_is_known_of_models_comes_along() -> None:
    run_import(FILE, "--write")
    model = Model.objects.get(name="claude-opus-4-8")
    assert (model.context_window, model.max_output) == (1_000_000, 128_000)
    price = model.prices.get()
    assert (price.input, price.output, price.cache_read) == (Decimal(5), Decimal(25), Decimal("0.5"))
    assert Provider.objects.get(name="deepseek").transforms == [
        {"name": "customparams", "options": {"params": {"user": "ccr"}}}
    ]
    provider = Provider.objects.get(name="deepseek")
    assert provider.headers == {}
    assert {name: opened(stored) for name, stored in provider.secret_headers.items()} == {
        "x-team": "red",
        "x-api-token": "abc",
    }
    local = Provider.objects.get(name="vllm")
    assert (local.enabled, local.is_local) == (False, True)


def test_prices_that_are_here_already_stay() -> None:
    run_import(FILE, "--write")
    price = Model.objects.get(name="claude-opus-4-8").prices.get()
    price.input = Decimal(4)
    price.save()
    assert "0 created, 0 changed" in run_import(FILE, "--write")
    price.refresh_from_db()
    assert price.input == Decimal(4)


def test_rules_become_rules_with_routes_in_their_order() -> None:
    run_import(FILE, "--write")
    found = [(rule.name, rule.enabled, rule.conditions, rule.route and rule.route.name) for rule in Rule.objects.all()]
    assert found == [
        (
            "CI is cheap",
            True,
            [{"field": "header.x-client-name", "operator": "is", "value": "ci"}],
            "ccr-rule-7",
        ),
        ("long ones", True, [{"field": "tokens", "operator": "more_than", "value": 60000}], "ccr-rule-6"),
        ("pictures", False, [{"field": "images", "operator": "is", "value": True}], "ccr-rule-5"),
        ("by prefix", True, [{"field": "model", "operator": "starts_with", "value": "gpt-"}], "ccr-rule-4"),
    ]
    assert candidates() == {
        "ccr-rule-7": ["deepseek: deepseek-chat", "vllm: Qwen/Qwen3-Coder"],
        "ccr-rule-6": ["anthropic: claude-opus-4-8"],
        "ccr-rule-5": ["anthropic: claude-haiku-4-8"],
        "ccr-rule-4": ["deepseek: deepseek-reasoner"],
        "ccr-default": ["anthropic: claude-opus-4-8"],
        "ccr-background": ["anthropic: claude-haiku-4-8"],
        "ccr-sonnet": ["deepseek: deepseek-chat"],
    }
    retried = Route.objects.get(name="ccr-rule-6")
    assert (retried.retries, retried.attempts) == (2, 3)
    assert Route.objects.get(name="ccr-rule-5").retries == 0


def test_the_agents_profile_becomes_scenarios_and_aliases() -> None:
    run_import(FILE, "--write")
    assert {row.scenario: row.route.name for row in ScenarioRoute.objects.all()} == {
        "default": "ccr-default",
        "background": "ccr-background",
    }
    targets = {row.pattern: row.target for row in Alias.objects.all()}
    assert targets["*sonnet*"] == "ccr-sonnet"
    assert Route.objects.get(name="ccr-sonnet").yields
    assert targets["Anthropic/claude-opus-4-8"] == "anthropic:claude-opus-4-8"
    assert targets["vLLM/Qwen/Qwen3-Coder"] == "vllm:Qwen/Qwen3-Coder"


def test_what_could_not_be_carried_over_is_listed() -> None:
    assert not_carried_over(run_import(FILE)) == (FILES / "ccr-3.not-carried-over.txt").read_text().splitlines()


CONDITIONS: list[tuple[str, str, str, dict[str, Any] | None]] = [
    ("request.body.model", "==", "gpt-5", {"field": "model", "operator": "is", "value": "gpt-5"}),
    ("request.body.model", "!=", "'5'", {"field": "model", "operator": "is_not", "value": "5"}),
    ("request.body.model", ">", "a", None),
    (
        "request.headers.User-Agent",
        "contains",
        "cli",
        {"field": "header.user-agent", "operator": "contains", "value": "cli"},
    ),
    ("request.header.x-a", "not-contains", "1", {"field": "header.x-a", "operator": "contains_not", "value": "1"}),
    ("request.body.max_tokens", "<=", "100", {"field": "max_tokens", "operator": "at_most", "value": 100}),
    ("request.body.stream", "==", "true", {"field": "stream", "operator": "is", "value": True}),
    ("request.body.stream", "!=", "true", {"field": "stream", "operator": "is", "value": False}),
    ("request.body.thinking.type", "==", "enabled", {"field": "thinking", "operator": "is", "value": True}),
    ("request.body.thinking.type", "==", "disabled", {"field": "thinking", "operator": "is", "value": False}),
    (
        "request.body.tools",
        "contains-deep",
        "web_search_20250305",
        {"field": "web_search", "operator": "is", "value": True},
    ),
    ("request.body.tools", "contains-deep", "Bash", {"field": "tools", "operator": "has", "value": "Bash"}),
    (
        "request.body.metadata.user_id",
        "starts-with",
        "u",
        {"field": "metadata.user_id", "operator": "starts_with", "value": "u"},
    ),
    ("request.tokenCount", ">", "many", None),
    ("request.body.system", "contains-deep", "x", None),
    ("request.auth.apiKeyId", "==", "k1", None),
    ("response.status", "==", "500", None),
]


@pytest.mark.parametrize(("left", "operator", "right", "found"), CONDITIONS)
def test_conditions_become_conditions(left: str, operator: str, right: str, found: dict[str, Any] | None) -> None:
    conversion = Conversion({})
    entry = {"type": "condition", "condition": {"left": left, "operator": operator, "right": right}}
    assert conditions.read(conversion, "rules[0]", entry) == found
    assert bool(conversion.not_carried_over) == (found is None)
