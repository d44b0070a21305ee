"""Phase 1: what the request itself asks for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.routing.house import asked, chosen, house, restricted, route, rule, said, verdict

NAMES = ("image", "web_search", "long_context", "subagent", "background", "think", "plan", "default")
ALL = house(*(route(name) for name in NAMES), route("exact"), scenarios={name: name for name in NAMES}, threshold=1000)

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
    phase, name = chosen(said(request_body), ALL)
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
    assert chosen(said(user(text("Hi")), headers), ALL)[1] == scenario


@pytest.mark.parametrize(("tokens", "scenario"), [(999, "default"), (1000, "long_context"), (1001, "long_context")])
def test_the_threshold_of_long_context(tokens: int, scenario: str) -> None:
    assert chosen(asked(input_estimate=tokens), ALL)[1] == scenario


@pytest.mark.parametrize(("tokens", "phase"), [(59_999, ""), (60_000, "scenarios"), (60_001, "scenarios")])
def test_without_a_threshold_sixty_thousand_tokens_are_long(tokens: int, phase: str) -> None:
    snapshot = house(route("long"), scenarios={"long_context": "long"})
    assert chosen(asked(input_estimate=tokens), snapshot)[0] == phase


def test_a_scenario_without_a_route_is_passed_over() -> None:
    snapshot = house(route("thinker"), scenarios={"think": "thinker"})
    assert chosen(asked(images=True, thinks=True), snapshot) == ("scenarios", "thinker")


def test_a_scenario_whose_route_is_not_the_keys_is_passed_over_and_says_so() -> None:
    key = restricted("think")
    known = asked(images=True, thinks=True)
    assert chosen(known, ALL, key) == ("scenarios", "think")
    assert "image: the key's allow-list" in verdict("scenarios", asked(images=True), ALL, key)


def test_an_exact_name_is_the_clients_choice_unless_its_route_yields() -> None:
    yielding = house(route("exact", yields=True), route("image"), scenarios={"image": "image"}, default="image")
    firm = house(route("exact"), route("image"), scenarios={"image": "image"})
    known = asked("exact", images=True)
    assert chosen(known, firm) == ("name", "exact")
    assert chosen(known, yielding) == ("scenarios", "image")
    assert chosen(asked("exact"), yielding) == ("name", "exact")


RULES = house(
    route("a"),
    route("b"),
    route("c"),
    route("image"),
    scenarios={"image": "image"},
    default="c",
    rules=(
        rule(0, "a", ("tokens", "at_least", 500), ("tools", "has", "Bash")),
        rule(1, "b", ("header.x-team", "is", "Blue"), ("model", "matches", "claude-*"), match="any"),
        rule(2, "", ("tags", "has", "CI"), ("time", "in", "22:00-06:00"), scenario="image"),
        rule(3, "a", ("weekday", "in", ["sat", "sun"]), team_id=7),
    ),
)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"input_estimate": 499, "tools": ("Bash",)}, "c"),
        ({"input_estimate": 500, "tools": ("Bash",)}, "a"),
        ({"input_estimate": 501, "tools": ("bash", "Read")}, "a"),
        ({"input_estimate": 501}, "c"),
        ({"headers": {"x-team": "blue"}}, "b"),
        ({"request_model": "CLAUDE-X"}, "b"),
        ({"tags": ("ci",), "clock": "23:10"}, "image"),
        ({"tags": ("ci",), "clock": "05:59"}, "image"),
        ({"tags": ("ci",), "clock": "06:00"}, "c"),
        ({"tags": ("ci",), "clock": "21:59"}, "c"),
        ({"weekday": "sat"}, "c"),
        ({"input_estimate": 501, "tools": ("Bash",), "request_model": "claude-x"}, "a"),
    ],
)
def test_the_first_rule_that_holds_leads_the_way(fields: dict[str, Any], found: str) -> None:
    assert chosen(asked(**fields), RULES)[1] == found


def test_a_rule_comes_before_a_scenario_and_names_itself() -> None:
    known = asked(images=True, input_estimate=900, tools=("Bash",))
    assert chosen(known, RULES) == ("rules", "a")
    assert verdict("rules", known, RULES) == "the rule rule-0 holds and leads to a"


def test_a_rule_that_leads_nowhere_for_a_key_leaves_the_word_to_the_next() -> None:
    known = asked("claude-x", input_estimate=900, tools=("Bash",))
    key = restricted("b\nc")
    assert chosen(known, RULES, key) == ("rules", "b")
    assert verdict("rules", known, RULES, key) == (
        "the rule rule-0 holds, and the key's allow-list does not hold a; the rule rule-1 holds and leads to b"
    )
    assert verdict("rules", known, RULES) == "the rule rule-0 holds and leads to a"


def test_a_rule_whose_route_is_gone_or_not_the_keys_is_passed_over_and_says_so() -> None:
    gone = house(route("c"), default="c", rules=(rule(0, "gone"),))
    assert chosen(asked(), gone) == ("default_route", "c")
    assert "leads nowhere" in verdict("rules", asked(), gone)
    known = asked(input_estimate=900, tools=("Bash",))
    assert "allow-list does not hold a" in verdict("rules", known, RULES, restricted("c"))
