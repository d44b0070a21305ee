"""Conditions: every field with every operator that it takes, and the error of one that cannot be used."""

from __future__ import annotations

import time
from fnmatch import fnmatchcase
from itertools import combinations, permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access.keys import glob
from routing.facts.request_facts import RequestFacts
from routing.rules.buckets import RuleIndex, make_rule
from routing.rules.conditions import FIELDS, OPERATORS, ConditionError, compile_all, parse_conditions
from tests.routing.builders import make_facts, rule

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
    assert compile_all((condition,), "all")(make_facts(**fields)) is holds


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_takes_every_operator_of_its_kind(name: str) -> None:
    kind = FIELDS[name].kind
    for operator in OPERATORS[kind]:
        value = ["x"] if operator in ("in", "not_in") and kind == "text" else VALUES[kind]
        conditions = parse_conditions([{"field": name, "operator": operator, "value": value}])
        assert compile_all(conditions, "all")(make_facts()) in (True, False)


@pytest.mark.parametrize(
    ("value", "message"),
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
def test_a_condition_that_cannot_be_used_says_what_to_write(value: Any, message: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse_conditions(value)
    assert message in str(caught.value)


def test_no_condition_always_holds() -> None:
    assert compile_all((), "all")(make_facts())
    assert compile_all((), "any")(make_facts())


_CONDITIONS = (
    {"field": "model", "operator": "is", "value": "a"},
    {"field": "model", "operator": "matches", "value": "a*"},
    {"field": "model", "operator": "in", "value": ["a", "ab"]},
    {"field": "tokens", "operator": "at_least", "value": 5},
    {"field": "tokens", "operator": "more_than", "value": 5},
    {"field": "tokens", "operator": "at_most", "value": 7},
    {"field": "tokens", "operator": "less_than", "value": 7},
    {"field": "tools", "operator": "has", "value": ["x", "y"]},
    {"field": "thinking", "operator": "is", "value": True},
    {"field": "header.h", "operator": "is", "value": "1"},
    {"field": "text", "operator": "contains", "value": "Fast"},
    {"field": "text", "operator": "contains", "value": "ast"},
    {"field": "text", "operator": "contains", "value": "s"},
    {"field": "client_version", "operator": "at_least", "value": "2.1"},
)
_WRITTEN = [
    make_rule(0, "", 0, parse_conditions(conditions), match=match, team_id=team)
    for conditions in ([], *combinations(_CONDITIONS, 1), *combinations(_CONDITIONS, 2))
    for match in ("all", "any")
    for team in (None, None, 1, 1, 2)
    for _ in range(4 if len(conditions) < 2 else 1)
]
"""Every rule of up to two conditions; those of one, which are filed under it, four times as often."""
_REQUESTS = [
    RequestFacts(
        request_model=model,
        streamed=True,
        input_estimate=tokens,
        tools=tools,
        thinks=thinks,
        headers=headers,
        text=text,
        client_version=version,
    )
    for model in ("a", "ab", "b")
    for tokens in (4, 5, 6, 7, 8)
    for tools in ((), ("x",), ("z", "y"))
    for thinks in (False, True)
    for headers in ({}, {"h": "1"})
    for text in ("", "steadfast", "FAST, at last")
    for version in ("", "2.0.9", "2.1")
]
"""Every request on either side of every condition."""
_SHARE = 97
"""One of so many requests is asked in an example; a prime, so that no fact is the same in all of them."""


@pytest.mark.parametrize(
    "conditions",
    [
        [("text", "contains", "ast"), ("text", "contains", "fast")],
        [("text", "contains", "fast"), ("text", "contains", "ast")],
        [("text", "contains", "FAST"), ("model", "is", "A")],
        [("tokens", "less_than", 7), ("tokens", "at_least", 5)],
        [("tokens", "at_most", 6), ("tokens", "at_least", 6)],
        [("tokens", "at_least", 6), ("tokens", "at_least", 5)],
        [("tokens", "less_than", 9), ("thinking", "is", True), ("tokens", "less_than", 7), ("thinking", "is", True)],
        [("thinking", "is", True), ("tokens", "less_than", 9), ("model", "matches", "A*"), ("tools", "has", "Y")],
    ],
)
def test_of_rules_that_hold_the_first_is_found_wherever_they_are_filed(conditions: list[Any]) -> None:
    known = make_facts("a", input_estimate=6, text="steadFast", thinks=True, tools=("x", "y"))
    for order in permutations(conditions):
        rules = [rule(rank, "r", condition) for rank, condition in enumerate(order)]
        for passed_over in range(len(rules)):
            found = RuleIndex(rules).first(known, 1, lambda rule, least=passed_over: rule.rank >= least)  # type: ignore[misc]
            assert found is not None
            assert found.rank == passed_over


@settings(max_examples=80)
@given(st.lists(st.integers(0, len(_WRITTEN) - 1), max_size=12), st.integers(0, _SHARE - 1))
def test_the_index_finds_the_very_rule_that_a_plain_scan_finds(chosen: list[int], start: int) -> None:
    rules = [msgspec.structs.replace(_WRITTEN[number], id=rank, rank=rank) for rank, number in enumerate(chosen)]
    index = RuleIndex(rules)
    for known in _REQUESTS[start::_SHARE]:
        holding = [rule.rank for rule in rules if rule.team_id in (None, 1) and rule.holds(known)]
        found = index.first(known, 1)
        assert (found and found.rank) == next(iter(holding), None)
        # The same where every second rule may not be taken.
        found = index.first(known, 1, lambda rule: rule.rank % 2 == 1)
        assert (found and found.rank) == next((rank for rank in holding if rank % 2), None)


_LETTERS = st.text("ab*", max_size=8)


@given(_LETTERS, st.text("ab", max_size=12))
def test_a_star_stands_for_any_characters_and_nothing_else_is_special(pattern: str, text: str) -> None:
    assert (glob(pattern).fullmatch(text) is not None) is fnmatchcase(text, pattern)


@pytest.mark.parametrize(("pattern", "text"), [("a.c", "abc"), ("a?c", "abc"), ("[ab]", "a"), ("a", "a\n")])
def test_other_signs_mean_themselves(pattern: str, text: str) -> None:
    assert glob(pattern).fullmatch(text) is None
    assert glob(pattern).fullmatch(pattern) is not None


def test_a_text_of_a_clients_choice_does_not_make_a_pattern_slow() -> None:
    began = time.thread_time()
    assert glob("*a" * 12 + "*b").fullmatch("a" * 20_000) is None
    assert time.thread_time() - began < 0.5
