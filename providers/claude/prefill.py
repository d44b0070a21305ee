"""An answer that the request begins (prefill): its last message is the assistant's, and the model goes on from it."""

from __future__ import annotations

from typing import Any

from providers.claude.blocks import blocks_of, text_of
from providers.claude.fields import thinking_of

GO_ON = (
    "Your last message is the beginning of your answer. Go on exactly where it stops: repeat nothing of it, and say "
    "nothing about it."
)
"""What a user message asks of a model that starts a new message instead."""


def begins_answer(body: dict[str, Any]) -> bool:
    """Whether the request begins the answer, with text; a turn of calls is none that could go on."""
    messages = body.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    if not isinstance(last, dict) or last.get("role") != "assistant":
        return False
    blocks = blocks_of(last.get("content"))
    return any(text_of(block) for block in blocks) and all(block.get("type") != "tool_use" for block in blocks)


def may_go_on(body: dict[str, Any]) -> bool:
    """Whether a model could: what it thinks would stand before the beginning, so it must not think."""
    return thinking_of(body).mode != "on"
