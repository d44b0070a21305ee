"""What stands around the conversation: address, headers, tools, limits, sampling, thinking, output format, counting."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from providers.dialects import DIALECTS
from providers.errors import UpstreamError
from tests.claude.wire import make_call, sent, sent_body

HELLO = [{"role": "user", "content": "Hello"}]
SCHEMA = {"type": "object", "properties": {"p": {"type": "string"}}}
PARAMETERS = {"type": "OBJECT", "properties": {"p": {"type": "STRING"}}}
READ = {"name": "Read", "description": "Reads.", "input_schema": SCHEMA}
NOW = {"name": "Now", "input_schema": {"type": "object"}}
LONG = "mcp__" + "a" * 70
ANSWER = {"type": "json_schema", "schema": {"type": "object", "properties": {"a": {"type": "integer"}}}}
THINK: dict[str, Any] = {"thinking": {"type": "adaptive"}}
OFF: dict[str, Any] = {"thinking": {"type": "disabled"}}


def translated(fields: dict[str, Any], **options: Any) -> tuple[dict[str, Any], list[str]]:
    """The upstream body of a request with these fields, and the notes."""
    call = make_call("gemini", {"messages": HELLO, **fields}, **{"model": "gemini-3.8-flash", **options})
    return sent_body(call), list(call.notes)


def test_the_address_and_the_headers() -> None:
    call = make_call(
        "gemini", {"messages": HELLO}, model="models/a b/c", secret="k-1", headers=(("X-Title", "t"), ("Accept", "x/y"))
    )
    request = sent(call)
    assert request.path == "/models/a%20b%2Fc:streamGenerateContent?alt=sse"
    assert dict(request.headers) == {
        "content-type": "application/json",
        "accept": "x/y",
        "x-goog-api-key": "k-1",
        "x-title": "t",
    }


def test_the_conversation_comes_last() -> None:
    request = sent(make_call("gemini", {"messages": HELLO, "system": "S", "tools": [READ], "max_tokens": 5}))
    assert list(msgspec.json.decode(request.body)) == ["generationConfig", "systemInstruction", "tools", "contents"]


@pytest.mark.parametrize(
    ("fields", "options", "config", "notes"),
    [
        ({}, {}, None, []),
        ({"max_tokens": 100}, {}, {"maxOutputTokens": 100}, []),
        ({"max_tokens": 128000}, {"max_output": 65536}, {"maxOutputTokens": 65536}, ["max_tokens_lowered"]),
        (
            {"temperature": 0.5, "top_p": 0.9, "top_k": 40},
            {},
            {"temperature": 0.5, "topP": 0.9, "topK": 40},
            [],
        ),
        ({"temperature": True, "top_p": "x", "stop_sequences": ["", 5]}, {}, None, []),
        ({"stop_sequences": ["a", "b"]}, {}, {"stopSequences": ["a", "b"]}, []),
        (
            {"stop_sequences": list("abcdefg")},
            {},
            {"stopSequences": list("abcde")},
            ["stop_sequences_matched_here"],
        ),
        (
            {"output_config": {"format": ANSWER}},
            {},
            {
                "responseMimeType": "application/json",
                "responseSchema": {"type": "OBJECT", "properties": {"a": {"type": "INTEGER"}}},
            },
            [],
        ),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "string", "format": "uri"}}}},
            {},
            {"responseMimeType": "application/json", "responseSchema": {"type": "STRING"}},
            ["schema_not_strict"],
        ),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
            {},
            {"responseMimeType": "application/json"},
            [],
        ),
        ({"generationConfig": "x", "safetySettings": []}, {}, None, []),
        (
            {"max_tokens": 5, "generationConfig": {"seed": 1}, "foo": 1},
            {},
            {"maxOutputTokens": 5, "seed": 1},
            ["field_dropped"],
        ),
    ],
)
def test_the_generation_config(fields: Any, options: Any, config: Any, notes: list[str]) -> None:
    body, noted = translated(fields, **options)
    assert body.get("generationConfig") == config
    assert noted == notes
    assert "foo" not in body


def test_stops_beyond_five_are_left_to_the_gateway() -> None:
    assert sent(make_call("gemini", {"messages": HELLO, "stop_sequences": list("abcdefg")})).unsent_stops == ("f", "g")


def test_with_tools_an_old_model_gets_the_schema_in_words() -> None:
    fields = {"output_config": {"format": ANSWER}, "tools": [READ], "system": "S"}
    body, notes = translated(fields, model="gemini-2.5-pro")
    assert "generationConfig" not in body
    assert '"integer"' in body["systemInstruction"]["parts"][1]["text"]
    assert notes == ["schema_told"]
    assert "responseSchema" in translated(fields)[0]["generationConfig"]


def effort(word: str) -> dict[str, Any]:
    return {"output_config": {"effort": word}}


def budget(tokens: int) -> dict[str, Any]:
    return {"thinking": {"type": "enabled", "budget_tokens": tokens}}


@pytest.mark.parametrize(
    ("model", "fields", "config", "notes"),
    [
        ("gemini-3.8-flash", {}, None, []),
        ("gemini-3.8-flash", THINK, {"includeThoughts": True}, []),
        ("gemini-3.8-flash", THINK | effort("low"), {"thinkingLevel": "LOW", "includeThoughts": True}, []),
        ("gemini-3.8-flash", effort("medium"), {"thinkingLevel": "MEDIUM"}, []),
        ("gemini-3.8-flash", effort("max"), {"thinkingLevel": "HIGH"}, ["effort_changed"]),
        ("gemini-3.8-flash", effort("xhigh"), {"thinkingLevel": "HIGH"}, ["effort_changed"]),
        ("gemini-3.8-flash", budget(1024), {"thinkingLevel": "LOW", "includeThoughts": True}, []),
        ("gemini-3.8-flash", budget(31999), {"thinkingLevel": "HIGH", "includeThoughts": True}, []),
        ("gemini-3.8-flash", OFF, {"thinkingLevel": "LOW"}, ["effort_changed"]),
        ("gemini-3.5-flash", OFF, {"thinkingLevel": "MINIMAL"}, ["effort_changed"]),
        ("gemini-3.1-flash-lite", OFF, {"thinkingLevel": "MINIMAL"}, ["effort_changed"]),
        ("gemini-3-pro-preview", effort("medium"), {"thinkingLevel": "LOW"}, ["effort_changed"]),
        ("gemini-3.1-pro-preview", effort("medium"), {"thinkingLevel": "MEDIUM"}, []),
        ("gemini-4-argon", effort("high"), {"thinkingLevel": "HIGH"}, []),
        ("gemini-flash-latest", effort("high"), {"thinkingLevel": "HIGH"}, []),
        ("gemini-2.5-flash", {}, None, []),
        ("gemini-2.5-flash", THINK, {"thinkingBudget": -1, "includeThoughts": True}, []),
        ("gemini-2.5-flash", OFF, {"thinkingBudget": 0}, []),
        ("gemini-2.5-flash-lite", OFF, {"thinkingBudget": 0}, []),
        ("gemini-2.5-pro", OFF, {"thinkingBudget": 128}, ["effort_changed"]),
        ("gemini-2.5-pro", budget(10000), {"thinkingBudget": 10000, "includeThoughts": True}, []),
        ("gemini-2.5-pro", budget(63999), {"thinkingBudget": 32768, "includeThoughts": True}, ["effort_changed"]),
        ("gemini-2.5-flash", effort("medium"), {"thinkingBudget": 8192}, []),
        ("gemini-2.5-flash", effort("max"), {"thinkingBudget": 24576}, ["effort_changed"]),
        ("gemini-2.0-flash", THINK, None, ["thinking_control_dropped"]),
        ("gemini-2.0-flash", OFF, None, []),
        ("gemma-3-27b-it", effort("high"), None, ["thinking_control_dropped"]),
    ],
)
def test_how_hard_to_think(model: str, fields: Any, config: Any, notes: list[str]) -> None:
    body, noted = translated(fields, model=model)
    assert body.get("generationConfig", {}).get("thinkingConfig") == config
    assert noted == notes


def test_a_model_whose_row_says_that_it_thinks_is_taken_for_a_new_one() -> None:
    body, notes = translated(THINK | effort("low"), model="our-tuned-model", capabilities=["thinking"])
    assert body["generationConfig"]["thinkingConfig"] == {"thinkingLevel": "LOW", "includeThoughts": True}
    assert notes == []


def test_tools_and_nothing_that_only_claude_knows() -> None:
    tool = {**READ, "type": "custom", "strict": True, "cache_control": {"type": "ephemeral"}, "input_examples": [{}]}
    body, notes = translated({"tools": [tool, NOW]})
    read = {"name": "Read", "description": "Reads.", "parameters": PARAMETERS}
    assert body["tools"] == [{"functionDeclarations": [read, {"name": "Now"}]}]
    assert notes == ["tool_fields_dropped", "cache_control_dropped"]


@pytest.mark.parametrize(
    ("tools", "fields", "names", "notes"),
    [
        ([{"type": "web_search_20250305", "name": "web_search"}], {}, [], ["server_tool_dropped"]),
        ([READ, {**NOW, "defer_loading": True}], {}, ["Read"], ["tool_deferred"]),
        ([{"name": LONG, "input_schema": SCHEMA}], {}, [LONG[:55] + "_206599fe"], ["tool_renamed"]),
        (
            [{**READ, "input_schema": {**SCHEMA, "minProperties": 1, "not": {}}}],
            {},
            ["Read"],
            ["tool_schema_simplified"],
        ),
    ],
)
def test_which_tools(tools: Any, fields: Any, names: list[str], notes: list[str]) -> None:
    body, noted = translated({"tools": tools, **fields})
    offered = [tool["name"] for tool in body["tools"][0]["functionDeclarations"]] if "tools" in body else []
    assert offered == names
    assert all(len(name) <= 64 for name in offered)
    assert noted == notes


@pytest.mark.parametrize(
    ("choice", "config", "notes"),
    [
        ({"type": "auto"}, {"mode": "AUTO"}, []),
        ({"type": "any"}, {"mode": "ANY"}, []),
        ({"type": "none"}, {"mode": "NONE"}, []),
        ({"type": "tool", "name": "Now"}, {"mode": "ANY", "allowedFunctionNames": ["Now"]}, []),
        ({"type": "tool", "name": "Gone"}, None, ["tool_choice_dropped"]),
        ({"type": "auto", "disable_parallel_tool_use": True}, {"mode": "AUTO"}, ["parallel_control_dropped"]),
        (None, None, []),
    ],
)
def test_the_tool_choice(choice: Any, config: Any, notes: list[str]) -> None:
    body, noted = translated({"tools": [READ, NOW], "tool_choice": choice})
    assert body.get("toolConfig") == (None if config is None else {"functionCallingConfig": config})
    assert noted == notes
    assert "toolConfig" not in translated({"tool_choice": choice})[0]


def test_a_transforms_tool_config_is_kept_beside_the_choice() -> None:
    streams = {"functionCallingConfig": {"streamFunctionCallArguments": True}}
    body, notes = translated({"tools": [READ], "tool_choice": {"type": "any"}, "toolConfig": streams})
    assert body["toolConfig"] == {"functionCallingConfig": {"streamFunctionCallArguments": True, "mode": "ANY"}}
    assert translated({"tools": [READ], "toolConfig": {}})[0]["toolConfig"] == {}
    assert "toolConfig" not in translated({"toolConfig": streams})[0]
    assert notes == []


def test_counting_asks_for_the_same_prompt() -> None:
    body = {"messages": HELLO, "system": "S", "tools": [READ], "max_tokens": 5, "temperature": 1}
    counting = DIALECTS["gemini"].count_request(make_call("gemini", body, model="gemini-3.8-flash", secret="k-1"))
    assert counting is not None
    assert counting.path == "/models/gemini-3.8-flash:countTokens"
    assert dict(counting.headers)["x-goog-api-key"] == "k-1"
    assert msgspec.json.decode(counting.body) == {
        "generateContentRequest": {
            "model": "models/gemini-3.8-flash",
            "systemInstruction": {"parts": [{"text": "S"}]},
            "tools": [{"functionDeclarations": [{"name": "Read", "description": "Reads.", "parameters": PARAMETERS}]}],
            "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
        }
    }
    assert counting.read(b'{"totalTokens": 31, "promptTokensDetails": []}') == b'{"input_tokens":31}'
    for answer in (b"", b"[]", b"<html>", b'{"totalTokens": "x"}'):
        with pytest.raises(UpstreamError):
            counting.read(answer)
