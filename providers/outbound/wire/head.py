"""The head of a response: its fields, how its body ends, and how long its connection may be kept.

llhttp has checked the syntax of what comes here: a version, three digits, tokens as names, no NUL, no folded line, no
line end but CRLF, no second Content-Length and none beside Transfer-Encoding.
"""

from __future__ import annotations

from typing import Final

from providers.outbound.wire.limits import FIELDS, IDLE_SECONDS, LINE_BYTES

CHUNKED: Final = -1
UNTIL_CLOSE: Final = -2
_ZERO = 0x30
_BODILESS = frozenset({204, 304})


class Malformed(Exception):
    """The bytes are no response that can be read with certainty."""


class Head:
    """`fields` are by name in lower case, repeated ones joined by a comma as RFC 9110 says.

    `length` is that of the body in bytes, or CHUNKED, or UNTIL_CLOSE. `keep` is for how many seconds the connection may
    wait for another request, 0 where it must not.
    """

    __slots__ = ("fields", "keep", "length", "status")

    def __init__(self, head: bytes, status: int) -> None:
        """Raises Malformed. `head` ends with its empty line."""
        lines = head.split(b"\r\n")
        count = len(lines) - 3
        if count > FIELDS or (len(head) > LINE_BYTES and max(map(len, lines)) > LINE_BYTES):
            raise Malformed
        fields: dict[bytes, bytes] = {}
        lines = lines[1:-2]
        for line in lines:
            name, _, value = line.partition(b":")
            fields[name.lower()] = value.strip()
        if len(fields) != count:
            fields = _joined(lines)
        self.fields = fields
        self.status = status
        is_old = head[7] == _ZERO
        self.length = length = _length(fields, status, is_old)
        self.keep = 0.0 if length == UNTIL_CLOSE else _keep(fields, is_old)


def _joined(lines: list[bytes]) -> dict[bytes, bytes]:
    fields: dict[bytes, bytes] = {}
    for line in lines:
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip()
        fields[name] = b"%b, %b" % (fields[name], value) if name in fields else value
    return fields


def _length(fields: dict[bytes, bytes], status: int, is_old: bool) -> int:
    coding = fields.get(b"transfer-encoding")
    # HTTP/1.0 knows no codings, and only this one ends by itself: whoever sends another is read in two ways.
    if coding is not None and (is_old or coding.lower() != b"chunked"):
        raise Malformed
    if status in _BODILESS:
        return 0
    if coding is not None:
        return CHUNKED
    length = fields.get(b"content-length")
    return UNTIL_CLOSE if length is None else int(length)


def _keep(fields: dict[bytes, bytes], is_old: bool) -> float:
    named = fields.get(b"connection")
    if named is not None or is_old:
        options = [option.strip() for option in (named or b"").lower().split(b",")]
        if b"close" in options or (is_old and b"keep-alive" not in options):
            return 0.0
    promised = fields.get(b"keep-alive")
    return IDLE_SECONDS if promised is None else min(IDLE_SECONDS, _promised(promised))


def _promised(value: bytes) -> float:
    """The server's own time, less a second: a request under way to a server that is about to close is lost."""
    for option in value.lower().split(b","):
        name, _, seconds = option.partition(b"=")
        if name.strip() == b"timeout" and seconds.strip().isdigit() and len(seconds) < 9:
            return max(0.0, int(seconds) - 1.0)
    return IDLE_SECONDS
