"""What surrounds the blocks of an answer: the message of message_start and the message_delta at its end. Sans-IO."""

from __future__ import annotations

from typing import Any

import msgspec

from providers.counts import CountLimits
from providers.events import NO_TOKENS, MessageFinished, MessageStarted, Tokens
from streaming.encoding.counted import agreeing

_CACHED = ("cache_creation_input_tokens", "cache_read_input_tokens")
_COUNTS = frozenset(
    {"input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation", "output_tokens"}
)


def opening(
    started: MessageStarted | None,
    tokens: Tokens,
    *,
    message_id: str,
    model: str,
    input_estimate: int,
    doubted: CountLimits | None = None,
) -> dict[str, Any]:
    """Returns the `message` of message_start: a Claude upstream's own with our model's name, or a new one.

    `doubted` are the limits that its counts do not keep.
    Counts are never null or missing where the SDKs do arithmetic with them, whatever the upstream left out.
    """
    native = started.native if started is not None else None
    message: dict[str, Any] = {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": None,
    }
    usage: dict[str, Any] = {
        "input_tokens": input_estimate if tokens.input is None else tokens.input,
        "cache_creation_input_tokens": tokens.cache_write or 0,
        "cache_read_input_tokens": tokens.cache_read or 0,
        "output_tokens": 1 if tokens.output is None else tokens.output,
    }
    if native is not None:
        message |= {**native, "model": model, "content": [], "id": native.get("id") or message_id}
        theirs = native.get("usage")
        if isinstance(theirs, dict):
            if doubted is not None:
                theirs = agreeing(theirs, tokens, doubted)
            required = {field: usage[field] for field in ("input_tokens", "output_tokens") if theirs.get(field) is None}
            usage = {**theirs, **required}
            if tokens.prompt == 0:
                usage["input_tokens"] = input_estimate  # no prompt is empty: the provider does not count yet
    message["usage"] = usage
    return message


def closing(finished: MessageFinished, reported: Tokens, tokens: Tokens, stop_reason: str) -> dict[str, Any]:
    """Returns the message_delta event with `stop_reason`.

    `tokens` is what is known at the end and `reported` what message_start reported: a Claude upstream's own counts stay
    unchanged, and only what the client cannot know yet is added to them.
    """
    if finished.native is None:
        delta: dict[str, Any] = {
            "stop_reason": stop_reason,
            "stop_sequence": finished.stop_sequence if stop_reason == "stop_sequence" else None,
        }
        if finished.stop_details is not None:
            delta["stop_details"] = finished.stop_details
        counted = {"output_tokens": tokens.output or 0, **_known(tokens, NO_TOKENS)}
        return {"type": "message_delta", "delta": delta, "usage": counted}
    event = dict(finished.native)
    event["type"] = "message_delta"
    event["delta"] = {"stop_sequence": finished.stop_sequence, **(event.get("delta") or {}), "stop_reason": stop_reason}
    usage = _without_placeholders(event.get("usage") or {}, tokens)
    for field, count in {"output_tokens": tokens.output or 0, **_known(tokens, reported)}.items():
        if usage.get(field) is None:
            usage[field] = count
    event["usage"] = usage
    return event


def believed_end(finished: MessageFinished, tokens: Tokens, limits: CountLimits) -> MessageFinished:
    """Returns the end without a Claude upstream's own counts that are not believed."""
    if finished.native is None:
        return finished
    usage = agreeing(finished.native.get("usage") or {}, tokens, limits)
    return msgspec.structs.replace(finished, native={**finished.native, "usage": usage})


def _without_placeholders(usage: dict[str, Any], tokens: Tokens) -> dict[str, Any]:
    """The counts of a message_delta without zeros that would overwrite what the client knows of the prompt."""
    usage = dict(usage)
    if usage.get("input_tokens") == 0 and not any(usage.get(name) for name in _CACHED):
        usage = {name: value for name, value in usage.items() if name not in ("input_tokens", *_CACHED)}
    if usage.get("output_tokens") == 0 and tokens.output:
        usage["output_tokens"] = tokens.output
    return usage


def together(earlier: Tokens, later: Tokens) -> Tokens:
    """Returns the counts that the client gets for an answer in two parts: one prompt, and both outputs."""
    prompt = later if earlier.input is None else earlier
    return msgspec.structs.replace(prompt, output=(earlier.output or 0) + (later.output or 0))


def uncounted(finished: MessageFinished) -> MessageFinished:
    """Returns the end without the counts of a Claude upstream that gave only a part of the answer."""
    if finished.native is None:
        return finished
    usage = {field: value for field, value in (finished.native.get("usage") or {}).items() if field not in _COUNTS}
    return msgspec.structs.replace(finished, native={**finished.native, "usage": usage})


def consistent(stop_reason: str, has_tool_calls: bool) -> str:
    """Returns the stop reason that fits the content: clients run tools by it, and upstreams get it wrong both ways."""
    if has_tool_calls:
        return "tool_use" if stop_reason in {"end_turn", "stop_sequence"} else stop_reason
    return "end_turn" if stop_reason == "tool_use" else stop_reason


def _known(tokens: Tokens, reported: Tokens) -> dict[str, int]:
    known = {}
    if tokens.input is not None and tokens.input != reported.input:
        known["input_tokens"] = tokens.input
    if tokens.cache_write is not None and tokens.cache_write != reported.cache_write:
        known["cache_creation_input_tokens"] = tokens.cache_write
    if tokens.cache_read is not None and tokens.cache_read != reported.cache_read:
        known["cache_read_input_tokens"] = tokens.cache_read
    return known
