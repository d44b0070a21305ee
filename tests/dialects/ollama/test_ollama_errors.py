"""What Ollama's refusals become: Claude's words for an overflow, advice for a model that is not there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects import DIALECTS
from providers.errors import ErrorKind

# As llama-server says it, inside Ollama's own object, since 0.34.
_NESTED = {
    "error": {
        "code": 400,
        "message": "request (2622 tokens) exceeds the available context size (512 tokens), try increasing it",
        "type": "exceed_context_size_error",
        "n_prompt_tokens": 2622,
        "n_ctx": 512,
    }
}
_NO_PULL = "The Ollama server has no model {0}: run `ollama pull {0}` there, or correct the model's name."


@pytest.mark.parametrize(
    ("status", "upstream_text", "kind", "message"),
    [
        (404, "model 'qwen3:8b' not found", ErrorKind.NOT_FOUND, _NO_PULL.format("qwen3:8b")),
        (
            404,
            'model "hf.co/a/b:Q4" not found, try pulling it first',
            ErrorKind.NOT_FOUND,
            _NO_PULL.format("hf.co/a/b:Q4"),
        ),
        (400, "registry.ollama.ai/library/gemma:2b does not support tools", ErrorKind.INVALID_REQUEST, None),
        (400, '"gemma:2b" does not support thinking', ErrorKind.INVALID_REQUEST, None),
        (400, "illegal base64 data at input byte 0", ErrorKind.INVALID_REQUEST, None),
        (
            400,
            "the input length exceeds the context length",
            ErrorKind.CONTEXT_OVERFLOW,
            "prompt is too long: the input length exceeds the context length",
        ),
        (400, json.dumps(_NESTED), ErrorKind.CONTEXT_OVERFLOW, "prompt is too long: 2622 tokens > 512 maximum"),
        (503, "server busy, please try again.  maximum pending requests exceeded", ErrorKind.OVERLOADED, None),
        (401, "unauthorized", ErrorKind.AUTHENTICATION, None),
        (429, "you have reached your hourly usage limit", ErrorKind.RATE_LIMIT, None),
        (500, "llama runner process has terminated: exit status 2", ErrorKind.SERVER, None),
        (400, "{not json", ErrorKind.INVALID_REQUEST, None),
    ],
)
def test_refusals(status: int, upstream_text: str, kind: ErrorKind, message: str | None) -> None:
    error = DIALECTS["ollama"].error(status, {}, json.dumps({"error": upstream_text}).encode())
    assert (error.kind, error.status) == (kind, status)
    assert error.message == (message or upstream_text)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"404 page not found", "404 page not found"),
        (b"", "The provider answered with HTTP status 404 and no message."),
        (b"[1]", "The provider answered with HTTP status 404 and no message."),
    ],
)
def test_an_error_that_is_not_ollamas_keeps_its_message(body: bytes, message: str) -> None:
    error = DIALECTS["ollama"].error(404, {}, body)
    assert (error.kind, error.message) == (ErrorKind.NOT_FOUND, message)


def test_when_to_come_back_is_kept() -> None:
    headers: dict[str, Any] = {"retry-after": "7"}
    assert DIALECTS["ollama"].error(503, headers, b'{"error":"server busy"}').retry_after == 7
