"""Finds the words of an error in any shape: any provider's JSON, plain text, a web page.

A message is the server's own wording; it may quote the prompt, so it goes only to the client.
"""

from __future__ import annotations

import html
import re
from typing import Any

import msgspec

from usage.sentence import Sentence

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


def error_levels(payload: Any) -> list[dict[str, Any]]:
    """Returns the nested objects that may describe the error, the innermost first."""
    levels: list[dict[str, Any]] = []
    while len(levels) < 4:
        if isinstance(payload, list) and payload:
            payload = payload[0]
        if not isinstance(payload, dict):
            break
        # OpenRouter's, and Azure's.
        for name in ("metadata", "innererror"):
            inner = payload.get(name)
            if isinstance(inner, dict):
                levels.insert(0, inner)
        levels.insert(0, payload)
        payload = payload.get("error") or payload.get("detail") or payload.get("x_groq")
    return levels


def error_words(levels: list[dict[str, Any]]) -> tuple[tuple[str, ...], int | None]:
    """Returns an error's codes (code before type, Google's reasons last) and its HTTP status, or None."""
    words: list[str] = []
    reasons: list[str] = []
    number = None
    for level in levels:
        for field in ("code", "type", "status", "error_type"):
            value = level.get(field)
            if isinstance(value, str) and value.isascii() and value.isdigit():
                value = int(value[:9])
            if isinstance(value, str) and value and value != "error":
                words.append(value)
            elif isinstance(value, int) and not isinstance(value, bool):
                if 400 <= value < 600:
                    number = value
                elif value >= 600:
                    # A code of the server's own, such as Z.ai's 1301.
                    words.append(str(value))
        details = level.get("details")
        for detail in details if isinstance(details, list) else ():
            reason = detail.get("reason") if isinstance(detail, dict) else None
            if isinstance(reason, str) and reason:
                reasons.append(reason)
    return (*words, *reasons), number


def message_of(value: Any, depth: int = 0) -> str:
    """Returns the message of an error, or ""."""
    if isinstance(value, str):
        return value.strip()
    if depth > 4:
        return ""
    if isinstance(value, list):
        return "; ".join(part for item in value[:5] if (part := message_of(item, depth + 1)))
    if not isinstance(value, dict):
        return ""
    message = next((found for field in _MESSAGE_FIELDS if (found := message_of(value.get(field), depth + 1))), "")
    # OpenRouter: "Provider returned error", and the provider's own error in metadata.raw.
    metadata = value.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    if isinstance(raw, str):
        try:
            inner = message_of(msgspec.json.decode(raw), depth + 1)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            inner = raw.strip()
        message = f"{message}: {inner}" if message and inner else message or inner
    return message


def plain_text(text: str) -> str:
    """Returns the text of a web page (its title, if it has one); any other text unchanged."""
    if "<" not in text[:200]:
        return text
    title = _TITLE.search(text)
    shown = title[1] if title is not None and title[1].strip() else _TAG.sub(" ", _HIDDEN.sub(" ", text))
    return " ".join(html.unescape(shown).split())


def message_for_status(status: int | None) -> str:
    """Returns the message for an error without one."""
    if status is None:
        return Sentence("The provider reported an error without a message.", code="provider_error_only")
    return Sentence(
        "The provider answered with HTTP status {status} and no message.", code="provider_status_only", status=status
    )
