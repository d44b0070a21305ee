"""Why an answer ended, in Claude's words."""

from __future__ import annotations

from typing import Any

import msgspec

from providers.errors import ErrorKind, UpstreamError
from providers.events import MessageFinished

_TOO_LONG = frozenset({"length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded"})
_COMPLETE = frozenset(
    {
        *(
            "stop",
            "stop_sequence",
            "stop_token",
            "eos",
            "eos_token",
            "end_turn",
            "end",
            "complete",
            "completed",
            "done",
        ),
        *("finish", "finished", "tool_calls", "tool_call", "tool_use", "function_call"),
    }
)
_REFUSED = frozenset(
    {"content_filter", "refusal", "safety", "recitation", "prohibited_content", "spii", "blocklist", "sensitive"}
)
_BROKEN = {
    "error": ErrorKind.SERVER,
    "abort": ErrorKind.SERVER,
    "network_error": ErrorKind.SERVER,
    "malformed_function_call": ErrorKind.SERVER,
    "insufficient_system_resource": ErrorKind.OVERLOADED,
}


class Finish(msgspec.Struct):
    """What is known of the end so far. `reason` is the server's word, `stop_string` the stop sequence it met."""

    reason: str | None = None
    native: str | None = None
    stop_string: str | None = None
    service_tier: str | None = None


def failure_of(finish: Finish) -> UpstreamError | None:
    """The failure that a finish reason means, for those that mean one."""
    kind = _BROKEN.get((finish.reason or "").lower())
    if kind is None:
        return None
    return UpstreamError(kind, f"The provider broke its answer off ({finish.reason}).", code=finish.reason)


def finished(finish: Finish, *, has_calls: bool, refusal: str, at_limit: bool = False) -> MessageFinished:
    """The end of a complete answer. Servers send "stop" after tool calls and "tool_calls" after none.

    `at_limit`: its output is as long as the request allowed, which is its end where no known reason is given: xAI's
    Grok by OpenRouter gave none.
    """
    reason = (finish.reason or "").lower()
    native = (finish.native or "").lower()
    if reason in _REFUSED or native in _REFUSED or refusal:
        details: dict[str, Any] = {"type": "refusal", "category": None, "explanation": refusal or None}
        return MessageFinished("refusal", stop_details=details)
    if reason in _TOO_LONG or native in _TOO_LONG or (at_limit and reason not in _COMPLETE):
        return MessageFinished("max_tokens")
    if has_calls:
        return MessageFinished("tool_use")
    if finish.stop_string is not None or "stop_sequence" in (reason, native):
        return MessageFinished("stop_sequence", stop_sequence=finish.stop_string)
    return MessageFinished("end_turn")
