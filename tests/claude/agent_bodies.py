"""Request bodies in the shapes that coding agents send, with filler for words: what a gateway meets every day."""

from __future__ import annotations

import json
from typing import Any

_CACHE = {"cache_control": {"type": "ephemeral"}}
_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_PDF = "JVBERi0xLjQKJSVFT0YK"


def _text(text: str, **fields: Any) -> dict[str, Any]:
    return {"type": "text", "text": text, **fields}


def _tool(name: str, **properties: Any) -> dict[str, Any]:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {key: {"type": kind, "description": f"The {key}."} for key, kind in properties.items()},
        "required": list(properties)[:1],
        "additionalProperties": False,
    }
    return {"name": name, "description": f"{name} does its work. " * 40, "input_schema": schema}


TOOLS = [
    _tool("Bash", command="string", description="string", timeout="number"),
    _tool("Read", file_path="string", limit="integer"),
    _tool("Write", file_path="string", content="string"),
    _tool("mcp__a_server_with_a_very_long_name__and_a_tool_whose_name_is_even_longer_than_that", query="string"),
    {"name": "DeferredToolPlaceholder", "description": "", "input_schema": {"type": "object"}, "defer_loading": True},
]


def _body(prompt: str, *later: dict[str, Any], system_as_text: bool, **fields: Any) -> dict[str, Any]:
    environment = "Here is the environment. " * 50
    session = "0f3f9a52-6d6e-4b0e-9d07-1c1f5d2b7a11"
    return {
        "max_tokens": 32000,
        "system": [
            _text("x-anthropic-billing-header: cc_version=2.1.330.dfb; cc_entrypoint=sdk-cli;"),
            _text("You are an agent.", **_CACHE),
            _text("Work carefully. " * 200, **_CACHE),
        ],
        "messages": [
            {"role": "user", "content": [_text("<system-reminder>Mind the rules.</system-reminder>"), _text(prompt)]},
            {"role": "system", "content": environment if system_as_text else [_text(environment, **_CACHE)]},
            *later,
        ],
        "tools": TOOLS,
        "metadata": {"user_id": json.dumps({"device_id": "ab" * 32, "account_uuid": "", "session_id": session})},
        "thinking": {"type": "adaptive", "display": "omitted"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "output_config": {"effort": "medium"},
        "stream": True,
        **fields,
    }


def _call(id: str, name: str, **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": arguments}


def _result(id: str, content: Any, **fields: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id, "content": content, **fields}


def bodies(prompt: str) -> dict[str, dict[str, Any]]:
    """Body by the situation that it comes from, without a model; each of them carries the prompt."""
    bash = {"role": "assistant", "content": [_text("Let me look."), _call("toolu_1", "Bash", command="ls")]}
    thought = {"type": "thinking", "thinking": "Two things to do.", "signature": "not-made-by-claude"}
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": _PNG}}
    pdf = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": _PDF}}
    four = [_call(f"toolu_{n}", "Read", file_path=f"/{n}") for n in range(4)]
    mixed = [
        _result("toolu_2", [image]),
        _result("toolu_0", "plain"),
        _result("toolu_3", "no such file", is_error=True),
        _result("toolu_1", [_text("a"), _text("b")]),
        {**pdf, **_CACHE},
    ]
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}
    title_schema = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    return {
        "first-turn": _body(prompt, system_as_text=False),
        "tool-result": _body(
            prompt, bash, {"role": "user", "content": [_result("toolu_1", "a\nb", is_error=False, **_CACHE)]},
            system_as_text=True,
        ),
        "parallel-and-thinking": _body(
            prompt,
            {"role": "assistant", "content": [thought, _text("Now."), *four[:2]]},
            {"role": "user", "content": [_result("toolu_1", "one"), _result("toolu_0", "null", **_CACHE)]},
            system_as_text=True,
        ),
        "images-and-documents": _body(
            prompt, {"role": "assistant", "content": four}, {"role": "user", "content": mixed}, system_as_text=True
        ),
        "tool-search": _body(
            prompt,
            {"role": "assistant", "content": [_call("toolu_1", "ToolSearch", query="write")]},
            {
                "role": "user",
                "content": [
                    _result("toolu_1", [{"type": "tool_reference", "tool_name": "Write"}]),
                    _text("Tool loaded.", **_CACHE),
                ],
            },
            system_as_text=True,
        ),
        "nested-web-search": {
            **_body(prompt, system_as_text=True, tools=[search], tool_choice={"type": "tool", "name": "web_search"}),
            "thinking": {"type": "disabled"},
        },
        "title": {
            **_body(prompt, system_as_text=True, tools=[]),
            "thinking": {"type": "disabled"},
            "output_config": {"format": {"type": "json_schema", "schema": title_schema}},
        },
        "subagent": {
            **_body(prompt, system_as_text=False, temperature=1, thinking={"type": "enabled", "budget_tokens": 31999}),
        },
    }  # fmt: skip
