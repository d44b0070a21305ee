"""What Google's refusals mean."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from providers.dialects import DIALECTS


def google(code: int, status: str, message: str = "m", *details: Any) -> dict[str, Any]:
    """An error of Google's."""
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "12.5s"}
BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
OVERFLOW = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."


@pytest.mark.parametrize("wrapped", [False, True], ids=["object", "array"])
@pytest.mark.parametrize(
    ("status", "body", "kind", "wait"),
    [
        (429, google(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", RETRY), "rate_limit", 12.5),
        (503, google(503, "UNAVAILABLE", "The model is overloaded."), "overloaded", None),
        (500, google(500, "INTERNAL"), "server", None),
        (504, google(504, "DEADLINE_EXCEEDED"), "server", None),
        (400, google(400, "INVALID_ARGUMENT", "API key not valid.", BAD_KEY), "authentication", None),
        (401, google(401, "UNAUTHENTICATED"), "authentication", None),
        (403, google(403, "PERMISSION_DENIED"), "permission", None),
        (404, google(404, "NOT_FOUND", "models/x is not found"), "not_found", None),
        (400, google(400, "INVALID_ARGUMENT", "Unknown name"), "invalid_request", None),
        (400, google(400, "INVALID_ARGUMENT", OVERFLOW), "context_overflow", None),
    ],
)
def test_the_kind_and_when_to_come_back(status: int, body: Any, kind: str, wait: float | None, wrapped: bool) -> None:
    error = DIALECTS["gemini"].error(status, {}, msgspec.json.encode([body] if wrapped else body))
    assert (error.kind.value, error.retry_after, error.code) == (kind, wait, body["error"]["status"])
    if kind == "context_overflow":
        assert error.message == "prompt is too long: 1200000 tokens > 1048576 maximum"
    else:
        assert error.message == body["error"]["message"]
