"""The tools of an openai_chat request: which are offered, under which name, with which schema, and the choice."""

from __future__ import annotations

from typing import Any

import pytest

from tests.claude.openai_chat import upstream_body

HELLO = [{"role": "user", "content": "Hello"}]
SCHEMA = {"type": "object", "properties": {"p": {"type": "string"}}}
READ = {"name": "Read", "description": "Reads.", "input_schema": SCHEMA}
GREP = {"name": "Grep", "input_schema": SCHEMA}
SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}
LATER = {"name": "Later", "input_schema": SCHEMA, "defer_loading": True}


def sent(tools: list[Any], messages: list[Any] | None = None, **fields: Any) -> dict[str, Any]:
    """The upstream body of a request with these tools."""
    return upstream_body({"messages": messages or HELLO, "tools": tools, **fields})


def names(body: dict[str, Any]) -> list[str]:
    """The names of the tools that are offered upstream."""
    return [tool["function"]["name"] for tool in body.get("tools", [])]


def test_a_tool_and_nothing_that_only_claude_knows() -> None:
    tool = {
        **READ,
        "type": "custom",
        "cache_control": {"type": "ephemeral"},
        "strict": True,
        "eager_input_streaming": True,
        "input_examples": [{"p": "x"}],
        "allowed_callers": ["direct"],
    }
    function = {"name": "Read", "description": "Reads.", "parameters": SCHEMA}
    assert sent([tool])["tools"] == [{"type": "function", "function": function}]


@pytest.mark.parametrize(
    ("schema", "parameters"),
    [
        ({"$schema": "https://json-schema.org/draft/2020-12/schema", **SCHEMA}, SCHEMA),
        ({"properties": {"a": {}}}, {"properties": {"a": {}}, "type": "object"}),
        ({"type": "object"}, {"type": "object", "properties": {}}),
        ({}, {"type": "object", "properties": {}}),
        (None, {"type": "object", "properties": {}}),
        (
            {"type": "object", "properties": {"$schema": {"type": "string"}}, "additionalProperties": False},
            {"type": "object", "properties": {"$schema": {"type": "string"}}, "additionalProperties": False},
        ),
    ],
)
def test_a_schema_is_repaired(schema: Any, parameters: dict[str, Any]) -> None:
    assert sent([{"name": "f", "input_schema": schema}])["tools"][0]["function"]["parameters"] == parameters


@pytest.mark.parametrize(
    ("choice", "fields"),
    [
        (None, {}),
        ({"type": "auto"}, {"tool_choice": "auto"}),
        ({"type": "any"}, {"tool_choice": "required"}),
        ({"type": "none"}, {"tool_choice": "none"}),
        ({"type": "tool", "name": "Grep"}, {"tool_choice": {"type": "function", "function": {"name": "Grep"}}}),
        ({"type": "tool", "name": "web_search"}, {}),
        ({"type": "tool"}, {}),
        (
            {"type": "auto", "disable_parallel_tool_use": True},
            {"tool_choice": "auto", "parallel_tool_calls": False},
        ),
        ({"type": "auto", "disable_parallel_tool_use": False}, {"tool_choice": "auto"}),
        ({"type": ["odd"]}, {}),
    ],
)
def test_the_choice(choice: Any, fields: dict[str, Any]) -> None:
    body = sent([READ, GREP, SEARCH], tool_choice=choice)
    assert {name: body[name] for name in ("tool_choice", "parallel_tool_calls") if name in body} == fields


def test_tools_that_anthropic_runs_are_not_offered() -> None:
    assert names(sent([SEARCH, READ, {"type": "bash_20250124", "name": "bash"}])) == ["Read"]


def test_without_a_tool_left_there_is_no_choice_either() -> None:
    choice = {"type": "tool", "name": "web_search", "disable_parallel_tool_use": True}
    body = sent([SEARCH], tool_choice=choice)
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & body.keys()


REFERENCE = {"type": "tool_reference", "tool_name": "Later"}


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [REFERENCE]}]}],
        [
            {
                "role": "user",
                "content": [{"type": "tool_search_tool_result", "content": {"tool_references": [REFERENCE]}}],
            }
        ],
        [{"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "Later", "input": {}}]}],
    ],
    ids=["referenced", "found by Anthropic's search", "called"],
)
def test_a_deferred_tool_is_offered_once_it_was_loaded(messages: list[Any]) -> None:
    assert names(sent([READ, LATER])) == ["Read"]
    assert names(sent([READ, LATER], [*HELLO, *messages])) == ["Read", "Later"]


def test_a_deferred_tool_that_must_be_called_is_offered() -> None:
    assert names(sent([LATER], tool_choice={"type": "tool", "name": "Later"})) == ["Later"]


def test_long_names_are_cut_apart_and_the_same_everywhere() -> None:
    one, other = ("mcp__server__" + "long_name_" * 8 + end for end in ("one", "other"))
    call = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": one, "input": {}}]}
    tools = [{"name": one, "input_schema": SCHEMA}, {"name": other, "input_schema": SCHEMA}]
    body = sent(tools, [*HELLO, call], tool_choice={"type": "tool", "name": one})
    first, second = names(body)
    assert first != second
    assert (len(first), len(second)) == (64, 64)
    assert body["messages"][1]["tool_calls"][0]["function"]["name"] == first
    assert body["tool_choice"]["function"]["name"] == first


@pytest.mark.parametrize(
    "odd", [None, "Read", 3, {}, {"name": ""}, {"name": ["x"]}, {"name": None, "input_schema": {}}]
)
def test_what_is_no_tool_is_left_out(odd: Any) -> None:
    assert names(sent([odd, READ])) == ["Read"]


@pytest.mark.parametrize("tools", [None, "x", {}, 3])
def test_tools_that_are_no_list(tools: Any) -> None:
    assert "tools" not in upstream_body({"messages": HELLO, "tools": tools, "tool_choice": {"type": "any"}})
