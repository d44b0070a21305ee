"""A refusal as an UpstreamError, whether it is a response of its own or an object inside a stream.

A context overflow is told in Claude's words; any other message is the server's own, shortened.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from providers.errors import ErrorKind, UpstreamError, kind_of_status
from providers.errors.overflow import overflow_message
from providers.errors.retry_after import retry_after, retry_delay
from providers.errors.wording import levels_of, message_of, plain, without_words, words_of

MAX_MESSAGE = 2000
_READ_AT_MOST = 16 * 1024
_NOT_IN_CODES = re.compile(r"[^A-Za-z0-9_.-]+")

# The first that stands in the code or the type decides; the most telling come first.
_WORDS: tuple[tuple[str, ErrorKind], ...] = (
    ("insufficient_quota", ErrorKind.BILLING),
    ("billing", ErrorKind.BILLING),
    ("insufficient_balance", ErrorKind.BILLING),
    ("payment_required", ErrorKind.BILLING),
    ("credit", ErrorKind.BILLING),
    ("rate_limit", ErrorKind.RATE_LIMIT),
    ("ratelimit", ErrorKind.RATE_LIMIT),
    ("too_many_requests", ErrorKind.RATE_LIMIT),
    ("resource_exhausted", ErrorKind.RATE_LIMIT),
    ("throttl", ErrorKind.RATE_LIMIT),
    ("overload", ErrorKind.OVERLOADED),
    ("unavailable", ErrorKind.OVERLOADED),
    ("capacity", ErrorKind.OVERLOADED),
    ("api_key", ErrorKind.AUTHENTICATION),
    ("authentication", ErrorKind.AUTHENTICATION),
    ("unauthorized", ErrorKind.AUTHENTICATION),
    ("permission", ErrorKind.PERMISSION),
    ("forbidden", ErrorKind.PERMISSION),
    ("model_not_found", ErrorKind.NOT_FOUND),
    ("not_found", ErrorKind.NOT_FOUND),
    ("notfound", ErrorKind.NOT_FOUND),
    ("server_error", ErrorKind.SERVER),
    ("internal", ErrorKind.SERVER),
    ("api_error", ErrorKind.SERVER),
    ("timeout", ErrorKind.SERVER),
    ("invalid_request", ErrorKind.INVALID_REQUEST),
    ("badrequest", ErrorKind.INVALID_REQUEST),
    ("bad_request", ErrorKind.INVALID_REQUEST),
    ("content_filter", ErrorKind.INVALID_REQUEST),
)
# Only asked where neither a status nor a code says anything.
_WORDINGS: tuple[tuple[str, ErrorKind], ...] = (
    ("quota", ErrorKind.BILLING),
    ("insufficient balance", ErrorKind.BILLING),
    ("rate limit", ErrorKind.RATE_LIMIT),
    ("too many requests", ErrorKind.RATE_LIMIT),
    ("overloaded", ErrorKind.OVERLOADED),
    ("at capacity", ErrorKind.OVERLOADED),
    ("over capacity", ErrorKind.OVERLOADED),
)
# A status that says little gives way to a word that says more: Gemini and xAI answer 400 to a wrong key, Groq 413 to
# more tokens than a minute allows.
_VAGUE = frozenset({ErrorKind.INVALID_REQUEST, ErrorKind.SERVER, ErrorKind.TOO_LARGE})


def response_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """What a response with an error status means. `headers` have names in lower case."""
    text = body[:_READ_AT_MOST].decode("utf-8", "replace").strip()
    try:
        payload = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        payload = plain(text)
    return payload_error(payload, status=status, wait=retry_after(headers))


def payload_error(payload: Any, *, status: int | None = None, wait: float | None = None) -> UpstreamError:
    """What an error object (or string, or list) means. Without a status, a numeric code is taken for one.

    `wait` is what the headers said about when to come back.
    """
    levels = levels_of(payload)
    words, number = words_of(levels)
    said = status if status is not None else number
    message = message_of(payload)[:_READ_AT_MOST] or without_words(said)
    overflow = overflow_message(message, words=words, numbers=_overflow_numbers(levels))
    kind = ErrorKind.CONTEXT_OVERFLOW if overflow is not None else _kind(said, words, message)
    code = next((cut for word in words if (cut := _NOT_IN_CODES.sub("_", word)[:64])), None)
    if code is None and number is not None:
        code = str(number)
    message = (overflow or message)[:MAX_MESSAGE]
    wait = retry_delay(levels) if wait is None else wait
    return UpstreamError(kind, message, code=code, status=status, retry_after=wait)


def _kind(status: int | None, words: tuple[str, ...], message: str) -> ErrorKind:
    joined = " ".join(words).lower()
    meant = next((kind for word, kind in _WORDS if word in joined), None)
    if status is None:
        if meant is not None:
            return meant
        wording = message.lower()
        return next((kind for phrase, kind in _WORDINGS if phrase in wording), ErrorKind.SERVER)
    kind = kind_of_status(status)
    if meant is None or (meant is ErrorKind.INVALID_REQUEST and status >= 500):
        return kind
    return meant if kind in _VAGUE or meant is ErrorKind.BILLING else kind


def _overflow_numbers(levels: list[dict[str, Any]]) -> tuple[int, int] | None:
    """llama.cpp tells both numbers as fields."""
    for level in levels:
        prompt, most = level.get("n_prompt_tokens"), level.get("n_ctx")
        if isinstance(prompt, int) and isinstance(most, int):
            return prompt, most
    return None
