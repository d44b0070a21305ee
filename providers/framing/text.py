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
_BYTES = re.compile("[\udc80-\udcff]+")
_LONE = re.compile("[\ud800-\udfff]")
# What the next piece may complete: a first half, or the first bytes of a character.
_UNFINISHED = re.compile(
    "(?:[\ud800-\udbff]|[\udcc2-\udcdf]|[\udce0-\udcef][\udc80-\udcbf]?|[\udcf0-\udcf4][\udc80-\udcbf]{0,2})$"
)
REPLACEMENT = "\ufffd"


def read_json(document: bytes) -> Any:
    """The value of a document, its strings as `mended` takes them. Slow: for what strict decoding refused.

    Raises ValueError or RecursionError.
    """
    return json.loads(document.decode("utf-8", "surrogateescape"), parse_constant=_no_constant)


def read_text(text: str) -> Any:
    """The value of JSON text as clients read it, its strings cleaned; None for what is no JSON."""
    try:
        return cleaned(json.loads(text, parse_constant=_no_constant))
    except (ValueError, RecursionError):
        return None


def is_clean(text: str) -> bool:
    """Whether a text can be written as UTF-8."""
    return _LONE.search(text) is None


def mended(text: str) -> str:
    """The text with its halves and bytes joined, or replaced."""
    if is_clean(text):
        return text
    text = _PAIR.sub(_joined, text)
    text = _BYTES.sub(lambda found: found[0].encode("ascii", "surrogateescape").decode("utf-8", "replace"), text)
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
        return msgspec.json.encode(cleaned(value))
    except OverflowError:
        return json.dumps(cleaned(value), separators=(",", ":")).encode()


def _joined(pair: re.Match[str]) -> str:
    return chr(0x10000 + ((ord(pair[0][0]) - 0xD800) << 10) + ord(pair[0][1]) - 0xDC00)


def _no_constant(name: str) -> None:
    raise ValueError(name)
