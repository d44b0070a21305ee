"""Refusals in the shapes of many servers: their kind, their words, and when to come back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import msgspec
import pytest

from providers.errors import UpstreamError
from providers.errors.response import response_error


def refused(status: int, body: Any = b"", **headers: str) -> UpstreamError:
    """What a response means; anything but bytes is sent as JSON."""
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return response_error(status, named, data)


def openai(message: str = "m", kind: str | None = None, code: Any = None) -> dict[str, Any]:
    """OpenAI's shape."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (
            401,
            openai("Incorrect API key", "invalid_request_error", "invalid_api_key"),
            "authentication",
            "invalid_api_key",
        ),
        (
            400,
            openai("API key not valid", "invalid_request_error", "invalid_api_key"),
            "authentication",
            "invalid_api_key",
        ),
        (429, openai("Rate limit", "requests", "rate_limit_exceeded"), "rate_limit", "rate_limit_exceeded"),
        (429, openai("No quota", "insufficient_quota", "insufficient_quota"), "billing", "insufficient_quota"),
        (404, openai("No model", "invalid_request_error", "model_not_found"), "not_found", "model_not_found"),
        (400, openai("Bad", "invalid_request_error"), "invalid_request", "invalid_request_error"),
        (400, openai("Filtered", None, "content_filter"), "invalid_request", "content_filter"),
        (500, openai("Oops", "server_error"), "server", "server_error"),
        (500, openai("Oops", "invalid_request_error"), "server", "invalid_request_error"),
        (500, openai("Busy", "overloaded_error"), "overloaded", "overloaded_error"),
        (413, openai("TPM", "tokens", "rate_limit_exceeded"), "rate_limit", "rate_limit_exceeded"),
        (413, b"", "too_large", None),
        (402, {"error": {"code": 402, "message": "Insufficient credits"}}, "billing", "402"),
        (403, {"error": {"code": 403, "message": "no"}}, "permission", "403"),
        (
            400,
            [{"error": {"code": 400, "message": "m", "status": "INVALID_ARGUMENT"}}],
            "invalid_request",
            "INVALID_ARGUMENT",
        ),
        (
            422,
            {"detail": [{"loc": ["body"], "msg": "field required", "type": "missing"}]},
            "invalid_request",
            "missing",
        ),
        (400, openai("Incorrect API key provided: sk-abc***"), "authentication", None),
        (400, openai("Unauthorized: could not fetch the image https://x/y.png"), "invalid_request", None),
        (422, openai("Unauthorized"), "invalid_request", None),
        (503, b"", "overloaded", None),
        (502, b"<html></html>", "server", None),
    ],
)
def test_the_kind_and_the_code(status: int, body: Any, kind: str, code: str | None) -> None:
    error = refused(status, body)
    assert (error.kind.value, error.code, error.status) == (kind, code, status)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (openai("the words"), "the words"),
        ({"error": "the words"}, "the words"),
        ({"message": "the words"}, "the words"),
        ({"detail": "the words"}, "the words"),
        ({"detail": [{"msg": "one"}, {"msg": "two"}]}, "one; two"),
        ({"error": {"error": {"message": "the words"}}}, "the words"),
        ([{"error": {"message": "the words"}}], "the words"),
        (["the words"], "the words"),
        ("the words", "the words"),
        (b"  the words\n", "the words"),
        (b"\xff words", "\ufffd words"),
        (b"<html><head><title>502 Bad\n Gateway</title></head><body>x</body></html>", "502 Bad Gateway"),
        (b"<p>Sign <b>in</b> &amp; pay</p><script>alert(1)</script>", "Sign in & pay"),
        (
            {"error": {"message": "Provider returned error", "metadata": {"raw": '{"error":{"message":"slow down"}}'}}},
            "Provider returned error: slow down",
        ),
        (
            {"error": {"message": "Provider returned error", "metadata": {"raw": "plain"}}},
            "Provider returned error: plain",
        ),
        (b"", "The provider answered with HTTP status 500 and no message."),
        ({}, "The provider answered with HTTP status 500 and no message."),
        (None, "The provider answered with HTTP status 500 and no message."),
        ({"error": None}, "The provider answered with HTTP status 500 and no message."),
    ],
)
def test_the_words(body: Any, message: str) -> None:
    assert refused(500, body).message == message


@pytest.mark.parametrize("body", [b"x" * 5_000_000, b"<" * 5_000_000, openai("x" * 5_000_000), b"[" * 100_000])
def test_the_words_are_bounded(body: Any) -> None:
    assert len(refused(500, body).message) <= 2000


def test_a_code_is_short_and_plain() -> None:
    assert refused(500, openai(code="bad thing: <b>" + "x" * 100)).code == ("bad_thing_b_" + "x" * 100)[:64]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after_ms": "1500", "retry_after": "7"}, 1.5),
        ({"retry_after_ms": "soon", "retry_after": "7"}, 7.0),
        ({"retry_after": "-3"}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "nan"}, None),
        ({"retry_after": "inf"}, None),
        ({"retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ],
)
def test_when_to_come_back(headers: dict[str, str], seconds: float | None) -> None:
    assert refused(429, **headers).retry_after == seconds


def test_when_to_come_back_as_a_date() -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert refused(429, retry_after=at).retry_after == pytest.approx(90, abs=5)


GOOGLE = {
    "error": {
        "code": 429,
        "message": "Quota exceeded.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17.5s"}, "odd"],
    }
}


def test_when_to_come_back_as_google_says_it() -> None:
    error = refused(429, GOOGLE)
    assert (error.kind.value, error.code, error.retry_after) == ("rate_limit", "RESOURCE_EXHAUSTED", 17.5)
    assert refused(429, [GOOGLE], retry_after="3").retry_after == 3.0


def test_a_wrong_key_as_google_says_it() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
    inner = {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT", "details": details}
    error = refused(400, {"error": inner})
    assert (error.kind.value, error.code) == ("authentication", "INVALID_ARGUMENT")
