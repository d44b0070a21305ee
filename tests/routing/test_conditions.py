"""Conditions: every field with every operator that it takes, and what is said of one that cannot be used."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.facts.request_facts import RequestFacts
from routing.rules.buckets import RuleIndex
from routing.rules.conditions import FIELDS, OPERATORS, ConditionError, compile_all, parse_conditions
from routing.rules.rule import make_rule
from tests.routing.house import asked

VALUES: dict[str, Any] = {
    "text": "x",
    "number": 5,
    "flag": True,
    "list": ["x"],
    "clock": "08:00-18:00",
    "version": "2.1",
}


@pytest.mark.parametrize(
    ("field", "operator", "value", "fields", "holds"),
    [
        ("model", "is", "Claude-X", {"request_model": "claude-x"}, True),
        ("model", "is_not", "claude-x", {"request_model": "claude-x"}, False),
        ("model", "contains", "LAUDE", {"request_model": "claude-x"}, True),
        ("model", "contains_not", "gpt", {"request_model": "claude-x"}, True),
        ("model", "starts_with", "claude", {"request_model": "claude-x"}, True),
        ("model", "ends_with", "-y", {"request_model": "claude-x"}, False),
        ("model", "matches", "*aude*", {"request_model": "claude-x"}, True),
        ("model", "matches", "aude", {"request_model": "claude-x"}, False),
        ("model", "matches", "cl.ude-x", {"request_model": "claude-x"}, False),
        ("model", "in", ["a", "CLAUDE-X"], {"request_model": "claude-x"}, True),
        ("model", "not_in", ["a"], {"request_model": "claude-x"}, True),
        ("tokens", "more_than", 10, {"input_estimate": 10}, False),
        ("tokens", "at_least", 10, {"input_estimate": 10}, True),
        ("tokens", "less_than", 10, {"input_estimate": 10}, False),
        ("tokens", "at_most", "10", {"input_estimate": 10}, True),
        ("tool_count", "is", 2, {"tools": ("a", "b")}, True),
        ("tools", "has", "bash", {"tools": ("Bash",)}, True),
        ("tools", "has", ["a", "b"], {"tools": ("b",)}, True),
        ("tools", "has_not", "bash", {"tools": ("Read",)}, True),
        ("images", "is", False, {"images": False}, True),
        ("small_model", "is", True, {"request_model": "claude-HAIKU-5"}, True),
        ("time", "in", "08:00-18:00", {"clock": "08:00"}, True),
        ("time", "in", "08:00-18:00", {"clock": "18:00"}, False),
        ("time", "not_in", "22:00-06:00", {"clock": "12:00"}, True),
        ("client_version", "at_least", "2.1.99", {"client_version": "2.1.330"}, True),
        ("client_version", "at_least", "2.1.330", {"client_version": "2.1.330"}, True),
        ("client_version", "at_least", "2.1.331", {"client_version": "2.1.330"}, False),
        ("client_version", "less_than", "2.2", {"client_version": "2.1.330"}, True),
        ("client_version", "less_than", "2.2", {"client_version": ""}, False),
        ("client_version", "at_least", "2.2", {"client_version": ""}, False),
        ("client_version", "is", "2.1", {"client_version": "2.1.0"}, True),
        ("client_version", "is_not", "2.1", {"client_version": ""}, True),
        ("header.X-Team", "is", "blue", {"headers": {"x-team": "Blue"}}, True),
        ("header.x-gone", "is", "", {"headers": {}}, True),
        ("metadata.user", "is", "7", {"metadata": {"user": 7}}, True),
        ("metadata.flag", "is", "true", {"metadata": {"flag": True}}, True),
        ("metadata.deep", "is", "", {"metadata": {"deep": {"a": 1}}}, True),
    ],
)
def test_a_condition(field: str, operator: str, value: Any, fields: dict[str, Any], holds: bool) -> None:
    (condition,) = parse_conditions([{"field": field, "operator": operator, "value": value}])
    assert compile_all((condition,), "all")(asked(**fields)) is holds


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_takes_every_operator_of_its_kind(name: str) -> None:
    kind = FIELDS[name].kind
    for operator in OPERATORS[kind]:
        value = ["x"] if operator in ("in", "not_in") and kind == "text" else VALUES[kind]
        conditions = parse_conditions([{"field": name, "operator": operator, "value": value}])
        assert compile_all(conditions, "all")(asked()) in (True, False)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("text", "Write a list such as"),
        ([{"field": "tokens"}], "operator"),
        ([{"field": "tokens", "operator": "at_least", "value": 1, "extra": 1}], "extra"),
        ([{"field": "gone", "operator": "is", "value": 1}], "There is no field 'gone'. There are: model,"),
        ([{"field": "header.", "operator": "is", "value": "x"}], "There is no field"),
        ([{"field": "tokens", "operator": "matches", "value": 1}], "tokens has no operator 'matches'. It has: is,"),
        ([{"field": "tokens", "operator": "is", "value": "many"}], "tokens needs a number"),
        ([{"field": "tokens", "operator": "is", "value": True}], "tokens needs a number"),
        ([{"field": "images", "operator": "is", "value": "yes"}], "images needs true or false"),
        ([{"field": "model", "operator": "is", "value": 3}], "model needs a text"),
        ([{"field": "model", "operator": "in", "value": []}], "or a list of texts"),
        ([{"field": "tools", "operator": "has", "value": [1]}], "or a list of texts"),
        ([{"field": "time", "operator": "in", "value": "8-18"}], "08:00-18:00"),
        ([{"field": "client_version", "operator": "at_least", "value": "new"}], "such as 2.1.330"),
        ([{"field": "client_version", "operator": "at_least", "value": 2.1}], "such as 2.1.330"),
        ([{"field": "time", "operator": "in", "value": "08:00-24:00"}], "08:00-18:00"),
    ],
)
def test_a_condition_that_cannot_be_used_says_what_to_write(value: Any, said: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse_conditions(value)
    assert said in str(caught.value)


def test_no_condition_always_holds() -> None:
    assert compile_all((), "all")(asked())
    assert compile_all((), "any")(asked())


_FIELDS = st.sampled_from(
    [
        {"field": "model", "operator": "is", "value": "a"},
        {"field": "model", "operator": "matches", "value": "a*"},
        {"field": "model", "operator": "in", "value": ["a", "ab"]},
        {"field": "tokens", "operator": "at_least", "value": 5},
        {"field": "tokens", "operator": "more_than", "value": 5},
        {"field": "tokens", "operator": "at_most", "value": 7},
        {"field": "tools", "operator": "has", "value": ["x", "y"]},
        {"field": "thinking", "operator": "is", "value": True},
        {"field": "header.h", "operator": "is", "value": "1"},
        {"field": "text", "operator": "contains", "value": "Fast"},
        {"field": "text", "operator": "contains", "value": "ast"},
        {"field": "text", "operator": "contains", "value": "s"},
        {"field": "client_version", "operator": "at_least", "value": "2.1"},
    ]
)
_RULES = st.lists(
    st.tuples(st.lists(_FIELDS, max_size=3), st.sampled_from(["all", "any"]), st.sampled_from([None, 1, 2])),
    max_size=12,
)
_FACTS = st.builds(
    RequestFacts,
    request_model=st.sampled_from(["a", "ab", "b"]),
    streamed=st.just(True),
    input_estimate=st.integers(3, 8),
    tools=st.sampled_from([(), ("x",), ("z", "y")]),
    thinks=st.booleans(),
    headers=st.sampled_from([{}, {"h": "1"}]),
    text=st.sampled_from(["", "steadfast", "FAST, at last"]),
    client_version=st.sampled_from(["", "2.0.9", "2.1"]),
)


@given(_RULES, st.lists(_FACTS, min_size=1, max_size=4))
def test_the_index_finds_the_very_rule_that_a_plain_scan_finds(written: Any, requests: list[RequestFacts]) -> None:
    rules = [
        make_rule(rank, str(rank), rank, parse_conditions(conditions), match=match, team_id=team)
        for rank, (conditions, match, team) in enumerate(written)
    ]
    index = RuleIndex(rules)
    for known in requests:
        holding = [rule for rule in rules if rule.team_id in (None, 1) and rule.holds(known)]
        found = index.first(known, 1)
        assert (found and found.rank) == (holding[0].rank if holding else None)
        # The same where every second rule may not be taken.
        usable = [rule for rule in holding if rule.rank % 2]
        found = index.first(known, 1, lambda rule: rule.rank % 2 == 1)
        assert (found and found.rank) == (usable[0].rank if usable else None)
