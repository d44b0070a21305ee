"""Sample requests, one of each kind that routing distinguishes, in the form that clients of 2026-11 send."""

from __future__ import annotations

from typing import Any, Final

import msgspec

_SONNET, _OPUS, _HAIKU = "claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5"
_CODE = {
    "user-agent": "claude-cli/2.1.330 (external, cli)",
    "x-claude-code-session-id": "00000000-0000-4000-8000-000000000001",
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14,effort-2025-11-24",
}
_BASH = {
    "name": "Bash",
    "description": "Run a command in the shell.",
    "input_schema": {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]},
}
_READ = {
    "name": "Read",
    "description": "Read a file.",
    "input_schema": {"type": "object", "properties": {"file_path": {"type": "string"}}, "required": ["file_path"]},
}
_SYSTEM = [
    {
        "type": "text",
        "text": "You are Claude Code, Anthropic's official CLI for Claude.",
        "cache_control": {"type": "ephemeral"},
    }
]
_DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_SEARCHES = "You are an assistant for performing a web search tool use"


class Sample(msgspec.Struct, frozen=True):
    """A request with its headers. `tokens` is the number of prompt tokens to assume, where the prompt is too short."""

    name: str
    title: str
    body: dict[str, Any]
    headers: dict[str, str] = {}
    tokens: int | None = None

    @property
    def text(self) -> str:
        """The body as indented JSON."""
        return msgspec.json.format(msgspec.json.encode(self.body), indent=2).decode()

    @property
    def header_lines(self) -> str:
        """The headers, one per line."""
        return "\n".join(f"{name}: {value}" for name, value in self.headers.items())


def _request(text: Any, model: str = _SONNET, max_tokens: int = 1024, **fields: Any) -> dict[str, Any]:
    return {
        "model": model,
        "max_tokens": max_tokens,
        "stream": True,
        **fields,
        "messages": [{"role": "user", "content": text}],
    }


_TURN = {
    "model": _OPUS,
    "max_tokens": 64_000,
    "stream": True,
    "system": _SYSTEM,
    "tools": [_BASH, _READ],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "What does this project do?"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look at its files."},
                {"type": "tool_use", "id": "toolu_01", "name": "Bash", "input": {"command": "ls"}},
                {"type": "tool_use", "id": "toolu_02", "name": "Read", "input": {"file_path": "README.md"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_01", "content": "README.md\nsrc"},
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_02",
                    "content": [{"type": "text", "text": "# A calculator"}],
                    "cache_control": {"type": "ephemeral"},
                },
            ],
        },
    ],
}

SAMPLES: Final[tuple[Sample, ...]] = (
    Sample("chat", "Plain chat", _request("Hello! What is the capital of Iceland?")),
    Sample("code", "Claude Code turn", _TURN, _CODE),
    Sample(
        "image",
        "Image",
        _request(
            [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": _DOT}},
                {"type": "text", "text": "What is in this picture?"},
            ]
        ),
    ),
    Sample(
        "search",
        "Web search",
        _request(
            "Perform a web search for the query: weather in Reykjavík",
            system=[{"type": "text", "text": _SEARCHES}],
            tools=[{"type": "web_search_20250305", "name": "web_search", "max_uses": 8}],
            tool_choice={"type": "tool", "name": "web_search"},
        ),
        _CODE,
    ),
    Sample(
        "thinking",
        "Thinking",
        _request(
            "Is 2^61 - 1 a prime number?", max_tokens=16_000, thinking={"type": "enabled", "budget_tokens": 10_000}
        ),
    ),
    Sample("long", "Long context", _request("Summarise the discussion above."), tokens=200_000),
    Sample(
        "subagent",
        "Subagent",
        _request("Find where the router is configured.", max_tokens=32_000, system=_SYSTEM, tools=[_BASH, _READ]),
        {**_CODE, "x-claude-code-agent-id": "ac77e5430b0cc0581"},
    ),
    Sample(
        "structured",
        "Structured output",
        _request(
            "Write a title for a session about a calculator.",
            model=_HAIKU,
            output_config={
                "format": {
                    "type": "json_schema",
                    "schema": {
                        "type": "object",
                        "properties": {"title": {"type": "string"}},
                        "required": ["title"],
                        "additionalProperties": False,
                    },
                }
            },
        ),
        _CODE,
    ),
)
"""In the order in which the page lists them."""


def sample(name: str) -> Sample | None:
    """The sample of a name; None for an unknown one."""
    return next((one for one in SAMPLES if one.name == name), None)
