"""The phase `concepts`: complete words of the user's, by priority, never against what the request needs."""

from __future__ import annotations

from typing import Any

import pytest

from routing.rules.concepts import words_of
from tests.routing.builders import (
    OPENROUTER,
    candidate,
    chosen_by,
    concept,
    make_facts,
    make_snapshot,
    reason_of,
    restricted,
    route,
)

BLIND = candidate("blind", OPENROUTER, "tools", context_window=1000)
SNAPSHOT = make_snapshot(
    route("cheap", BLIND),
    route("thinker"),
    route("quick"),
    route("rest"),
    default="rest",
    concepts=(
        concept("low_cost", "cheap", "slow & cheap, budget", priority=40),
        concept("deep thinking", "thinker", "think step by step, überlegen", priority=90),
        concept("fast", "quick", "quick, c++, 快速", priority=60),
    ),
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Please be fast.", "quick"),
        ("FAST!", "quick"),
        ("I had breakfast", "rest"),
        ("fasten your seat belt", "rest"),
        ("steadfast", "rest"),
        ("very_fast", "rest"),
        ("low cost, please", "cheap"),
        ("slow & cheap is fine", "cheap"),
        ("Think step by step, but fast", "thinker"),
        ("a fast and cheap budget", "quick"),
        ("Bitte überlegen", "thinker"),
        ("unüberlegen", "rest"),
        ("in C++, please", "quick"),
        ("İstanbul 😀 c++", "quick"),
        ("请快速回答", "quick"),
        ("", "rest"),
    ],
)
def test_which_concept_a_text_speaks_of(text: str, found: str) -> None:
    assert chosen_by(make_facts(text=text), SNAPSHOT)[1] == found


@pytest.mark.parametrize("need", [{"images": True}, {"input_estimate": 1001}, {"structured_output": True}])
def test_a_word_never_stands_against_what_the_request_needs(need: dict[str, Any]) -> None:
    known = make_facts(text="on a budget", **need)
    assert chosen_by(known, SNAPSHOT) == ("default_route", "rest")
    assert "can do what the request needs" in reason_of("concepts", known, SNAPSHOT)


def test_the_next_concept_is_taken_when_the_first_cannot_serve() -> None:
    snapshot = make_snapshot(
        route("cheap", BLIND),
        route("quick"),
        concepts=(concept("budget", "cheap", priority=90), concept("fast", "quick", priority=10)),
    )
    assert chosen_by(make_facts(text="fast, on a budget", images=True), snapshot) == ("concepts", "quick")


def test_a_concept_whose_route_is_not_the_keys_is_passed_over() -> None:
    assert chosen_by(make_facts(text="fast"), SNAPSHOT, restricted("rest")) == ("default_route", "rest")


def test_of_two_equal_concepts_the_longer_word_counts() -> None:
    snapshot = make_snapshot(route("a"), route("b"), concepts=(concept("review", "a"), concept("code review", "b")))
    assert chosen_by(make_facts(text="a code review"), snapshot) == ("concepts", "b")


def test_the_words_of_a_concept() -> None:
    assert words_of("Low_Cost", "slow &  cheap,, Budget\nbudget") == ("low cost", "slow & cheap", "budget")
