"""The requests that are sent: a short question, and one of the size and shape of a coding agent's."""

from __future__ import annotations

from typing import Any

import msgspec

Json = dict[str, Any]

_PROSE = (
    "when the queue is empty the reader waits for a writer and then looks again because another reader may have been "
    "quicker so the check stands inside the loop and the lock is held only while the list itself is changed and never "
    "while a file or a socket is waited for"
)
_WORDS = _PROSE.split()
_CACHED = {"type": "ephemeral"}
_SESSION = "11111111-2222-4333-8444-555555555555"


def short(model: str, marker: str, *, stream: bool) -> bytes:
    """A question of one line."""
    return msgspec.json.encode(
        {
            "model": model,
            "max_tokens": 1024,
            "stream": stream,
            "system": "Answer in one paragraph.",
            "messages": [{"role": "user", "content": f"Why is the sky blue? {marker}"}],
        }
    )


def coding_agent(model: str, marker: str, *, stream: bool, size: int = 200_000) -> bytes:
    """A turn of a long coding session in about `size` bytes: system blocks, tools, and a history of tool calls."""
    ending = {"type": "text", "text": f"Now fix the failing test. {marker}", "cache_control": _CACHED}
    body: Json = {
        "model": model,
        "max_tokens": 32_000,
        "stream": stream,
        "metadata": {"user_id": msgspec.json.encode({"device_id": "0" * 64, "session_id": _SESSION}).decode()},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "system": [
            {"type": "text", "text": _prose(60, 0)},
            {"type": "text", "text": _prose(9_000, 1), "cache_control": _CACHED},
        ],
        "tools": [_tool(number) for number in range(24)],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": _prose(4_000, 2)}, {"type": "text", "text": "Go."}]}
        ],
    }
    messages: list[Json] = body["messages"]
    length = len(msgspec.json.encode(body)) + len(msgspec.json.encode(ending)) + 40
    number = 0
    while length < size:
        turn = _turn(number, min(3_000, max(0, size - length - 500)))
        messages += turn
        length += len(msgspec.json.encode(turn))
        number += 1
    messages[-1]["content"].append(ending)
    return msgspec.json.encode(body)


def _prose(length: int, seed: int) -> str:
    """Words and line ends, `length` characters, another text for each seed."""
    words: list[str] = []
    at, total = seed * 5, 0
    while total <= length:
        word = _WORDS[at % len(_WORDS)]
        words.append(word + "\n" if at % 13 == 0 else word)
        total += len(words[-1]) + 1
        at += 1 + (at + seed) % 3
    return " ".join(words)[:length]


def _tool(number: int) -> Json:
    properties: Json = {
        "path": {"type": "string", "description": _prose(90, number)},
        "pattern": {"type": "string", "description": _prose(120, number + 1)},
        "limit": {"type": "integer", "minimum": 1, "description": _prose(70, number + 2)},
        "mode": {"type": "string", "enum": ["content", "names", "count"]},
        "edits": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"before": {"type": "string"}, "after": {"type": "string"}},
                "required": ["before", "after"],
            },
        },
    }
    return {
        "name": f"Tool{number}",
        "description": _prose(1_100, number),
        "input_schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": properties,
            "required": ["path", "pattern"],
            "additionalProperties": False,
        },
    }


def _turn(number: int, result_length: int) -> list[Json]:
    """The assistant's call of a tool, with a word before it, and the tool's result."""
    identity = f"toolu_{number:024d}"
    return [
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": _prose(160, number)},
                {
                    "type": "tool_use",
                    "id": identity,
                    "name": f"Tool{number % 24}",
                    "input": {"path": f"/src/module_{number}.py", "pattern": _prose(60, number), "limit": 20},
                },
            ],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": identity, "content": _prose(result_length, number + 3)}],
        },
    ]
