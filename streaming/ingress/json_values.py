"""How many values the bytes of a JSON text hold, before anything is made of them.

32 MB of text are one value, and 32 MB of `[],[],[]` eleven million: a gigabyte, and half a minute for all who look at
each. Only C code looks at the bytes here, a piece at a time, so that an event loop beside it goes on.
"""

from __future__ import annotations

from typing import Final

_PIECE: Final = 256 * 1024
_BLANKS: Final = b" \t\r\n"


def holds_more_values(body: bytes, most: int) -> bool:
    """Whether a JSON text holds more than `most` values, members of objects and items of lists alike."""
    # Each value but the first follows a comma or an opening bracket, and takes two bytes at least.
    if len(body) <= 2 * most:
        return False
    return _bound(body) > most and _exceeds(body, most)


def _bound(body: bytes) -> int:
    """What the values cannot exceed. In texts such as CSV it is far above their number."""
    return 1 + body.count(b",") + body.count(b"[") + body.count(b"{")


def _exceeds(body: bytes, most: int) -> bool:
    """Counts the values outside strings, up to `most`."""
    values, in_string, carried = 1, False, b""
    opened = b""
    for start in range(0, len(body), _PIECE):
        piece = carried + body[start : start + _PIECE]
        # A backslash and what it escapes stay together.
        carried = piece[-1:] if (len(piece) - len(piece.rstrip(b"\\"))) % 2 else b""
        piece = piece[: len(piece) - len(carried)].replace(b"\\\\", b"").replace(b'\\"', b"")
        parts = piece.split(b'"')
        outside = b'"'.join(parts[in_string::2])
        in_string ^= len(parts) % 2 == 0
        outside = opened + (outside + b'"' * in_string).translate(None, _BLANKS)
        empty = outside.count(b"[]") + outside.count(b"{}")
        values += outside.count(b",") + outside.count(b"[") + outside.count(b"{") - empty - len(opened)
        # A bracket at the end may be the first half of an empty list or object.
        opened = outside[-1:] if outside.endswith((b"[", b"{")) else b""
        if values - len(opened) > most:
            return True
    return values > most
