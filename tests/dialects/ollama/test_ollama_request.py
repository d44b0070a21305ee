"""What goes out to Ollama: the table of request fields, each with the codes that it leaves in the fidelity report."""

from __future__ import annotations

from typing import Any

import pytest

from providers.fidelity import Fidelity
from tests.claude.claude_blocks import MARK, Json, user
from tests.claude.wire import make_call, sent, sent_body

TOOL: Json = {"name": "Read", "description": "Reads.", "input_schema": {"type": "object", "properties": {}}}
READ: Json = {
    "type": "function",
    "function": {"name": "Read", "description": "Reads.", "parameters": {"type": "object", "properties": {}}},
}


def outcome(model: str = "qwen3:8b", *, call: Json | None = None, **body: Any) -> tuple[Json, set[str]]:
    """The JSON that goes out for a request with these fields, and the codes noted."""
    made = make_call("ollama", {"messages": [user("Hi")], **body}, model=model, **(call or {}))
    out = sent_body(made)
    return out, set(made.notes)


def test_the_least_request() -> None:
    out, codes = outcome(call={"url": "http://localhost:11434"})
    assert out == {
        "model": "qwen3:8b",
        "stream": True,
        "truncate": False,
        "shift": False,
        "messages": [{"role": "user", "content": "Hi"}],
    }
    assert codes == set()


def test_path_and_headers() -> None:
    call = make_call("ollama", {"messages": [user("Hi")]}, secret="k-1", headers=(("X-Title", "ours"),))
    request = sent(call)
    assert request.path == "/api/chat"
    assert dict(request.headers) == {
        "content-type": "application/json",
        "accept": "application/x-ndjson",
        "authorization": "Bearer k-1",
        "x-title": "ours",
    }
    assert "authorization" not in dict(sent(make_call("ollama", {"messages": [user("Hi")]})).headers)
    assert request.unsent_stops == ()


@pytest.mark.parametrize(
    ("body", "call", "options", "codes"),
    [
        ({}, {"context_window": 32768}, {"num_ctx": 32768}, set()),
        ({"max_tokens": 100}, {}, {"num_predict": 100}, set()),
        ({"max_tokens": 32000}, {"max_output": 8192}, {"num_predict": 8192}, {Fidelity.MAX_TOKENS_LOWERED}),
        (
            {"max_tokens": 32000},
            {"context_window": 16384, "input_estimate": 16000},
            {"num_ctx": 16384, "num_predict": 384},
            {Fidelity.MAX_TOKENS_LOWERED},
        ),
        ({"temperature": 0.2, "top_p": 0.9, "top_k": 40}, {}, {"temperature": 0.2, "top_p": 0.9, "top_k": 40}, set()),
        ({"temperature": "hot", "top_k": True}, {}, None, set()),
        ({"stop_sequences": ["a", "b", "c", "d", "e", "", 7]}, {}, {"stop": ["a", "b", "c", "d", "e"]}, set()),
        ({"options": {"seed": 7, "num_ctx": 99}}, {"context_window": 32768}, {"num_ctx": 99, "seed": 7}, set()),
    ],
)
def test_options(body: Json, call: Json, options: Json | None, codes: set[str]) -> None:
    out, noted = outcome(call=call, **body)
    assert out.get("options") == options
    assert noted == codes


def test_fields_that_are_not_claudes_are_for_ollama() -> None:
    assert outcome(keep_alive="1h")[0]["keep_alive"] == "1h"


ON: Json = {"type": "adaptive"}
THINKS: Json = {"capabilities": ["thinking"]}


@pytest.mark.parametrize(
    ("model", "call", "body", "think", "codes"),
    [
        ("qwen3:8b", THINKS, {}, None, set()),
        ("qwen3:8b", THINKS, {"thinking": ON}, True, set()),
        ("qwen3:8b", THINKS, {"thinking": {"type": "enabled", "budget_tokens": 9000}}, True, {Fidelity.EFFORT_CHANGED}),
        ("qwen3:8b", THINKS, {"thinking": {"type": "disabled"}}, False, set()),
        ("qwen3:8b", THINKS, {"thinking": ON, "output_config": {"effort": "low"}}, True, {Fidelity.EFFORT_CHANGED}),
        ("gemma3:4b", {}, {"thinking": ON}, None, {Fidelity.THINKING_CONTROL_DROPPED}),
        ("gemma3:4b", {}, {"thinking": {"type": "disabled"}}, None, set()),
        ("gpt-oss:20b", THINKS, {}, None, set()),
        ("gpt-oss:20b", THINKS, {"thinking": ON}, "medium", set()),
        ("gpt-oss:20b", THINKS, {"thinking": {"type": "enabled", "budget_tokens": 1024}}, "low", set()),
        ("ours/gpt-oss", THINKS, {"output_config": {"effort": "high"}}, "high", set()),
        ("gpt-oss:120b-cloud", THINKS, {"output_config": {"effort": "max"}}, "high", {Fidelity.EFFORT_CHANGED}),
        ("gpt-oss:20b", THINKS, {"output_config": {"effort": "odd"}}, "medium", {Fidelity.EFFORT_CHANGED}),
        ("gpt-oss:20b", THINKS, {"thinking": {"type": "disabled"}}, "low", {Fidelity.THINKING_CONTROL_DROPPED}),
    ],
)
def test_thinking(model: str, call: Json, body: Json, think: Any, codes: set[str]) -> None:
    out, noted = outcome(model, call=call, **body)
    assert out.get("think") == think
    assert noted == codes


@pytest.mark.parametrize(
    ("choice", "offered", "words", "codes"),
    [
        (None, True, None, set()),
        ({"type": "auto"}, True, None, set()),
        ({"type": "none"}, False, None, set()),
        (
            {"type": "any"},
            True,
            "Answer by calling one of your tools, not with text alone.",
            {Fidelity.TOOL_CHOICE_WORDED},
        ),
        (
            {"type": "tool", "name": "Read"},
            True,
            "Answer by calling the tool Read, not with text alone.",
            {Fidelity.TOOL_CHOICE_WORDED},
        ),
        ({"type": "tool", "name": "Gone"}, True, None, set()),
        ({"type": "auto", "disable_parallel_tool_use": True}, True, None, {Fidelity.PARALLEL_CONTROL_DROPPED}),
    ],
)
def test_tool_choice_is_put_into_words(choice: Json | None, offered: bool, words: str | None, codes: set[str]) -> None:
    out, noted = outcome(tools=[TOOL], system="Be brief.", tool_choice=choice)
    assert out.get("tools") == ([READ] if offered else None)
    system = "Be brief." if words is None else f"Be brief.\n\n{words}"
    assert out["messages"][0] == {"role": "system", "content": system}
    assert "tool_choice" not in out
    assert noted == codes


def test_a_tool_choice_without_tools_says_nothing() -> None:
    out, codes = outcome(tools=[{"type": "web_search_20250305", "name": "web_search"}], tool_choice={"type": "any"})
    assert [message["role"] for message in out["messages"]] == ["user"]
    assert "tools" not in out
    assert codes == {Fidelity.SERVER_TOOL_DROPPED}


def test_schemas_are_sent_in_the_types_that_ollama_reads() -> None:
    schema = {
        "$schema": "x",
        "type": "object",
        "properties": {
            "any": True,
            "deep": {"type": "object", "properties": {"x": False}, "anyOf": [{"type": "string"}, True]},
            "kind": {"type": ["string", "null"], "enum": ["a", None]},
        },
        "required": ["any"],
        "additionalProperties": False,
    }
    out, codes = outcome(tools=[{"name": "T", "input_schema": schema, "strict": True}])
    assert out["tools"][0]["function"]["parameters"] == {
        "type": "object",
        "properties": {
            "any": {},
            "deep": {"type": "object", "properties": {"x": {}}, "anyOf": [{"type": "string"}]},
            "kind": {"type": ["string", "null"], "enum": ["a", None]},
        },
        "required": ["any"],
        "additionalProperties": False,
    }
    assert codes == {Fidelity.TOOL_SCHEMA_SIMPLIFIED, Fidelity.TOOL_FIELDS_DROPPED}


def test_an_output_schema_is_the_format() -> None:
    schema = {"$schema": "x", "type": "object", "properties": {"a": {"type": "integer"}}}
    out, codes = outcome(output_config={"format": {"type": "json_schema", "schema": schema}})
    assert out["format"] == {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert codes == set()


def test_what_is_claudes_alone_is_noted() -> None:
    body: Json = {
        "system": [{"type": "text", "text": "Be brief.", **MARK}],
        "container": "c",
        "metadata": {"user_id": "u"},
    }
    out, codes = outcome(call={"client_headers": {"anthropic-beta": "x-1"}}, **body)
    assert out["messages"][0] == {"role": "system", "content": "Be brief."}
    assert codes == {Fidelity.CACHE_CONTROL_DROPPED, Fidelity.FIELD_DROPPED, Fidelity.BETA_DROPPED}
