"""Text that is not quite text: halves of a surrogate pair, and bytes that are no UTF-8.

A server that cuts its answer between tokens may cut a character: into the two `\\u` escapes of an emoji, or into bytes
that it escapes or sends as they are (https://github.com/elie222/rakazo/issues/416, 2026-08-30). JSON is read so that
nothing of it is lost; what can be joined is joined, everything else becomes U+FFFD.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
# A byte that is no UTF-8 stands as a character of its own, where no text has any: an escaped half could look like
# what "surrogateescape" makes of it.
_BYTE_PLACE = 0x10FF00
_STANDING_FOR_BYTES = {0xDC00 + byte: _BYTE_PLACE + byte for byte in range(0x80, 0x100)}
_BYTES = re.compile("[\U0010ff80-\U0010ffff]+")
_LONE = re.compile("[\ud800-\udfff]")
_UNCLEAN = re.compile("[\ud800-\udfff\U0010ff80-\U0010ffff]")
# What the next piece may complete: a first half, or the first bytes of a character.
_UNFINISHED = re.compile(
    "(?:[\ud800-\udbff]|[\U0010ffc2-\U0010ffdf]|[\U0010ffe0-\U0010ffef][\U0010ff80-\U0010ffbf]?"
    "|[\U0010fff0-\U0010fff4][\U0010ff80-\U0010ffbf]{0,2})$"
)
REPLACEMENT = "\ufffd"


def read_json(document: bytes) -> Any:
    """The value of a document, its strings as `mended` takes them. Slow: for what strict decoding refused.

    Raises ValueError or RecursionError.
    """
    text = document.decode("utf-8", "surrogateescape").translate(_STANDING_FOR_BYTES)
    return json.loads(text, parse_constant=_no_constant)


def read_text(text: str) -> Any:
    """The value of JSON text as clients read it, its strings cleaned; None for what is no JSON."""
    try:
        return cleaned(json.loads(text, parse_constant=_no_constant))
    except (ValueError, RecursionError):
        return None


def is_clean(text: str) -> bool:
    """Whether a text can be written as UTF-8."""
    return _UNCLEAN.search(text) is None


def mended(text: str) -> str:
    """The text with its halves and bytes joined, or replaced."""
    if is_clean(text):
        return text
    text = _PAIR.sub(_joined, text)
    text = _BYTES.sub(_decoded, text)
    return _LONE.sub(REPLACEMENT, text)


def split_unfinished(text: str) -> tuple[str, str]:
    """The text and its last characters that the next piece may complete."""
    found = _UNFINISHED.search(text)
    return (text, "") if found is None else (text[: found.start()], text[found.start() :])


def cleaned(value: Any) -> Any:
    """A JSON value whose strings can all be written."""
    if isinstance(value, str):
        return mended(value)
    if isinstance(value, list):
        return [cleaned(item) for item in value]
    if isinstance(value, dict):
        return {mended(name): cleaned(item) for name, item in value.items()}
    return value


def written(value: Any) -> bytes:
    """The JSON of a value, cleaned where it must be."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(cleaned(msgspec.to_builtins(value)))
    except OverflowError:
        return json.dumps(cleaned(msgspec.to_builtins(value)), separators=(",", ":")).encode()


def _decoded(characters: re.Match[str]) -> str:
    return bytes(ord(character) - _BYTE_PLACE for character in characters[0]).decode("utf-8", "replace")


def _joined(pair: re.Match[str]) -> str:
    return chr(0x10000 + ((ord(pair[0][0]) - 0xD800) << 10) + ord(pair[0][1]) - 0xDC00)


def _no_constant(name: str) -> None:
    raise ValueError(name)
