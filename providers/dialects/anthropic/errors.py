"""Claude's errors, in a response or inside a stream, as UpstreamError. The wording is kept: clients act on it.

https://docs.claude.com/en/api/errors
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from providers.errors import ErrorKind, UpstreamError, kind_of_status
from providers.errors.content import content_kind
from providers.errors.overflow import overflow_message
from providers.errors.response import retry_after, says_wrong_key
from providers.errors.wording import error_levels, error_words, plain_text

_KINDS = {
    "invalid_request_error": ErrorKind.INVALID_REQUEST,
    "authentication_error": ErrorKind.AUTHENTICATION,
    "billing_error": ErrorKind.BILLING,
    "permission_error": ErrorKind.PERMISSION,
    "not_found_error": ErrorKind.NOT_FOUND,
    "conflict_error": ErrorKind.CONFLICT,
    "request_too_large": ErrorKind.TOO_LARGE,
    "rate_limit_error": ErrorKind.RATE_LIMIT,
    "api_error": ErrorKind.SERVER,
    "timeout_error": ErrorKind.SERVER,
    "overloaded_error": ErrorKind.OVERLOADED,
}
# Servers that only imitate Claude use these for everything; their status is more precise.
_VAGUE = frozenset({ErrorKind.INVALID_REQUEST, ErrorKind.SERVER})
_OVERFLOW = ("prompt is too long", "exceed context limit")
_READ_AT_MOST = 16 * 1024
_LONGEST_TEXT = 500


def response_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """The error of a response with an error status: JSON of Claude's shape or near it, plain text or HTML."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    code, message, words = _read(value)
    if not message and value is None:
        message = plain_text(body[:_READ_AT_MOST].decode("utf-8", "replace").strip())[:_LONGEST_TEXT]
    message = message or f"The provider answered with HTTP status {status} and no message."
    kind = _KINDS.get(code or "")
    if kind is None or kind in _VAGUE:
        kind = kind_of_status(status)
        if kind is ErrorKind.INVALID_REQUEST and says_wrong_key(message, status):
            kind = ErrorKind.AUTHENTICATION
    return _error(kind, message, code, words, status, retry_after(headers))


def event_error(value: Any) -> UpstreamError:
    """The error of an event inside a stream, or of a JSON document that came with a good status."""
    code, message, words = _read(value)
    kind = _KINDS.get(code or "", ErrorKind.SERVER)
    if kind in _VAGUE and says_wrong_key(message, None):
        kind = ErrorKind.AUTHENTICATION
    message = message or "The provider reported an error without a message."
    return _error(kind, message, code, words)


def _read(value: Any) -> tuple[str | None, str, tuple[str, ...]]:
    """The type, the message and all machine words of an error object, or of {"error": "..."} and the like."""
    if not isinstance(value, dict):
        return None, value if isinstance(value, str) else "", ()
    error = value.get("error", value)
    if isinstance(error, str):
        return None, error, error_words(error_levels(value))[0]
    if not isinstance(error, dict):
        return None, "", ()
    kind = error.get("type")
    texts = (text for name in ("message", "detail") if isinstance(text := error.get(name), str))
    return kind if isinstance(kind, str) else None, next(texts, ""), error_words(error_levels(value))[0]


def _error(
    kind: ErrorKind,
    message: str,
    code: str | None,
    words: tuple[str, ...],
    status: int | None = None,
    wait: float | None = None,
) -> UpstreamError:
    """The error; a server that only imitates Claude has its context overflow put into Claude's words."""
    if kind in {ErrorKind.INVALID_REQUEST, ErrorKind.TOO_LARGE} or (status is None and kind is ErrorKind.SERVER):
        claudes = any(words in message for words in _OVERFLOW)
        overflow = message if claudes else overflow_message(message, words=words)
        if overflow is not None:
            kind, message = ErrorKind.CONTEXT_OVERFLOW, overflow
    kind = content_kind(kind, message, words=words, status=status)
    return UpstreamError(kind, message, code=code, status=status, retry_after=wait)
