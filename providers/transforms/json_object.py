"""A text that should be one JSON object, made one: by what is sure first, by json-repair's guesses last.

Guesses are good for what is short. They have split long texts at quotes that were well escaped, so whatever only lacks
a brace or has a comma too many never gets that far.
"""

from __future__ import annotations

import json
import re
from typing import Any

import json_repair
import msgspec

GUESSED_AT_MOST = 2048
"""Characters that json-repair is given: about 4 ms, but on the worst texts it is quadratic, and everybody waits."""
_OPENED_AT_MOST = 50
UNPARSED = "__unparsedToolInput"
"""Where Claude Code itself puts arguments that it cannot read, so that the model is told of its slip."""
_PIECE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],]|\s+|[^"{}\[\],\s]+|"', re.DOTALL)
_CLOSING = {"{": "}", "[": "]"}


def is_object(text: str) -> bool:
    """Whether a text is one whole JSON object."""
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except msgspec.DecodeError:
        return False


def repaired(text: str, *, guess: bool = True) -> dict[str, Any]:
    """The object that a text was meant to be; the text itself under UNPARSED where nothing can be made of it."""
    for read in (_lenient, _mended, _guessed) if guess else (_lenient, _mended):
        value = read(text)
        if isinstance(value, str):
            value = _lenient(value)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, dict):
            return value
    return {} if text.strip() in {"", "null"} else {UNPARSED: text}


def _lenient(text: str) -> Any:
    """JSON, with line breaks in its strings if need be."""
    try:
        return json.loads(text, strict=False, parse_constant=lambda name: None)
    except (ValueError, RecursionError):
        return None


def _mended(text: str) -> Any:
    """The object in a text, without what stands around it and its needless commas, and with its missing braces."""
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
            if comma is not None:
                parts[comma] = ""
        parts.append(piece)
        if piece == ",":
            comma = len(parts) - 1
        elif not piece.isspace():
            comma = None
        if not waiting:
            break
    if comma is not None:
        parts[comma] = ""
    return _lenient("".join([*parts, *reversed(waiting)]))


def _guessed(text: str) -> Any:
    if len(text) > GUESSED_AT_MOST or sum(map(text.count, "{[(")) > _OPENED_AT_MOST:
        return None
    try:
        return json_repair.loads(text, skip_json_loads=True)
    except Exception:  # noqa: BLE001  (fuzzing found its own assertions failing: then there is no guess)
        return None


def written(value: dict[str, Any]) -> str:
    """The object as JSON text."""
    try:
        return msgspec.json.encode(value).decode()
    except (UnicodeEncodeError, OverflowError):
        # Half a character, or an integer of more than 64 bits.
        return json.dumps(value)
