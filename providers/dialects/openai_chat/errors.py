"""What a refusal means, whether it is a response of its own or an object inside a stream.

A message is the server's own wording, shortened; it may quote the prompt, so it goes to the caller and nowhere else.
"""

from __future__ import annotations

import html
import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from providers.dialects.openai_chat.overflow import overflow_message
from providers.errors import ErrorKind, UpstreamError, kind_of_status

MAX_MESSAGE = 2000
_READ_AT_MOST = 16 * 1024
_NOT_IN_CODES = re.compile(r"[^A-Za-z0-9_.-]+")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_HIDDEN = re.compile(r"<(script|style)\b.*?</\1>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^<>]*>")
_MESSAGE_FIELDS = (
    "message",
    "detail",
    "error",
    "msg",
    "error_description",
    "error_msg",
    "title",
    "reason",
    "errors",
    "x_groq",
)

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
)
# A status that says little gives way to a word that says more: Gemini and xAI answer 400 to a wrong key, Groq 413 to
# more tokens than a minute allows.
_VAGUE = frozenset({ErrorKind.INVALID_REQUEST, ErrorKind.SERVER, ErrorKind.TOO_LARGE})


def response_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """What a response with an error status means. `headers` have names in lower case."""
    retry_after = _retry_after(headers)
    text = body[:_READ_AT_MOST].decode("utf-8", "replace").strip()
    try:
        payload = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        payload = _plain(text)
    return payload_error(payload, status=status, retry_after=retry_after)


def payload_error(payload: Any, *, status: int | None = None, retry_after: float | None = None) -> UpstreamError:
    """What an error object (or string, or list) means. Without a status, a numeric code is taken for one."""
    words, number = _words_of(payload)
    said = status if status is not None else number
    message = _message_of(payload)[:_READ_AT_MOST] or _without_words(said)
    overflow = overflow_message(message, words=words, numbers=_overflow_numbers(payload))
    kind = ErrorKind.CONTEXT_OVERFLOW if overflow is not None else _kind(said, words, message)
    code = next((cut for word in words if (cut := _NOT_IN_CODES.sub("_", word)[:64])), None)
    if code is None and number is not None:
        code = str(number)
    message = (overflow or message)[:MAX_MESSAGE]
    return UpstreamError(kind, message, code=code, status=status, retry_after=retry_after)


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


def _words_of(payload: Any) -> tuple[tuple[str, ...], int | None]:
    """The machine words of an error (code before type) and its HTTP status, where it names one."""
    words: list[str] = []
    number = None
    for level in _levels(payload):
        for field in ("code", "type", "status", "error_type"):
            value = level.get(field)
            if isinstance(value, str) and value.isdigit():
                value = int(value)
            if isinstance(value, str) and value and value != "error":
                words.append(value)
            elif isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600:
                number = value
    return tuple(words), number


def _levels(payload: Any) -> list[dict[str, Any]]:
    """The objects that may speak of the error, the innermost first."""
    levels: list[dict[str, Any]] = []
    while len(levels) < 4:
        if isinstance(payload, list) and payload:
            payload = payload[0]
        if not isinstance(payload, dict):
            break
        metadata = payload.get("metadata")
        if isinstance(metadata, dict):
            levels.insert(0, metadata)
        levels.insert(0, payload)
        payload = payload.get("error") or payload.get("detail") or payload.get("x_groq")
    return levels


def _message_of(value: Any, depth: int = 0) -> str:
    if isinstance(value, str):
        return value.strip()
    if depth > 4:
        return ""
    if isinstance(value, list):
        return "; ".join(part for item in value[:5] if (part := _message_of(item, depth + 1)))
    if not isinstance(value, dict):
        return ""
    message = next((found for field in _MESSAGE_FIELDS if (found := _message_of(value.get(field), depth + 1))), "")
    # OpenRouter: "Provider returned error", and what the provider really said in metadata.raw.
    metadata = value.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    if isinstance(raw, str):
        try:
            inner = _message_of(msgspec.json.decode(raw), depth + 1)
        except msgspec.DecodeError:
            inner = raw.strip()
        message = f"{message}: {inner}" if message and inner else message or inner
    return message


def _overflow_numbers(payload: Any) -> tuple[int, int] | None:
    """llama.cpp tells both numbers as fields."""
    for level in _levels(payload):
        prompt, most = level.get("n_prompt_tokens"), level.get("n_ctx")
        if isinstance(prompt, int) and isinstance(most, int):
            return prompt, most
    return None


def _plain(text: str) -> str:
    """The text of a page, or the text itself when it is none."""
    if "<" not in text[:200]:
        return text
    title = _TITLE.search(text)
    shown = title[1] if title is not None and title[1].strip() else _TAG.sub(" ", _HIDDEN.sub(" ", text))
    return " ".join(html.unescape(shown).split())


def _without_words(status: int | None) -> str:
    if status is None:
        return "The provider reported an error without saying which."
    return f"The provider answered with HTTP status {status} and no explanation."


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from retry-after-ms or retry-after (a number or an HTTP date)."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if not value:
            continue
        try:
            seconds = float(value) / unit
        except ValueError:
            try:
                seconds = parsedate_to_datetime(value).timestamp() - time.time()
            except (ValueError, OverflowError):
                continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    return None
