"""What the openai_chat dialect changes around a conversation (limits, thinking, tools, schemas), and its codes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.claude.claude_blocks import Json, assistant, result, use, user
from tests.claude.openai_chat import at, outcome
from tests.claude.wire import make_call, sent

HELLO = user("Hello")
READ: Json = {"name": "Read", "input_schema": {"type": "object", "properties": {}}}
LONG: Json = {"name": "mcp__" + "long_" * 20, "input_schema": {"type": "object", "properties": {}}}
SEARCH: Json = {"type": "web_search_20250305", "name": "web_search"}
CALLED = [HELLO, assistant(use("t1")), user(result("t1"))]
STRICT: Json = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
ON: Json = {"thinking": {"type": "adaptive"}}
FORCED: Json = {"tools": [READ], "tool_choice": {"type": "tool", "name": "Read"}}
AT: dict[str, Any] = {"capabilities": ["thinking"]}


def wants(schema: Json) -> Json:
    """A request for an answer that follows a schema."""
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}


# What is asked, of whom, what of it goes out (None: nothing under that name), and the codes.
CASES: dict[str, tuple[Json, dict[str, Any], Json, list[str]]] = {
    # 5 Choice
    "a forced tool": (FORCED, at("openai"), {"tool_choice": {"type": "function", "function": {"name": "Read"}}}, []),
    "a forced tool where the choice is a word": (
        FORCED,
        at("llamacpp"),
        {
            "tool_choice": "required",
            "messages": [
                {
                    "role": "user",
                    "content": "Hello\n\n<system-reminder>\nAnswer with a call of the tool Read.\n</system-reminder>",
                }
            ],
        },
        ["tool_choice_told"],
    ),
    "a forced tool where there is no choice": (FORCED, at("ollama"), {"tool_choice": None}, ["tool_choice_told"]),
    "any tool where there is no such choice": (
        {"tools": [READ], "tool_choice": {"type": "any"}},
        at("zhipu"),
        {
            "tool_choice": None,
            "tool_stream": True,
            "messages": [
                {"role": "user", "content": "Hello"},
                {
                    "role": "user",
                    "content": "<system-reminder>\nAnswer with a call of one of your tools.\n</system-reminder>",
                },
            ],
        },
        ["tool_choice_told"],
    ),
    "no tool where there is no such choice": (
        {"tools": [READ], "tool_choice": {"type": "none"}},
        at("ollama"),
        {"tools": None, "tool_choice": None},
        ["tool_choice_dropped"],
    ),
    "a tool that is not offered": (
        {"tools": [READ], "tool_choice": {"type": "tool", "name": "Gone"}},
        at("openai"),
        {"tool_choice": None},
        ["tool_choice_dropped"],
    ),
    "one call at a time": (
        {"tools": [READ], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        at("openai"),
        {"tool_choice": "auto", "parallel_tool_calls": False},
        [],
    ),
    "one call at a time where it cannot be said": (
        {"tools": [READ], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        at("deepseek"),
        {"parallel_tool_calls": None},
        ["parallel_control_dropped"],
    ),
    "one call at a time of a model that refuses the field": (
        {"tools": [READ], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        at("openai", model="o3"),
        {"parallel_tool_calls": None},
        ["parallel_control_dropped"],
    ),
    # 6 Limits
    "more output than the model has": (
        {"max_tokens": 128000},
        at("openrouter", max_output=8192),
        {"max_tokens": 8192},
        ["max_tokens_lowered"],
    ),
    "more output than the window holds": (
        {"max_tokens": 32000},
        at("openai", context_window=40000, input_estimate=30000),
        {"max_completion_tokens": 10000},
        ["max_tokens_lowered"],
    ),
    "sampling of a model that refuses it": (
        {"temperature": 1},
        at("openai", model="gpt-5"),
        {"temperature": None},
        ["sampling_dropped"],
    ),
    "top_k where it is unknown": (
        {"temperature": 0.5, "top_k": 5},
        at("openai"),
        {"temperature": 0.5, "top_k": None},
        ["sampling_dropped"],
    ),
    "top_k where it is known": ({"top_k": 5}, at("vllm"), {"top_k": 5}, []),
    "who is asking, hashed": (
        {"metadata": {"user_id": "u"}},
        at("openai"),
        {"safety_identifier": "0bfe935e70c321c7ca3afc75ce0d0ca2", "metadata": None},
        ["user_id_hashed"],
    ),
    "who is asking, where it cannot be said": (
        {"metadata": {"user_id": "u"}},
        at("deepseek"),
        {"user": None},
        ["field_dropped"],
    ),
    # 7 Thinking
    "an effort in the model's own word": (
        {**ON, "output_config": {"effort": "low"}},
        at("openai", model="gpt-5"),
        {"reasoning_effort": "low"},
        [],
    ),
    "an effort beyond the model's": (
        {**ON, "output_config": {"effort": "max"}},
        at("openai", model="gpt-5.2"),
        {"reasoning_effort": "xhigh"},
        ["effort_changed"],
    ),
    "a budget as a word": (
        {"thinking": {"type": "enabled", "budget_tokens": 4000}},
        at("groq", model="openai/gpt-oss-120b"),
        {"reasoning_effort": "medium"},
        ["effort_changed"],
    ),
    "a budget as a budget": (
        {"thinking": {"type": "enabled", "budget_tokens": 4000}},
        at("openrouter"),
        {"reasoning": {"max_tokens": 4000}},
        [],
    ),
    "an effort where there is only a switch": (
        {**ON, "output_config": {"effort": "low"}},
        at("zhipu", model="glm-5"),
        {"thinking": {"type": "enabled", "clear_thinking": False}, "reasoning_effort": None},
        ["effort_changed"],
    ),
    "thinking of a chat template": (
        {"thinking": {"type": "disabled"}},
        at("sglang", **AT),
        {"chat_template_kwargs": {"enable_thinking": False, "thinking": False}},
        [],
    ),
    "no thinking of a model that always thinks": (
        {"thinking": {"type": "disabled"}},
        at("openai", model="o3"),
        {"reasoning_effort": "low"},
        ["effort_changed"],
    ),
    "thinking of a model that is not said to": (ON, at("generic"), {}, ["thinking_control_dropped"]),
    "thinking where it cannot be asked for": (ON, at("mistral", **AT), {}, ["thinking_control_dropped"]),
    "tools and thinking of the newer models": (
        {**ON, "output_config": {"effort": "high"}, "tools": [READ]},
        at("openai", model="gpt-5.4"),
        {"reasoning_effort": "none"},
        ["effort_changed"],
    ),
    # 8 Schemas
    "a strict schema": (wants(STRICT), at("openai"), {}, []),
    "a schema that is not strict": (wants({"type": "object"}), at("openai"), {}, ["schema_not_strict"]),
    "a schema in words": (
        wants(STRICT),
        at("groq"),
        {
            "response_format": None,
            "messages": [
                {
                    "role": "system",
                    "content": "Answer with one JSON object that follows this JSON schema: "
                    '{"type":"object","properties":{},"required":[],"additionalProperties":false}',
                },
                {"role": "user", "content": "Hello"},
            ],
        },
        ["schema_told"],
    ),
    "a schema in words, JSON by field": (
        wants(STRICT),
        at("qwen"),
        {"response_format": {"type": "json_object"}},
        ["schema_told"],
    ),
    # 10 Tools
    "a long name": ({"tools": [LONG]}, at("openai"), {}, ["tool_renamed"]),
    "a long name where names may be long": ({"tools": [LONG]}, at("vllm"), {}, []),
    "fields of Claude's tools": ({"tools": [{**READ, "strict": True}]}, at("openai"), {}, ["tool_fields_dropped"]),
    "a deferred tool": (
        {"tools": [{**READ, "defer_loading": True}]},
        at("openai"),
        {"tools": None},
        ["tool_deferred"],
    ),
    # 11 Server tools
    "a search within a search": (
        {"tools": [SEARCH], "tool_choice": {"type": "tool", "name": "web_search"}},
        at("openai"),
        {"tools": None, "tool_choice": None},
        ["server_tool_dropped"],
    ),
    "fields of Claude's alone": (
        {"context_management": {"edits": []}, "speed": "fast"},
        at("openai"),
        {"context_management": None, "speed": None},
        ["field_dropped"],
    ),
    "betas": ({}, at("openai", client_headers={"anthropic-beta": "x"}), {}, ["beta_dropped"]),
    # 12 Tool history without tools
    "definitions made of the history": (
        {"messages": CALLED},
        at("litellm"),
        {
            "tools": [
                {"type": "function", "function": {"name": "Read", "parameters": {"type": "object", "properties": {}}}}
            ],
            "tool_choice": "none",
        },
        ["tools_restored"],
    ),
    "no definitions where none are needed": ({"messages": CALLED}, at("openai"), {"tools": None}, []),
}


@pytest.mark.parametrize(("asked", "options", "out", "codes"), CASES.values(), ids=CASES)
def test_what_goes_out_and_what_is_noted(asked: Json, options: dict[str, Any], out: Json, codes: list[str]) -> None:
    body, noted = outcome({"messages": [HELLO], **asked}, options)
    assert {name: body.get(name) for name in out} == out
    assert noted == codes


@pytest.mark.parametrize(
    ("profile", "model", "taken", "unsent"),
    [
        ("openai", "gpt-4.1", ["a", "b", "c", "d"], ("e", "f")),
        ("openai", "gpt-5", None, ("a", "b", "c", "d", "e", "f")),
        ("xai", "grok-4", None, ("a", "b", "c", "d", "e", "f")),
        ("zhipu", "glm-5", ["a"], ("b", "c", "d", "e", "f")),
        ("deepseek", "deepseek-v4-pro", ["a", "b", "c", "d", "e", "f"], ()),
        ("llamacpp", "m", ["a", "b", "c", "d", "e", "f"], ()),
    ],
)
def test_stop_sequences_that_cannot_be_sent_are_left_to_the_gateway(
    profile: str, model: str, taken: list[str] | None, unsent: tuple[str, ...]
) -> None:
    stops = ["a", "b", "c", "", "d", "e", "f"]
    call = make_call("openai_chat", {"messages": [HELLO], "stop_sequences": stops}, profile=profile, model=model)
    request = sent(call)
    assert msgspec.json.decode(request.body).get("stop") == taken
    assert request.unsent_stops == unsent
    assert list(call.notes) == (["stop_sequences_matched_here"] if unsent else [])
