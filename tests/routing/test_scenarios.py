"""The phase `scenarios`: what kind of request it is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.routing.builders import chosen_by, facts_of, make_facts, make_snapshot, reason_of, restricted, route

NAMES = ("image", "web_search", "long_context", "subagent", "background", "think", "plan", "default")
ALL = make_snapshot(
    *(route(name) for name in NAMES), route("exact"), scenarios={name: name for name in NAMES}, threshold=1000
)

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "eA=="}}
PLAN = "Plan the change, then implement it."


def user(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


@pytest.mark.parametrize(
    ("request_body", "scenario"),
    [
        (user(IMAGE), "image"),
        (user({"type": "tool_result", "tool_use_id": "t", "content": [IMAGE]}), "image"),
        (user({"type": "document", "source": {"type": "content", "content": [IMAGE]}}), "image"),
        ({**user(text("Hi")), "tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "web_search"),
        ({**user(text("Hi")), "tools": [{"name": "Google_Search", "input_schema": {}}]}, "web_search"),
        # Claude Code offers this one in all of its requests.
        ({**user(text("Hi")), "tools": [{"name": "WebSearch", "input_schema": {}}]}, "default"),
        ({**user(text("Hi")), "tools": [{"name": "brave_web_search", "input_schema": {}}]}, "web_search"),
        ({**user(text("Hi")), "tools": [{"name": "research", "input_schema": {}}]}, "default"),
        ({**user(text("Hi")), "thinking": {"type": "enabled", "budget_tokens": 1024}}, "think"),
        ({**user(text("Hi")), "thinking": {"type": "adaptive"}}, "think"),
        ({**user(text("Hi")), "thinking": {"type": "disabled"}}, "default"),
        ({**user(text("Hi")), "thinking": None}, "default"),
        ({**user(text("Hi")), "model": "claude-haiku-5-5"}, "background"),
        (user(text(PLAN)), "plan"),
        (user(text("An explanation of how planets are coded")), "default"),
        (user(text("Plan my week")), "default"),
        (user(text("Write a poem")), "default"),
        ({**user(IMAGE, text(PLAN)), "thinking": {"type": "adaptive"}}, "image"),
        ({**user(text(PLAN)), "thinking": {"type": "adaptive"}}, "think"),
        (user(text(PLAN), text("<system-reminder>Plan and build</system-reminder>")), "plan"),
        (user(text("Hi"), text("<system-reminder>Plan and build</system-reminder>")), "default"),
        (user(text("Hi <system-reminder>Plan and build</system-reminder>")), "default"),
        (user(text(f"<system-reminder>One</system-reminder>{PLAN}<system-reminder>Two")), "plan"),
    ],
)
def test_which_scenario_a_request_is(request_body: dict[str, Any], scenario: str) -> None:
    phase, name = chosen_by(facts_of(request_body), ALL)
    assert name == scenario
    assert phase == ("default_route" if scenario == "default" else "scenarios")


@pytest.mark.parametrize(
    ("headers", "scenario"),
    [
        ({"x-claude-code-agent-id": "ac77"}, "subagent"),
        ({"x-claude-code-request-class": "subagent"}, "subagent"),
        ({"x-claude-code-request-class": "auxiliary"}, "background"),
        ({"x-claude-code-request-class": "main"}, "default"),
    ],
)
def test_what_headers_say(headers: dict[str, str], scenario: str) -> None:
    assert chosen_by(facts_of(user(text("Hi")), headers), ALL)[1] == scenario


@pytest.mark.parametrize(("tokens", "scenario"), [(999, "default"), (1000, "long_context"), (1001, "long_context")])
def test_the_threshold_of_long_context(tokens: int, scenario: str) -> None:
    assert chosen_by(make_facts(input_estimate=tokens), ALL)[1] == scenario


@pytest.mark.parametrize(("tokens", "phase"), [(59_999, ""), (60_000, "scenarios"), (60_001, "scenarios")])
def test_without_a_threshold_sixty_thousand_tokens_are_long(tokens: int, phase: str) -> None:
    snapshot = make_snapshot(route("long"), scenarios={"long_context": "long"})
    assert chosen_by(make_facts(input_estimate=tokens), snapshot)[0] == phase


def test_a_scenario_without_a_route_is_passed_over() -> None:
    snapshot = make_snapshot(route("thinker"), scenarios={"think": "thinker"})
    assert chosen_by(make_facts(images=True, thinks=True), snapshot) == ("scenarios", "thinker")


def test_a_scenario_whose_route_is_not_the_keys_is_passed_over_and_says_so() -> None:
    key = restricted("think")
    known = make_facts(images=True, thinks=True)
    assert chosen_by(known, ALL, key) == ("scenarios", "think")
    assert "image: the key's allow-list" in reason_of("scenarios", make_facts(images=True), ALL, key)


def test_an_exact_name_is_the_clients_choice_unless_its_route_yields() -> None:
    yielding = make_snapshot(route("exact", yields=True), route("image"), scenarios={"image": "image"}, default="image")
    firm = make_snapshot(route("exact"), route("image"), scenarios={"image": "image"})
    known = make_facts("exact", images=True)
    assert chosen_by(known, firm) == ("name", "exact")
    assert chosen_by(known, yielding) == ("scenarios", "image")
    assert chosen_by(make_facts("exact"), yielding) == ("name", "exact")


def test_a_default_scenario_whose_route_is_not_the_keys_leaves_the_choice_to_the_default_route() -> None:
    snapshot = make_snapshot(route("other"), route("rest"), scenarios={"default": "other"}, default="rest")
    assert chosen_by(make_facts(), snapshot) == ("default_route", "other")
    assert chosen_by(make_facts(), snapshot, restricted("rest")) == ("default_route", "rest")
    assert chosen_by(make_facts(), snapshot, restricted("none")) == ("", "")
