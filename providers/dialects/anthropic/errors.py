"""Claude's errors, in a response or inside a stream, as UpstreamError. The wording is kept: clients act on it.

https://docs.claude.com/en/api/errors
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from providers.errors import ErrorKind, UpstreamError, kind_of_status

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
# Servers that only imitate Claude use these for everything; their status is the better witness.
_VAGUE = frozenset({ErrorKind.INVALID_REQUEST, ErrorKind.SERVER})
_OVERFLOW = ("prompt is too long", "exceed context limit")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_LONGEST_TEXT = 500


def of_response(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """The error of a response with an error status: JSON of Claude's shape or near it, plain text or HTML."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        value = None
    code, message = _read(value)
    if not message:
        message = _plain(body) if value is None else ""
    message = message or f"The provider answered with HTTP status {status} and no message."
    kind = _KINDS.get(code or "")
    if kind is None or kind in _VAGUE:
        kind = kind_of_status(status)
    return UpstreamError(
        _overflow(kind, message), message, code=code, status=status, retry_after=retry_after(headers, datetime.now(UTC))
    )


def of_event(value: Any) -> UpstreamError:
    """The error of an event inside a stream, or of a JSON document that came with a good status."""
    code, message = _read(value)
    kind = _KINDS.get(code or "", ErrorKind.SERVER)
    message = message or "The provider reported an error without a message."
    return UpstreamError(_overflow(kind, message), message, code=code)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait by `retry-after-ms` or `retry-after` (a number or an HTTP date); None without a usable one."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    try:
        date = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds())


def _read(value: Any) -> tuple[str | None, str]:
    """The machine word and the message of an error object, {"error": "..."}, {"message": ...} or {"detail": ...}."""
    if not isinstance(value, dict):
        return None, value if isinstance(value, str) else ""
    error = value.get("error", value)
    if isinstance(error, str):
        return None, error
    if not isinstance(error, dict):
        return None, ""
    kind = error.get("type")
    texts = (text for name in ("message", "detail") if isinstance(text := error.get(name), str))
    return kind if isinstance(kind, str) else None, next(texts, "")


def _plain(body: bytes) -> str:
    text = body.decode("utf-8", "replace").strip()
    if text.startswith("<"):
        title = _TITLE.search(text)
        text = " ".join(title[1].split()) if title is not None else ""
    return text[:_LONGEST_TEXT]


def _overflow(kind: ErrorKind, message: str) -> ErrorKind:
    overflows = kind in {ErrorKind.INVALID_REQUEST, ErrorKind.TOO_LARGE} and any(
        words in message for words in _OVERFLOW
    )
    return ErrorKind.CONTEXT_OVERFLOW if overflows else kind
