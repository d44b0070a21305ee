"""The phase `rules`: which rule chooses, and which rules the reason names."""

from __future__ import annotations

from typing import Any

import pytest

from tests.routing.builders import chosen_by, make_facts, make_snapshot, reason_of, restricted, route, rule

RULES = make_snapshot(
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
    assert chosen_by(make_facts(**fields), RULES)[1] == found


def test_a_rule_comes_before_a_scenario_and_names_itself() -> None:
    known = make_facts(images=True, input_estimate=900, tools=("Bash",))
    assert chosen_by(known, RULES) == ("rules", "a")
    assert reason_of("rules", known, RULES) == "the rule rule-0 holds and leads to a"


def test_a_rule_that_leads_nowhere_for_a_key_leaves_the_word_to_the_next() -> None:
    known = make_facts("claude-x", input_estimate=900, tools=("Bash",))
    key = restricted("b\nc")
    assert chosen_by(known, RULES, key) == ("rules", "b")
    assert reason_of("rules", known, RULES, key) == (
        "the rule rule-0 holds, and the key's allow-list does not hold a; the rule rule-1 holds and leads to b"
    )
    assert reason_of("rules", known, RULES) == "the rule rule-0 holds and leads to a"


def test_a_rule_whose_route_is_gone_or_not_the_keys_is_passed_over_and_says_so() -> None:
    gone = make_snapshot(route("c"), default="c", rules=(rule(0, "gone"),))
    assert chosen_by(make_facts(), gone) == ("default_route", "c")
    assert "there is no route gone" in reason_of("rules", make_facts(), gone)
    known = make_facts(input_estimate=900, tools=("Bash",))
    assert "allow-list does not hold a" in reason_of("rules", known, RULES, restricted("c"))


def test_the_reason_names_no_rule_after_the_one_that_chose() -> None:
    # A rule without a text that can be looked up is tested after those that have one, whatever its rank.
    for match in ("all", "any"):
        snapshot = make_snapshot(
            route("a"),
            route("b"),
            rules=(
                rule(0, "b", ("header.x-team", "is_not", "red"), ("tokens", "at_most", 99), match=match),
                rule(1, "a", ("tools", "has", "Bash")),
                rule(2, "a", ("model", "starts_with", "claude")),
                rule(3, "a", ("tokens", "at_least", 5)),
                rule(4, "a", ("text", "contains", "hello")),
                rule(5, "a"),
            ),
        )
        known = make_facts("claude-x", tools=("Bash",), text="hello")
        assert reason_of("rules", known, snapshot, restricted("b")) == "the rule rule-0 holds and leads to b"


def test_the_reason_names_a_rule_once_however_often_its_condition_is_met() -> None:
    snapshot = make_snapshot(
        route("a"), route("b"), rules=(rule(0, "a", ("tools", "has", ["Bash", "Edit"])), rule(1, "b"))
    )
    known = make_facts(tools=("Bash", "Edit", "bash"))
    assert reason_of("rules", known, snapshot, restricted("b")) == (
        "the rule rule-0 holds, and the key's allow-list does not hold a; the rule rule-1 holds and leads to b"
    )


def test_the_reason_names_the_first_five_rules_that_are_passed_over() -> None:
    snapshot = make_snapshot(
        route("a"),
        route("b"),
        rules=(*(rule(rank, "a", ("tokens", "at_least", 9 - rank)) for rank in range(8)), rule(8, "b")),
    )
    reason = reason_of("rules", make_facts(), snapshot, restricted("b"))
    assert [f"rule-{rank}" in reason for rank in range(9)] == [True] * 5 + [False] * 3 + [True]
