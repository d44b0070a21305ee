"""Header lines that came before on their connection, but for the length of the body: read and looked up once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from access.keys import AccessDenied, KeyRecord, Keys, caller, end_of
from streaming.ingress.header_lines import joined

IN_SCOPE: Final = "gateway.known_lines"
"""Where a server puts them into the scope of a request."""

_Lines = Sequence[tuple[bytes, bytes]]


class KnownLines:
    """The lines of one head; `length_at` is the number of the content-length among them."""

    __slots__ = ("_headers", "_key", "_keys", "_length_at")

    def __init__(self, lines: _Lines, length_at: int) -> None:
        self._headers = joined(lines)
        self._length_at = length_at
        self._keys: Keys | None = None
        self._key: KeyRecord | None = None

    def headers(self, lines: _Lines) -> dict[str, str]:
        """Returns what `joined` makes of the lines of a request."""
        headers = self._headers.copy()
        headers["content-length"] = lines[self._length_at][1].decode()
        return headers

    def caller(self, headers: Mapping[str, str], keys: Keys, now: float) -> KeyRecord | AccessDenied:
        """Returns what `access.keys.caller` does, without another look where the same keys have the lines' key."""
        if self._keys is keys and end_of(self._key, now) is None and self._key is not None:
            return self._key
        found = caller(headers, keys, now)
        if isinstance(found, KeyRecord):
            self._key, self._keys = found, keys
        return found


def headers_of(scope: Mapping[str, Any]) -> dict[str, str]:
    """Returns the headers of a request, names in lower case (`joined`)."""
    lines = scope["headers"]
    known: KnownLines | None = scope.get(IN_SCOPE)
    return joined(lines) if known is None else known.headers(lines)


def caller_of(scope: Mapping[str, Any], headers: Mapping[str, str], keys: Keys, now: float) -> KeyRecord | AccessDenied:
    """Returns whose key a request has, or why nobody's (`access.keys.caller`)."""
    known: KnownLines | None = scope.get(IN_SCOPE)
    return caller(headers, keys, now) if known is None else known.caller(headers, keys, now)
