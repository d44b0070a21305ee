"""Reads a very long JSON text in slices, so that a thread that does it lets the event loop have its turns.

One call of the decoder holds Python's lock until it is done, for 32 MB a fifth of a second, if the text is hostile a
whole one. Here no call reads more than a few megabytes; only looking for where a part ends goes over more.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from providers.claude.client_json import decode

_SLICE: Final = 2 * 1024 * 1024
_MOST_LOOKS: Final = 24
"""How often the text's length may be gone over to find the ends of its parts: nested so deep, nothing big is meant."""

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_first_letter = re.compile(rb"[ \t\r\n]*(.)", re.DOTALL).match
_is_first_half = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}").fullmatch


class TooDeep(ValueError):
    """A part of megabytes is nested too deep to be read in slices."""


def decoded(text: bytes) -> Any:
    """Returns the value of a JSON text, as `decode` does and with its errors. Raises TooDeep."""
    return decode(text) if len(text) <= _SLICE else _Reader(len(text)).value(text)


class _Reader:
    __slots__ = ("_left",)

    def __init__(self, size: int) -> None:
        self._left = _MOST_LOOKS * size

    def value(self, part: bytes | msgspec.Raw) -> Any:
        """The value of a part."""
        size = memoryview(part).nbytes
        if size <= _SLICE:
            return decode(part)
        self._left -= size
        if self._left < 0:
            raise TooDeep
        found = _first_letter(part)
        match found and found[1]:
            case b"{":
                return {name: self.value(inner) for name, inner in _members(part).items()}
            case b"[":
                return [self.value(inner) for inner in _items(part)]
            case b'"':
                return _text(bytes(part).strip(b" \t\r\n"))
        return decode(part)


def _text(quoted: bytes) -> str:
    """A string, put together of pieces that are strings themselves. It grows in its place: a list of pieces would be a
    second copy, four times as long as the bytes where one character is an emoji."""
    end = len(quoted) - 1
    if quoted[end:] != b'"':
        decode(quoted)
    whole, start = "", 1
    while start < end:
        cut = min(end, start + _SLICE)
        if cut < end:
            cut = _safe(quoted, start, cut)
        whole += decode(b'"%b"' % quoted[start:cut])
        start = cut
    return whole


def _safe(text: bytes, start: int, cut: int) -> int:
    """Where to cut at `cut` or a little before: inside no character, no escape, and no pair of escapes."""
    while text[cut] & 0xC0 == 0x80:
        cut -= 1
    escape = text.rfind(b"\\", cut - 5, cut)
    if escape >= 0 and _begins_escape(text, start, escape):
        length = 6 if text[escape + 1] == ord("u") else 2
        if escape + length > cut:
            cut = escape
    if _is_first_half(text, cut - 6, cut) and _begins_escape(text, start, cut - 6):
        cut -= 6
    return cut


def _begins_escape(text: bytes, start: int, backslash: int) -> bool:
    """Whether a backslash is none that is itself escaped; at `start` an escape or a character begins."""
    before = text[start : backslash + 1]
    return (len(before) - len(before.rstrip(b"\\"))) % 2 == 1
