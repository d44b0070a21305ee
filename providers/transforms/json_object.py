"""Repairs a text that should be one JSON object: by safe fixes first, by json-repair's guesses last.

Guesses are good for short texts. They have split long texts at correctly escaped quotes, so a text that only lacks a
brace or has an extra comma is fixed before.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

GUESSED_AT_MOST = 2048
"""Characters that json-repair gets: about 4 ms, but it is quadratic on the worst texts and blocks the event loop."""
_OPENED_AT_MOST = 50
UNPARSED = "__unparsedToolInput"
"""The field in which Claude Code itself puts arguments that it cannot parse, so that the model learns of its error."""
_PIECE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],]|\s+|[^"{}\[\],\s]+|"', re.DOTALL)
_CLOSING = {"{": "}", "[": "]"}


def is_object(text: str) -> bool:
    """Returns whether a text is one complete JSON object."""
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return False


def repaired(text: str, *, guess: bool = True) -> dict[str, Any]:
    """Returns the object that a text was meant to be; the text itself under UNPARSED where no repair works."""
    for read in (_lenient, _fixed, _guessed) if guess else (_lenient, _fixed):
        value = read(text)
        if isinstance(value, str):
            value = _lenient(value)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, dict):
            return value
    return {} if text.strip() in {"", "null"} else {UNPARSED: text}


def _lenient(text: str) -> Any:
    """Parses JSON that may have line breaks in its strings."""
    try:
        return json.loads(text, strict=False, parse_constant=lambda name: None)
    except (ValueError, RecursionError):
        return None


def _fixed(text: str) -> Any:
    """Parses the object in a text, without surrounding text and extra commas, with missing braces added."""
    parts: list[str] = []
    waiting: list[str] = []
    comma: int | None = None
    for piece in _PIECE.findall(text, max(text.find("{"), 0)):
        if piece == '"':
            return None
        if piece in _CLOSING:
            waiting.append(_CLOSING[piece])
        elif piece in {"}", "]"}:
            if not waiting or waiting.pop() != piece:
                return None
            _drop(parts, comma)
        parts.append(piece)
        if piece == ",":
            comma = len(parts) - 1
        elif not piece.isspace():
            comma = None
        if not waiting:
            break
    _drop(parts, comma)
    return _lenient("".join([*parts, *reversed(waiting)]))


def _drop(parts: list[str], at: int | None) -> None:
    if at is not None:
        parts[at] = ""


def _guessed(text: str) -> Any:
    if len(text) > GUESSED_AT_MOST or sum(map(text.count, "{[(")) > _OPENED_AT_MOST:
        return None
    # Twenty modules, for what few models write.
    import json_repair

    try:
        return json_repair.loads(text, skip_json_loads=True)
    except Exception:  # noqa: BLE001  (fuzzing found its own assertions failing: then there is no guess)
        return None


def written(value: dict[str, Any]) -> str:
    """Returns the object as JSON text."""
    try:
        return msgspec.json.encode(value).decode()
    except (UnicodeEncodeError, OverflowError):
        # A lone surrogate, or an integer of more than 64 bits.
        return json.dumps(value)
