"""What the openai_chat dialect changes in a conversation: what goes out instead, and the codes that say so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.claude.claude_blocks import BILLING_TEXT, MARK, Json, assistant, result, text, use, user
from tests.claude.openai_chat import at, outcome

HELLO = user("Hello")
READ: Json = {"name": "Read", "input_schema": {"type": "object", "properties": {}}}
CALLED = [HELLO, assistant(use("t1")), user(result("t1"))]
PNG: Json = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}

# What is asked, of whom, what of it goes out (None: nothing under that name), and the codes.
CASES: dict[str, tuple[Json, dict[str, Any], Json, list[str]]] = {
    # 1 System
    "the billing line": (
        {"system": [text(BILLING_TEXT), text("Be brief.")]},
        at("openai"),
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]},
        ["billing_header_dropped"],
    ),
    "a system message in the middle stays": (
        {"messages": [HELLO, {"role": "system", "content": "S"}]},
        at("openai"),
        {"messages": [{"role": "user", "content": "Hello"}, {"role": "system", "content": "S"}]},
        [],
    ),
    "a system message in the middle restated": (
        {"messages": [HELLO, {"role": "system", "content": "S"}]},
        at("mistral"),
        {
            "messages": [
                {"role": "user", "content": "Hello"},
                {"role": "user", "content": "<system-reminder>\nS\n</system-reminder>"},
            ]
        },
        ["system_restated"],
    ),
    "templates that want turns to alternate": (
        {"messages": [HELLO, {"role": "system", "content": "S"}, user(text("Go"), PNG)]},
        at("vllm"),
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        text("Hello\n\n<system-reminder>\nS\n</system-reminder>"),
                        text("Go"),
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                    ],
                }
            ]
        },
        ["system_restated"],
    ),
    # 2 and 3 Results
    "a missing result": (
        {"messages": CALLED[:2]},
        at("openai"),
        {},
        ["result_made_up"],
    ),
    "a result of nothing": (
        {"messages": [user(result("gone", "lost"))]},
        at("openai"),
        {},
        ["result_orphaned"],
    ),
    "a result that is an error": (
        {"messages": [*CALLED[:2], user(result("t1", "no", is_error=True))]},
        at("openai"),
        {},
        ["result_error_worded"],
    ),
    "an image in a result": (
        {"messages": [*CALLED[:2], user(result("t1", [PNG]))]},
        at("openai"),
        {},
        ["media_moved"],
    ),
    "a server whose results nobody may speak after": (
        {"messages": [*CALLED[:2], user(result("t1", "ok"), text("Go on"))]},
        at("mistral"),
        {
            "messages": [
                {"role": "user", "content": "Hello"},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {"id": "628b49d96", "type": "function", "function": {"name": "Read", "arguments": "{}"}}
                    ],
                },
                {"role": "tool", "tool_call_id": "628b49d96", "content": "ok\n\nGo on", "name": "Read"},
            ]
        },
        ["call_id_changed"],
    ),
    # 4 Ids and thinking
    "a call id that is too long": (
        {"messages": [HELLO, assistant(use("x" * 60)), user(result("x" * 60))]},
        at("openai"),
        {},
        ["call_id_changed"],
    ),
    "thinking for a server that takes none": (
        {"messages": [HELLO, assistant({"type": "thinking", "thinking": "Hm", "signature": ""}, text("Hi"))]},
        at("openai", capabilities=["prefill"]),
        {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]},
        ["thinking_dropped"],
    ),
    "redacted thinking": (
        {"messages": [HELLO, assistant({"type": "redacted_thinking", "data": "x"}, text("Hi"))]},
        at("deepseek"),
        {},
        ["thinking_dropped"],
    ),
    # 9 Cache marks
    "cache marks where they work": (
        {"system": [text("S", **MARK)]},
        at("openrouter", model="anthropic/claude-opus-5.5"),
        {},
        [],
    ),
    "cache marks on tools": (
        {"tools": [{**READ, **MARK}]},
        at("openrouter", model="anthropic/claude-opus-5.5"),
        {},
        ["cache_control_dropped"],
    ),
    "cache marks elsewhere": ({"system": [text("S", **MARK)]}, at("openai"), {}, ["cache_control_dropped"]),
}


@pytest.mark.parametrize(("asked", "options", "out", "codes"), CASES.values(), ids=CASES)
def test_what_goes_out_and_what_is_noted(asked: Json, options: dict[str, Any], out: Json, codes: list[str]) -> None:
    body, noted = outcome({"messages": [HELLO], **asked}, options)
    assert {name: body.get(name) for name in out} == out
    assert noted == codes
