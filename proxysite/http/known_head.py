"""A head that has come before on its connection is compared instead of parsed: only the length of the body may differ.

A client that keeps its connection sends the same head with each request. Every byte but those digits is one that the
parser has taken on this very connection, so it could find nothing else in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Self

from streaming.ingress import known_lines

Scope = dict[str, Any]

_MOST_BYTES: Final = 8192
"""Bytes of a head that is remembered, as long as the connection is open."""
_MOST_DIGITS: Final = 9
_NEVER_SAME: Final = frozenset({b"transfer-encoding", b"expect", b"upgrade"})
"""Headers with which a request is more than its head and a body of known length."""


class KnownHead:
    """One head, and the scope that was made of it."""

    __slots__ = ("_after", "_before", "_length_at", "_scope")

    def __init__(self, before: bytes, after: bytes, scope: Scope, length_at: int) -> None:
        self._before = before
        self._after = after
        self._scope = {**scope, known_lines.IN_SCOPE: known_lines.KnownLines(scope["headers"], length_at)}
        self._length_at = length_at

    @classmethod
    def of(cls, data: bytes, scope: Scope, most: int) -> Self | None:
        """Returns the head with which `data` begins and of which the parser made a scope; None for one that is larger
        than `most`, for one that says more of its body than the length, and for one that was written in another way
        than lines of a name and a value."""
        end = data.find(b"\r\n\r\n", 0, min(most - _MOST_DIGITS, _MOST_BYTES))
        headers = scope["headers"]
        if end < 0 or scope["http_version"] != "1.1":
            return None
        first, *lines = data[:end].split(b"\r\n")
        if not first.endswith(b" HTTP/1.1") or not _are(lines, headers):
            return None
        at = next((number for number, (name, _) in enumerate(headers) if name == b"content-length"), None)
        if at is None:
            return None
        start = len(b"\r\n".join([first, *lines[: at + 1]])) - len(headers[at][1])
        after = start + len(headers[at][1])
        return cls(data[:start], data[after : end + 4], scope, at)

    def request(self, data: bytes) -> tuple[Scope, bytes] | None:
        """Returns the scope and the body of a request that has come whole and has this head; None for any other."""
        before, after = self._before, self._after
        if not data.startswith(before):
            return None
        start = len(before)
        end = data.find(b"\r", start, start + _MOST_DIGITS + 1)
        length, body = data[start:end], data[end + len(after) :]
        if end < 0 or not length.isdigit() or not data.startswith(after, end) or len(body) != int(length):
            return None
        scope = self._scope.copy()
        scope["headers"] = headers = scope["headers"].copy()
        headers[self._length_at] = (b"content-length", length)
        return scope, body


def _are(lines: Sequence[bytes], headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether the lines of a head are the headers that the parser found, each on a line of its own."""
    if len(lines) != len(headers):
        return False
    for line, (name, value) in zip(lines, headers, strict=True):
        written, colon, rest = line.partition(b":")
        if written.lower() != name or not colon or rest.lstrip(b" \t") != value or name in _NEVER_SAME:
            return False
    return True
