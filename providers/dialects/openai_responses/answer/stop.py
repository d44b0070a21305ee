"""Why an answer ended, in Claude's words. Any end that the API does not define is a failure."""

from __future__ import annotations

from typing import Any

from providers.dialects.openai_responses.answer.shapes import Response
from providers.errors import ErrorKind, UpstreamError
from providers.errors.response import payload_error
from providers.events import MessageFinished

_TOO_LONG = frozenset({"max_output_tokens", "max_tokens", "length"})


def ended(
    response: Response, *, has_calls: bool, refusal: str, at_limit: bool = False
) -> MessageFinished | UpstreamError:
    """How a finished response ended. `at_limit`: its output is as long as the request allowed."""
    if response.error or response.status == "failed":
        return payload_error(response.error)
    if response.status == "incomplete":
        reason = response.incomplete_details.reason if response.incomplete_details is not None else None
        if reason == "content_filter":
            return _refused(refusal)
        if reason is None or reason in _TOO_LONG:
            return MessageFinished("max_tokens")
        return UpstreamError(ErrorKind.SERVER, f"The provider broke its answer off ({reason}).", code=reason)
    if response.status == "cancelled":
        return UpstreamError(ErrorKind.SERVER, "The provider cancelled its answer.", code="cancelled")
    details = response.incomplete_details
    if (at_limit and response.status is None) or (details is not None and details.reason in _TOO_LONG):
        return MessageFinished("max_tokens")
    if response.status != "completed":
        return UpstreamError(ErrorKind.TRUNCATED, "The provider's answer ended before it was complete.")
    if refusal:
        return _refused(refusal)
    return MessageFinished("tool_use" if has_calls else "end_turn")


def _refused(refusal: str) -> MessageFinished:
    details: dict[str, Any] = {"type": "refusal", "category": None, "explanation": refusal or None}
    return MessageFinished("refusal", stop_details=details)
