"""Two turns of a conversation of Claude Code's shape: the second request begins with the bytes of the first.

Every provider's prompt cache is a cache of prefixes: one byte that moves costs the whole conversation again.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from providers.dialects import DIALECTS
from providers.dialects.openai_chat.profiles import choices
from tests.claude.claude_blocks import Json
from tests.claude.openai_chat import OPENAI
from tests.claude.three_turns import FIRST, SECOND, SESSION, THIRD
from tests.claude.wire import make_call, sent


def upstream_bytes(body: Json, dialect: str = "openai_chat", **options: Any) -> bytes:
    """What goes out, without the brackets that end it."""
    return sent(make_call(dialect, body, session_id=SESSION, max_output=32000, **options)).body.rstrip(b"]}")


# Claude's own dialect sends marks as they stand, which its servers look through.
OTHERS = [name for name in DIALECTS if name != "anthropic"]
PROFILES = [name for name, _ in choices() if name]


@pytest.mark.parametrize(
    ("dialect", "options"),
    [
        *((name, {"capabilities": ["thinking", "tools"]}) for name in OTHERS),
        *(("openai_chat", {"profile": name}) for name in PROFILES),
        *(("openai_chat", {"profile": name, "capabilities": ["thinking"]}) for name in PROFILES),
        ("openai_chat", {"url": OPENAI, "model": "gpt-5"}),
    ],
    ids=str,
)
def test_a_longer_conversation_begins_with_the_bytes_of_the_shorter(dialect: str, options: dict[str, Any]) -> None:
    first, second, third = (upstream_bytes(body, dialect, **options) for body in (FIRST, SECOND, THIRD))
    assert second.startswith(first)
    assert third.startswith(second)


def test_where_cache_marks_are_kept_only_the_marks_move() -> None:
    def unmarked(body: Json) -> bytes:
        marked = sent(make_call("openai_chat", body, profile="openrouter", model="anthropic/claude-opus-5.5")).body
        assert b'"cache_control":{"type":"ephemeral"}' in marked
        return marked.replace(b',"cache_control":{"type":"ephemeral"}', b"").rstrip(b"]}")

    first, second, third = map(unmarked, (FIRST, SECOND, THIRD))
    assert second.startswith(first)
    assert third.startswith(second)


@pytest.mark.parametrize("dialect", OTHERS)
def test_nothing_of_claude_code_alone_is_sent(dialect: str) -> None:
    bodies = upstream_bytes(THIRD, dialect, url=OPENAI, model="gpt-5")
    for word in (
        b"billing",
        b"clear_thinking",
        b"cache_control",
        b"DeferredTool",
        b"adaptive",
        b"$schema",
        b"00000000",
    ):
        assert word not in bodies


def test_the_request_is_left_as_it_was() -> None:
    body = copy.deepcopy(THIRD)
    upstream_bytes(body, url="https://openrouter.ai/api/v1", model="anthropic/claude-opus-5.5")
    assert body == THIRD
