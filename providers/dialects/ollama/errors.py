"""What Ollama refuses and how it says so: `{"error": "a sentence"}`, as a response or as a line of an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from providers.errors import ErrorKind, UpstreamError
from providers.errors.response import payload_error
from providers.errors.response import response_error as usual_error

_NO_MODEL = re.compile(r"""model ["'`]?(?P<name>[^\s"'`]+)["'`]? (?:was )?not found""")
_BUSY = "server busy"


def response_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """What a response with an error status means."""
    try:
        payload = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        payload = None
    inner = _unwrapped(payload.get("error")) if isinstance(payload, dict) else None
    if isinstance(inner, dict):
        body = msgspec.json.encode(inner)
    return _advised(usual_error(status, headers, body))


def stream_error(payload: Any) -> UpstreamError:
    """What an `error` inside an answer means."""
    error = payload_error(_unwrapped(payload))
    if error.kind is ErrorKind.SERVER and _BUSY in error.message:
        return UpstreamError(ErrorKind.OVERLOADED, error.message, code=error.code)
    return _advised(error)


def _unwrapped(payload: Any) -> Any:
    """The error itself: since 0.34 (2026) the sentence may be the JSON text of llama-server's own error."""
    if isinstance(payload, str) and payload.startswith("{"):
        try:
            return msgspec.json.decode(payload)
        except (msgspec.DecodeError, RecursionError):
            return payload
    return payload


def _advised(error: UpstreamError) -> UpstreamError:
    """The error with what to do about a model that is not there."""
    found = _NO_MODEL.search(error.message)
    if found is None:
        return error
    name = found["name"]
    message = f"The Ollama server has no model {name}: run `ollama pull {name}` there, or correct the model's name."
    return UpstreamError(ErrorKind.NOT_FOUND, message, code=error.code, status=error.status)
