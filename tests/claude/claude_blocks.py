"""Short ways to write messages of a Claude request, and the chat messages that tool calls become."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

MARK: Json = {"cache_control": {"type": "ephemeral"}}
BILLING_TEXT = "x-anthropic-billing-header: cc_version=2.1.330.abc; cc_entrypoint=cli;"


def user(*blocks: Json | str) -> Json:
    """A user message; a string is its whole content."""
    return {"role": "user", "content": blocks[0] if isinstance(blocks[0], str) else list(blocks)}


def assistant(*blocks: Json) -> Json:
    """An assistant message."""
    return {"role": "assistant", "content": list(blocks)}


def text(words: str, **fields: Any) -> Json:
    """A text block."""
    return {"type": "text", "text": words, **fields}


def use(call_id: str, name: str = "Read", **arguments: Any) -> Json:
    """A tool call."""
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def result(call_id: str, content: Any = "ok", **fields: Any) -> Json:
    """A tool result."""
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **fields}


def call_out(call_id: str, name: str = "Read", arguments: str = "{}") -> Json:
    """A tool call as it goes out."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def tool_out(call_id: str, content: str = "ok") -> Json:
    """A tool result as it goes out."""
    return {"role": "tool", "tool_call_id": call_id, "content": content}
