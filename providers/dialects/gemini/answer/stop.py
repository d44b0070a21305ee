"""Why an answer ended, in Claude's words. An unknown reason is a failure: an end is never invented.

https://ai.google.dev/api/generate-content#FinishReason
"""

from __future__ import annotations

from providers.errors import ErrorKind, UpstreamError
from providers.events import MessageFinished

_TOO_LONG = frozenset({"MAX_TOKENS", "CONTINUATION"})
_REFUSED = frozenset(
    {
        *("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY"),
        *("IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "IMAGE_OTHER", "MODEL_ARMOR", "ESCALATION"),
        "PUP_LIMITED_DISABLED",
    }
)
UNSPECIFIED = frozenset({"", "FINISH_REASON_UNSPECIFIED", "BLOCKED_REASON_UNSPECIFIED"})
"""Reasons without a meaning."""
_EXPLANATION_AT_MOST = 2000


def failure_of(reason: str, message: str | None) -> UpstreamError | None:
    """The failure that a finish reason means, or None for a reason that ends an answer."""
    if reason == "STOP" or reason in _TOO_LONG or reason in _REFUSED:
        return None
    words = f": {message[:_EXPLANATION_AT_MOST]}" if message else "."
    return UpstreamError(
        ErrorKind.SERVER, f"The provider broke its answer off ({reason[:64]}){words}", code=reason[:64]
    )


def is_cut(reason: str) -> bool:
    """Whether the answer reached its limit: what it began last is incomplete."""
    return reason in _TOO_LONG


def finished(reason: str, message: str | None, *, has_calls: bool) -> MessageFinished:
    """The end of an answer. Gemini sends STOP after tool calls too, and never which stop sequence it met."""
    if reason in _REFUSED:
        return _refused(message or f"The provider stopped this answer ({reason}).")
    if reason in _TOO_LONG:
        return MessageFinished("max_tokens")
    return MessageFinished("tool_use" if has_calls else "end_turn")


def blocked(reason: str, message: str | None) -> MessageFinished:
    """The end of an answer that never began, because the prompt was blocked."""
    return _refused(message or f"The provider blocked this prompt ({reason}).")


def _refused(explanation: str) -> MessageFinished:
    """A refusal, with Gemini's own words where it gave any."""
    details = {"type": "refusal", "category": None, "explanation": explanation[:_EXPLANATION_AT_MOST]}
    return MessageFinished("refusal", stop_details=details)
