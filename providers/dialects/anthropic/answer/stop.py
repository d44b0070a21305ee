"""The start and the end of a Claude message as events; values of wrong types are left out."""

from __future__ import annotations

from typing import Any

from providers.dialects.anthropic.answer.tokens import clean_usage, read_usage
from providers.events import MessageFinished, MessageStarted

# What every message_start has; servers that imitate Claude leave out some of it.
_ALWAYS: dict[str, Any] = {
    "type": "message",
    "role": "assistant",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
}


def started(message: dict[str, Any]) -> MessageStarted:
    """A message_start's `message`."""
    name, model = (value if isinstance(value := message.get(key), str) else None for key in ("id", "model"))
    usage = clean_usage(message.get("usage"))
    return MessageStarted(name, model, read_usage(usage), native={**message, **_ALWAYS, "id": name, "usage": usage})


def finished(event: dict[str, Any]) -> MessageFinished | None:
    """A whole message_delta; None where it gives no reason for the end."""
    delta = event["delta"]
    reason, sequence, details = (delta.get(name) for name in ("stop_reason", "stop_sequence", "stop_details"))
    if not isinstance(reason, str) or not reason:
        return None
    sequence = sequence if isinstance(sequence, str) else None
    details = details if isinstance(details, dict) else None
    passed = {**delta, "stop_sequence": sequence} | ({"stop_details": details} if "stop_details" in delta else {})
    return MessageFinished(reason, sequence, details, native={**event, "delta": passed})
