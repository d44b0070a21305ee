"""Two turns of a conversation of Claude Code's shape: the second request begins with the bytes of the first.

Every provider's prompt cache is a cache of prefixes: one byte that moves costs the whole conversation again.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from providers.dialects.openai_chat import OpenAIChatDialect
from tests.claude.claude_blocks import BILLING_TEXT, MARK, Json, assistant, result, text, use, user
from tests.claude.openai_chat import OPENAI, make_call

SESSION = "5f0c1f6e-1111-4222-8333-444455556666"
ENVIRONMENT = "# Environment\nYou work in /home/dev/project on Linux.\n" + "- a fact of it\n" * 50
REMINDER = "<system-reminder>\nThe project's conventions are in CONTRIBUTING.md.\n</system-reminder>\n"


def tool(name: str, **fields: Any) -> Json:
    """A tool of Claude Code's kind."""
    properties = {"command": {"type": "string", "description": "what to run"}, "timeout": {"type": "number"}}
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": properties}
    return {"name": name, "description": f"{name} does its work.", "input_schema": {**schema, "required": []}, **fields}


def request(build: str, *messages: Json) -> Json:
    """A request of Claude Code 2.1.330 with these messages; `build` is what changes in its billing header."""
    system = [
        text(BILLING_TEXT.replace("abc", build)),
        text("You are a coding agent for the command line.", **MARK),
        text("\nHelp the user with the project.", **MARK),
    ]
    return {
        "model": "claude-opus-5-5",
        "messages": list(messages),
        "system": system,
        "tools": [tool("Bash"), tool("ToolSearch"), tool("DeferredToolPlaceholder", defer_loading=True), tool("Write")],
        "metadata": {"user_id": f'{{"device_id":"{"0" * 64}","account_uuid":"","session_id":"{SESSION}"}}'},
        "max_tokens": 128000,
        "thinking": {"type": "adaptive", "display": "omitted"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "output_config": {"effort": "medium"},
        "stream": True,
    }


ASKED = user(text(REMINDER), text("Run the tests and say what fails."))
# The same words: blocks with a cache mark in the first turn, a plain string in all later ones.
FIRST = request(
    "d01", ASKED, {"role": "system", "content": [text(ENVIRONMENT, **MARK)], "output_config": {"effort": "medium"}}
)
THEN: Json = {"role": "system", "content": ENVIRONMENT, "output_config": {"effort": "medium"}}
CALLED = assistant(
    {"type": "thinking", "thinking": "Both at once.", "signature": "c2ln"},
    text("I run two."),
    use("toolu_01A", "Bash", timeout=5, command="make test", description="Run"),
    use("toolu_01B", "Bash", command="git status"),
)
SECOND = request(
    "e02",
    ASKED,
    THEN,
    CALLED,
    user(result("toolu_01B", "clean", is_error=False), result("toolu_01A", "1 failed", **MARK)),
)
THIRD = request(
    "f03",
    ASKED,
    THEN,
    CALLED,
    user(result("toolu_01B", "clean", is_error=False), result("toolu_01A", [text("1 failed")])),
    assistant(text("One test fails.")),
    user(text("Fix it.", **MARK)),
)


def upstream_bytes(body: Json, **options: Any) -> bytes:
    """What goes out, without the two brackets at the end."""
    sent = OpenAIChatDialect().request(make_call(body, session_id=SESSION, max_output=32000, **options)).body
    assert sent.endswith(b"]}")
    return sent[:-2]


@pytest.mark.parametrize(
    "options",
    [
        {"url": OPENAI, "model": "gpt-5"},
        {"url": "https://api.deepseek.com/v1", "model": "deepseek-reasoner", "capabilities": ["thinking"]},
        {"url": "https://openrouter.ai/api/v1", "model": "z-ai/glm-5"},
        {"url": "http://127.0.0.1:8000/v1", "model": "qwen"},
    ],
    ids=["openai", "deepseek", "openrouter", "local"],
)
def test_a_longer_conversation_begins_with_the_bytes_of_the_shorter(options: dict[str, Any]) -> None:
    first, second, third = (upstream_bytes(body, **options) for body in (FIRST, SECOND, THIRD))
    assert second.startswith(first)
    assert third.startswith(second)


def test_where_cache_marks_are_kept_only_the_marks_move() -> None:
    def unmarked(body: Json) -> bytes:
        sent = upstream_bytes(body, url="https://openrouter.ai/api/v1", model="anthropic/claude-opus-5.5")
        assert b'"cache_control":{"type":"ephemeral"}' in sent
        return sent.replace(b',"cache_control":{"type":"ephemeral"}', b"")

    first, second, third = map(unmarked, (FIRST, SECOND, THIRD))
    assert second.startswith(first)
    assert third.startswith(second)


def test_nothing_of_claude_code_alone_is_told() -> None:
    sent = upstream_bytes(THIRD, url=OPENAI, model="gpt-5")
    for word in (
        b"billing",
        b"clear_thinking",
        b"cache_control",
        b"DeferredTool",
        b"adaptive",
        b"$schema",
        b"00000000",
    ):
        assert word not in sent


def test_the_request_is_left_as_it_was() -> None:
    body = copy.deepcopy(THIRD)
    upstream_bytes(body, url="https://openrouter.ai/api/v1", model="anthropic/claude-opus-5.5")
    assert body == THIRD
