"""The Claude dialect's way out: a request leaves as it came but for what must change; refusals are understood."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from providers.config import ModelConfig, ProviderConfig, Secret
from providers.dialects import DIALECTS
from providers.dialects.contract import Call, UpstreamRequest
from providers.errors import ErrorKind
from providers.fidelity import Fidelity
from tests.claude.wire import make_call
from tests.claude.wire import sent_body as wire_body

BODY: dict[str, Any] = {
    "stream": False,
    "model": "our-route",
    "max_tokens": 4096,
    "safeguards": {"x": [1, 2.5, None]},
    "system": [{"type": "text", "text": "Be brief. \u2028☃", "cache_control": {"type": "ephemeral"}}],
    "messages": [{"role": "user", "content": "Hi"}, {"role": "system", "content": "Now."}],
    "tools": [{"name": "f", "input_schema": {"type": "object", "b": 1, "a": 2}}],
    "metadata": {"user_id": "u"},
}


def call(
    body: dict[str, Any] | None = None,
    *,
    base_url: str = "https://api.anthropic.com",
    headers: dict[str, str] | None = None,
    extra: tuple[tuple[str, str], ...] = (),
    max_output: int | None = None,
    secret: str | None = "s3cret",
) -> Call:
    return Call(
        body=BODY if body is None else body,
        model=ModelConfig(id=1, provider_id=1, name="claude-upstream", max_output=max_output),
        provider=ProviderConfig(id=1, name="p", dialect="anthropic", base_url=base_url, headers=extra),
        secret=None if secret is None else Secret(secret),
        headers=headers or {},
    )


def sent(made: Call) -> UpstreamRequest:
    return DIALECTS["anthropic"].request(made)


def sent_body(body: dict[str, Any], **options: Any) -> dict[str, Any]:
    before = copy.deepcopy(body)
    made: dict[str, Any] = json.loads(sent(call(body, **options)).body)
    assert body == before, "the shared body was changed"
    return made


def test_the_body_goes_as_it_came_but_for_model_and_stream() -> None:
    body = sent_body(BODY)
    assert body == {**BODY, "model": "claude-upstream", "stream": True}
    assert list(body) == list(BODY)
    assert list(body["tools"][0]["input_schema"]) == ["type", "b", "a"]


@pytest.mark.parametrize(
    ("asked", "limit", "goes"), [(4096, None, 4096), (4096, 8192, 4096), (4096, 4096, 4096), (64000, 8192, 8192)]
)
def test_max_tokens_is_lowered_to_what_the_model_can(asked: int, limit: int | None, goes: int) -> None:
    assert sent_body({**BODY, "max_tokens": asked}, max_output=limit)["max_tokens"] == goes


def test_max_tokens_is_lowered_to_what_the_window_leaves() -> None:
    """vLLM and llama.cpp refuse what does not fit beside the prompt."""
    made = make_call("anthropic", {**BODY, "max_tokens": 32_000}, context_window=32_768, input_estimate=30_000)
    assert wire_body(made)["max_tokens"] == 2_768
    assert list(made.notes) == [Fidelity.MAX_TOKENS_LOWERED]


def test_a_thinking_budget_stays_below_a_lowered_max_tokens() -> None:
    thinking = {"type": "enabled", "budget_tokens": 31999, "display": "summarized"}
    body = {**BODY, "max_tokens": 32000, "thinking": thinking}
    assert sent_body(body, max_output=8192)["thinking"] == {**thinking, "budget_tokens": 8191}
    assert sent_body(body)["thinking"] == thinking
    small = {**thinking, "budget_tokens": 2000}
    assert sent_body({**body, "thinking": small}, max_output=8192)["thinking"] == small
    # Interleaved thinking may have a budget above max_tokens: that was the client's choice before we changed anything.
    large = {**thinking, "budget_tokens": 50_000}
    assert sent_body({**body, "thinking": large}, max_output=8192)["thinking"] == large


def test_thinking_that_claude_did_not_sign_stays_here() -> None:
    def thought(**fields: Any) -> dict[str, Any]:
        return {"type": "thinking", "thinking": "Hm.", **fields}

    ours = [thought(signature="px1:gemini:abc"), thought(signature=""), thought(), thought(signature=None)]
    claudes = thought(signature="EqQBCgIYAhIM")
    redacted = {"type": "redacted_thinking", "data": "px1:not-a-signature"}
    answer = {"type": "text", "text": "A", "cache_control": {"type": "ephemeral"}}
    history = [
        {"role": "user", "content": "1"},
        {"role": "assistant", "content": [*ours, claudes, redacted, answer], "extra": 1},
        {"role": "user", "content": "2"},
        {"role": "assistant", "content": ours},
        {"role": "user", "content": [{"type": "thinking", "thinking": "a user's own block"}]},
        {"role": "assistant", "content": "plain"},
    ]
    assert sent_body({**BODY, "messages": history})["messages"] == [
        history[0],
        {"role": "assistant", "content": [claudes, redacted, answer], "extra": 1},
        history[2],
        history[4],
        history[5],
    ]


@pytest.mark.parametrize(
    ("base_url", "path"),
    [
        ("https://api.anthropic.com", "/v1/messages"),
        ("https://api.anthropic.com/v1", "/messages"),
        ("https://example.org/api", "/v1/messages"),
        ("https://example.org/anthropic/v1", "/messages"),
    ],
)
def test_the_path_completes_the_base_url(base_url: str, path: str) -> None:
    assert sent(call(base_url=base_url)).path == path
    counting = DIALECTS["anthropic"].count_request(call(base_url=base_url))
    assert counting is not None
    assert counting.path == f"{path}/count_tokens"


def test_the_clients_claude_headers_go_along_and_no_others() -> None:
    headers = {
        "anthropic-version": "2026-10-21",
        "anthropic-beta": "a-2025-01-01,b-2025-02-02",
        "x-claude-code-session-id": "s",
        "x-claude-code-agent-id": "a",
        "user-agent": "claude-cli/2",
        "cookie": "c",
    }
    assert dict(sent(call(headers=headers)).headers) == {
        "content-type": "application/json",
        "accept": "text/event-stream",
        "anthropic-version": "2026-10-21",
        "anthropic-beta": "a-2025-01-01,b-2025-02-02",
        "x-claude-code-session-id": "s",
        "x-claude-code-agent-id": "a",
        "x-api-key": "s3cret",
    }
    assert dict(sent(call()).headers)["anthropic-version"] == "2023-06-01"


def test_the_secret_goes_where_the_server_looks_for_it() -> None:
    assert "authorization" not in dict(sent(call()).headers)
    elsewhere = dict(sent(call(base_url="https://openrouter.ai/api")).headers)
    assert (elsewhere["x-api-key"], elsewhere["authorization"]) == ("s3cret", "Bearer s3cret")
    lookalike = dict(sent(call(base_url="https://api.anthropic.com.example.org")).headers)
    assert "authorization" in lookalike
    assert not {"x-api-key", "authorization"} & dict(sent(call(secret=None)).headers).keys()


def test_the_providers_headers_come_last_and_win() -> None:
    extra = (("X-Title", "ours"), ("Anthropic-Version", "2024-01-01"), ("anthropic-beta", "c-2025-03-03"))
    headers = sent(call(extra=extra, headers={"anthropic-beta": "a-2025-01-01"})).headers
    assert headers[-3:] == (
        ("x-title", "ours"),
        ("anthropic-version", "2024-01-01"),
        ("anthropic-beta", "a-2025-01-01,c-2025-03-03"),
    )
    assert len({name for name, _ in headers}) == len(headers)


def test_counting_leaves_out_what_the_endpoint_refuses() -> None:
    foreign = {"role": "assistant", "content": [{"type": "thinking", "thinking": "x", "signature": "px1:y"}]}
    made = DIALECTS["anthropic"].count_request(call({**BODY, "messages": [*BODY["messages"], foreign]}))
    assert made is not None
    body = json.loads(made.body)
    gone = {"max_tokens", "stream", "metadata"}
    kept = {name: value for name, value in BODY.items() if name not in gone}
    assert body == {**kept, "model": "claude-upstream"}
    assert dict(made.headers)["accept"] == "application/json"


def test_a_body_without_messages_gets_none() -> None:
    assert "messages" not in sent_body({"model": "m", "max_tokens": 1})


def claude_error(kind: str, message: str) -> bytes:
    error = {"type": kind, "message": message, "details": None}
    return json.dumps({"type": "error", "error": error, "request_id": "req_1"}).encode()


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (400, "invalid_request_error", ErrorKind.INVALID_REQUEST),
        (401, "authentication_error", ErrorKind.AUTHENTICATION),
        (402, "billing_error", ErrorKind.BILLING),
        (403, "permission_error", ErrorKind.PERMISSION),
        (404, "not_found_error", ErrorKind.NOT_FOUND),
        (409, "conflict_error", ErrorKind.CONFLICT),
        (413, "request_too_large", ErrorKind.TOO_LARGE),
        (429, "rate_limit_error", ErrorKind.RATE_LIMIT),
        (500, "api_error", ErrorKind.SERVER),
        (503, "api_error", ErrorKind.OVERLOADED),
        (504, "timeout_error", ErrorKind.SERVER),
        (529, "overloaded_error", ErrorKind.OVERLOADED),
        (400, "billing_error", ErrorKind.BILLING),
        (429, "invalid_request_error", ErrorKind.RATE_LIMIT),
        (418, "something_new", ErrorKind.INVALID_REQUEST),
    ],
)
def test_claude_errors(status: int, kind: str, expected: ErrorKind) -> None:
    error = DIALECTS["anthropic"].error(status, {}, claude_error(kind, "Their own words."))
    assert (error.kind, error.message, error.code, error.status) == (expected, "Their own words.", kind, status)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Invalid API Key", ErrorKind.AUTHENTICATION),
        ("Unauthorized: could not fetch the image https://x/y.png", ErrorKind.INVALID_REQUEST),
    ],
)
def test_an_imitation_says_in_words_that_the_key_is_wrong(message: str, expected: ErrorKind) -> None:
    assert DIALECTS["anthropic"].error(400, {}, claude_error("invalid_request_error", message)).kind is expected


@pytest.mark.parametrize(
    "message",
    [
        "prompt is too long: 210000 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length",
    ],
)
def test_an_overflow_comes_in_the_words_that_clients_act_on(message: str) -> None:
    error = DIALECTS["anthropic"].error(400, {}, claude_error("invalid_request_error", message))
    assert (error.kind, error.message) == (ErrorKind.CONTEXT_OVERFLOW, message)
    limited = DIALECTS["anthropic"].error(429, {}, claude_error("rate_limit_error", message))
    assert limited.kind is ErrorKind.RATE_LIMIT


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<!doctype html><html><title>502\n Bad Gateway</title><body>x</body></html>", "502 Bad Gateway"),
        (b"upstream connect error", "upstream connect error"),
        (b'{"error":"model not loaded"}', "model not loaded"),
        (b'{"message":"Invalid"}', "Invalid"),
        (b'{"detail":"Missing"}', "Missing"),
        (b'"just words"', "just words"),
        (b"", "The provider answered with HTTP status 502 and no message."),
        (b"<html></html>", "The provider answered with HTTP status 502 and no message."),
        (b'{"error":{"message":null}}', "The provider answered with HTTP status 502 and no message."),
        (b"[1]", "The provider answered with HTTP status 502 and no message."),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_bodies_of_other_shapes(body: bytes, message: str) -> None:
    error = DIALECTS["anthropic"].error(502, {}, body)
    assert (error.kind, error.message, error.code) == (ErrorKind.SERVER, message, None)


def test_a_long_page_is_cut() -> None:
    assert len(DIALECTS["anthropic"].error(500, {}, b"x" * 100_000).message) == 500


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "12"}, 0.25),
        ({"retry-after": "Mon, 02 Jan 2006 15:04:05 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
    ],
)
def test_when_to_come_back(headers: dict[str, str], seconds: float | None) -> None:
    error = DIALECTS["anthropic"].error(429, headers, claude_error("rate_limit_error", "Slow down."))
    assert error.retry_after == seconds


def test_a_date_to_come_back_at_is_counted_from_now() -> None:
    headers = {"retry-after": "Fri, 31 Dec 2999 23:59:59 GMT"}
    retry_after = DIALECTS["anthropic"].error(503, headers, b"").retry_after
    assert retry_after is not None
    assert retry_after > 1e9
