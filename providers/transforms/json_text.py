"""Reads the string under one key of a JSON object whose text arrives in pieces.

It streams where the object begins with that key; any other shape is read at the end.
"""

from __future__ import annotations

import re

from providers.transforms.json_object import repaired

HELD_AT_MOST = 1 << 20
"""Maximum of characters buffered before the string begins."""
_HEX = "[0-9a-fA-F]"
_HIGH, _LOW = rf"\\u[dD][89abAB]{_HEX}{{2}}", rf"\\u[dD][c-fC-F]{_HEX}{{2}}"
# Everything before the closing quote that later pieces cannot change. Invalid escapes are passed as they are.
_CERTAIN = re.compile(
    rf"""(?: [^"\\]+ | \\[^u]
        | \\u(?![dD][89abAB]){_HEX}{{4}}
        | {_HIGH} (?: {_LOW} | (?= [^\\] | \\[^u] | \\u[^dD] | \\u[dD][^c-fC-F] ) )
        | \\u(?= {_HEX}{{0,3}} [^0-9a-fA-F] )
    )*""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(rf"{_HIGH}{_LOW}|\\u{_HEX}{{4}}|\\.", re.DOTALL)
_SHORT = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "u": "\\u"}


class StringValue:
    """Reads the string under `key`."""

    __slots__ = ("_begin", "_key", "_over", "_pending", "_reading")

    def __init__(self, key: str) -> None:
        self._key = key
        self._begin = re.compile(rf'\s*\{{\s*"{re.escape(key)}"\s*:\s*"')
        self._pending = ""
        self._reading = False
        self._over = False

    def feed(self, piece: str) -> str:
        """Returns what `piece` adds to the string."""
        if self._over:
            return ""
        self._pending += piece
        if not self._reading:
            found = self._begin.match(self._pending)
            if found is None:
                self._pending = self._pending[:HELD_AT_MOST]
                return ""
            self._reading = True
            self._pending = self._pending[found.end() :]
        found = _CERTAIN.match(self._pending)
        end = found.end() if found is not None else 0
        complete, self._pending = self._pending[:end], self._pending[end:]
        self._over = self._pending.startswith('"')
        return _unescaped(complete)

    def close(self) -> str:
        """Returns the rest at the end of the text: for another shape the complete string, or the raw text."""
        rest, self._pending = self._pending, ""
        if self._over:
            return ""
        self._over = True
        if self._reading:
            # The text broke off in an escape.
            return _unescaped(rest) if len(rest) == 6 else ""
        if not rest.strip():
            return ""
        value = repaired(rest, guess=False).get(self._key)
        return value if isinstance(value, str) else rest


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(found: re.Match[str]) -> str:
    escape = found[0]
    if len(escape) == 2:
        return _SHORT.get(escape[1], escape[1])
    code = int(escape[2:6], 16)
    if len(escape) == 12:
        return chr(0x10000 + ((code - 0xD800) << 10) + int(escape[8:], 16) - 0xDC00)
    # A lone surrogate is not a character, and cannot be written as UTF-8.
    return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)
