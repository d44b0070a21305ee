"""The phases `subagent_tag` and `name`: what a name means."""

from __future__ import annotations

from typing import Any

import pytest

from routing.decision import NoSuchRoute, RouteForbidden
from routing.facts.content import without_subagent_tags
from tests.routing.builders import (
    OLLAMA,
    candidate,
    chosen_by,
    decide,
    facts_of,
    make_facts,
    make_snapshot,
    restricted,
    route,
)

BETA = candidate("anthropic/claude-3.5-sonnet:beta")
CODER = candidate("qwen2.5-coder:latest", OLLAMA)
SNAPSHOT = make_snapshot(
    route("claude-sonnet-5-5"),
    route("fast"),
    default="fast",
    aliases={"gpt-*": "claude-sonnet-5-5", "gpt-4*": "fast", "Haiku": "ollama:qwen2.5-coder:latest", "old": "gone"},
    models=(BETA, CODER),
)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("claude-sonnet-5-5", "claude-sonnet-5-5"),
        ("claude-sonnet-5-5[1m]", "claude-sonnet-5-5"),
        ("claude-sonnet-5-5-20261021", "claude-sonnet-5-5"),
        ("claude-sonnet-5-5-20261021[1m]", "claude-sonnet-5-5"),
        ("claude-sonnet-5-5-latest", "claude-sonnet-5-5"),
        ("claude-sonnet-5-5@20261021", "claude-sonnet-5-5"),
        ("gpt-4o", "claude-sonnet-5-5"),
        ("GPT-4O", "claude-sonnet-5-5"),
        ("haiku", "ollama:qwen2.5-coder:latest"),
        ("openrouter,anthropic/claude-3.5-sonnet:beta", "openrouter:anthropic/claude-3.5-sonnet:beta"),
        ("openrouter:anthropic/claude-3.5-sonnet:beta", "openrouter:anthropic/claude-3.5-sonnet:beta"),
        ("OpenRouter, anthropic/claude-3.5-sonnet:beta", "openrouter:anthropic/claude-3.5-sonnet:beta"),
        ("ollama:qwen2.5-coder:latest", "ollama:qwen2.5-coder:latest"),
        ("ollama,qwen2.5-coder:latest", "ollama:qwen2.5-coder:latest"),
    ],
)
def test_what_a_name_means(name: str, found: str) -> None:
    assert chosen_by(make_facts(name), SNAPSHOT) == ("name", found)


@pytest.mark.parametrize(
    "name", ["claude-sonnet-5-50", "qwen2.5-coder:latest", "openrouter:unknown", "old", ":", "[1m]"]
)
def test_what_is_no_name_here_is_left_to_the_phases_below(name: str) -> None:
    assert chosen_by(make_facts(name), SNAPSHOT) == ("default_route", "fast")


def test_a_route_of_the_very_name_comes_before_an_alias() -> None:
    snapshot = make_snapshot(route("gpt-x"), route("other"), aliases={"gpt-*": "other"})
    assert chosen_by(make_facts("gpt-x"), snapshot) == ("name", "gpt-x")


def test_the_first_alias_that_fits_and_leads_somewhere_counts() -> None:
    snapshot = make_snapshot(route("one"), route("two"), aliases={"gpt-*": "gone", "gpt-4*": "one", "*": "two"})
    assert chosen_by(make_facts("gpt-4o"), snapshot) == ("name", "one")


@pytest.mark.parametrize("name", ["claude-sonnet-5-5", "gpt-4o", "openrouter:anthropic/claude-3.5-sonnet:beta"])
def test_a_name_that_the_key_may_not_use_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(RouteForbidden, match="may not use") as caught:
        decide(make_facts(name), SNAPSHOT, restricted("fast"))
    assert "allow-list does not hold" in caught.value.reasons[-1].text


def test_a_key_may_be_given_single_models() -> None:
    key = restricted("openrouter:*")
    assert chosen_by(make_facts("openrouter:anthropic/claude-3.5-sonnet:beta"), SNAPSHOT, key)[1] == (
        "openrouter:anthropic/claude-3.5-sonnet:beta"
    )


def test_an_explicit_model_needs_no_route() -> None:
    decision = decide(make_facts("ollama:qwen2.5-coder:latest"), SNAPSHOT)
    assert [each.name for each in decision.attempts] == ["ollama: qwen2.5-coder:latest"]


def test_without_a_default_the_error_for_an_unknown_name_lists_the_routes() -> None:
    with pytest.raises(NoSuchRoute, match="one, two"):
        decide(make_facts("gpt-x"), make_snapshot(route("one"), route("two")))


TAG = "<CCR-SUBAGENT-MODEL>ollama,qwen2.5-coder:latest</CCR-SUBAGENT-MODEL>"


def _block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


TAGGED: list[dict[str, Any]] = [
    {"system": TAG + "You are a helper.", "messages": [{"role": "user", "content": "Hi"}]},
    {"system": [_block(TAG + "One."), _block("Two.")], "messages": []},
    {"system": [_block("One."), _block(TAG + "Two.")], "messages": []},
    {"system": [_block("One."), _block("Two."), _block("Three. " + TAG)], "messages": []},
    {"messages": [{"role": "user", "content": TAG + "Hi"}]},
    {"messages": [{"role": "user", "content": [_block("Hi"), _block(TAG)]}]},
    {
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": [_block(TAG + "Go on")]},
        ]
    },
]


@pytest.mark.parametrize("request_body", TAGGED, ids=range(len(TAGGED)))
def test_a_subagent_tag_is_found_wherever_it_stands_and_removed(request_body: dict[str, Any]) -> None:
    known = facts_of({"model": "claude-sonnet-5-5", **request_body})
    assert chosen_by(known, SNAPSHOT) == ("subagent_tag", "ollama:qwen2.5-coder:latest")
    before = str(request_body)
    cleaned = without_subagent_tags(request_body)
    assert "CCR-SUBAGENT-MODEL" not in str(cleaned)
    assert str(request_body) == before
    assert len(str(cleaned)) == len(before) - len(TAG)


def test_a_tag_in_the_third_user_message_is_somebodys_text() -> None:
    messages = [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}, {"role": "user", "content": TAG}]
    assert facts_of({"messages": messages}).subagent_tag == ""
    assert without_subagent_tags({"messages": messages}) == {"messages": messages}


def test_a_tag_that_names_nothing_is_passed_over() -> None:
    known = facts_of({"system": "<CCR-SUBAGENT-MODEL>gone,model</CCR-SUBAGENT-MODEL>", "model": "fast"})
    assert chosen_by(known, SNAPSHOT) == ("name", "fast")


def test_a_tag_respects_the_keys_allow_list() -> None:
    with pytest.raises(RouteForbidden):
        decide(facts_of({"system": TAG}), SNAPSHOT, restricted("fast"))
