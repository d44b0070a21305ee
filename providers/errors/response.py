"""Turns an error response, or an error object inside a stream, into an UpstreamError.

A context overflow gets Claude's sentence; any other message is the server's own, shortened.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from providers.errors import ErrorKind, UpstreamError, kind_of_status
from providers.errors.content import content_kind
from providers.errors.overflow import overflow_message
from providers.errors.wording import error_levels, error_words, message_for_status, message_of, plain_text
from usage.sentence import Sentence

MAX_MESSAGE = 2000
_READ_AT_MOST = 16 * 1024
_NOT_IN_CODES = re.compile(r"[^A-Za-z0-9_.-]+")

# The first word found in the code or the type decides; the most specific come first.
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
    # https://platform.openai.com/docs/api-reference/responses/object (error.code): what the prompt's images lack.
    ("invalid_image", ErrorKind.INVALID_REQUEST),
    ("invalid_base64_image", ErrorKind.INVALID_REQUEST),
    ("image_too_", ErrorKind.INVALID_REQUEST),
    ("image_parse_error", ErrorKind.INVALID_REQUEST),
    ("image_file_", ErrorKind.INVALID_REQUEST),
    ("empty_image_file", ErrorKind.INVALID_REQUEST),
    ("unsupported_image", ErrorKind.INVALID_REQUEST),
    ("download_image", ErrorKind.INVALID_REQUEST),
)
# A wrong key that is answered with 400, or inside a stream: xAI's "Incorrect API key provided", Gemini's "API key not
# valid".
_WRONG_KEY = re.compile(
    r"^\W*(?:incorrect api key|invalid api key|api key not valid|api key is invalid)", re.IGNORECASE
)
# Ollama's, inside a stream. With more words it may be about what a prompt names, such as an image's address.
_UNAUTHORIZED = re.compile(r"^\W*unauthorized\W*$", re.IGNORECASE)
# Only used where neither a status nor a code decides.
_WORDINGS: tuple[tuple[str, ErrorKind], ...] = (
    ("quota", ErrorKind.BILLING),
    ("insufficient balance", ErrorKind.BILLING),
    ("rate limit", ErrorKind.RATE_LIMIT),
    ("too many requests", ErrorKind.RATE_LIMIT),
    ("overloaded", ErrorKind.OVERLOADED),
    ("at capacity", ErrorKind.OVERLOADED),
    ("over capacity", ErrorKind.OVERLOADED),
)
# For a vague status a specific word decides: Gemini and xAI answer 400 to a wrong key, Groq 413 to more tokens than a
# minute allows.
_VAGUE = frozenset({ErrorKind.INVALID_REQUEST, ErrorKind.SERVER, ErrorKind.TOO_LARGE})


def response_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """Returns the error of a response with an error status. `headers` have names in lower case."""
    text = body[:_READ_AT_MOST].decode("utf-8", "replace").strip()
    try:
        payload = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        payload = plain_text(text)
    return payload_error(payload, status=status, wait=retry_after(headers))


def payload_error(payload: Any, *, status: int | None = None, wait: float | None = None) -> UpstreamError:
    """Returns the error that an object (or string, or list) means. Without a status, a numeric code is taken for one.

    `wait` is the retry-after of the headers in seconds.
    """
    levels = error_levels(payload)
    words, number = error_words(levels)
    effective = status if status is not None else number
    message = message_of(payload)[:_READ_AT_MOST] or message_for_status(effective)
    overflow = overflow_message(message, words=words, numbers=_overflow_numbers(levels))
    if overflow is not None:
        kind = ErrorKind.CONTEXT_OVERFLOW
    else:
        kind = content_kind(_kind(effective, words, message), message, words=words, status=effective)
    code = next((cut for word in words if (cut := _NOT_IN_CODES.sub("_", word)[:64])), None)
    if code is None and number is not None:
        code = str(number)
    message = overflow if isinstance(overflow, Sentence) else (overflow or message)[:MAX_MESSAGE]
    wait = retry_delay(levels) if wait is None else wait
    return UpstreamError(kind, message, code=code, status=status, retry_after=wait)


def _kind(status: int | None, words: tuple[str, ...], message: str) -> ErrorKind:
    joined = " ".join(words).lower()
    by_word = next((kind for word, kind in _WORDS if word in joined), None)
    if status is None:
        if (by_word is None or by_word in _VAGUE) and says_wrong_key(message, None):
            return ErrorKind.AUTHENTICATION
        if by_word is not None:
            return by_word
        wording = message.lower()
        return next((kind for phrase, kind in _WORDINGS if phrase in wording), ErrorKind.SERVER)
    kind = kind_of_status(status)
    if kind is ErrorKind.INVALID_REQUEST and says_wrong_key(message, status):
        return ErrorKind.AUTHENTICATION
    if by_word is None or (by_word is ErrorKind.INVALID_REQUEST and status >= 500):
        return kind
    return by_word if kind in _VAGUE or by_word is ErrorKind.BILLING else kind


def says_wrong_key(message: str, status: int | None) -> bool:
    """Returns whether a provider refuses the gateway's credential in words, where its status or type is vague."""
    return _WRONG_KEY.search(message) is not None or (status is None and _UNAUTHORIZED.search(message) is not None)


def _overflow_numbers(levels: list[dict[str, Any]]) -> tuple[int, int] | None:
    """Returns both numbers where fields hold them, as at llama.cpp."""
    for level in levels:
        prompt, most = level.get("n_prompt_tokens"), level.get("n_ctx")
        if isinstance(prompt, int) and isinstance(most, int):
            return prompt, most
    return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Returns seconds to wait, from retry-after-ms or retry-after (a number or an HTTP date); None without a valid one.

    `headers` have names in lower case.
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if not value:
            continue
        try:
            seconds = float(value) / unit
        except ValueError:
            try:
                seconds = max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
            except (ValueError, OverflowError):
                continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return None


def retry_delay(levels: list[dict[str, Any]]) -> float | None:
    """Returns seconds to wait, from a RetryInfo in an error's details: `"retryDelay": "17s"`.

    https://cloud.google.com/apis/design/errors#error_details
    """
    for level in levels:
        details = level.get("details")
        for detail in details if isinstance(details, list) else ():
            delay = detail.get("retryDelay") if isinstance(detail, dict) else None
            if isinstance(delay, str) and delay.endswith("s"):
                try:
                    seconds = float(delay[:-1])
                except ValueError:
                    continue
                if math.isfinite(seconds):
                    return max(0.0, seconds)
    return None
