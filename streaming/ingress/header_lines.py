"""A client's header lines as one mapping: names in lower case, and what came in several lines joined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_LAST_COUNTS: Final = frozenset(
    {"anthropic-version", "content-length", "content-type", "host", "origin", "user-agent", "x-claude-session-id"}
)
_LAST_COUNTS_BEGINNING: Final = "x-claude-code-"
_KNOWN: Final = {
    name.encode(): name
    for name in (
        *("accept", "accept-encoding", "accept-language", "anthropic-beta", "anthropic-version", "authorization"),
        *("connection", "content-length", "content-type", "host", "user-agent", "x-api-key", "x-app"),
        *("x-claude-code-session-id", "x-forwarded-for", "x-forwarded-proto", "x-stainless-arch", "x-stainless-lang"),
        *("x-stainless-os", "x-stainless-package-version", "x-stainless-retry-count", "x-stainless-runtime"),
        *("x-stainless-runtime-version", "x-stainless-timeout"),
    )
}
"""What clients usually send: to decode a name takes longer than to find it."""


def joined(lines: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Returns the headers of an ASGI scope, which has their names in lower case.

    Lines of one name are one list (RFC 9110, 5.3): HTTP libraries write `anthropic-beta` so when it is added to. Where
    only one value makes sense, the last line counts.
    """
    headers: dict[str, str] = {}
    for name, value in lines:
        headers[_KNOWN.get(name) or name.decode("latin-1")] = value.decode("latin-1")
    return headers if len(headers) == len(lines) else _merged(lines)


def _merged(lines: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for name, value in lines:
        found.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    return {
        name: values[-1]
        if name in _LAST_COUNTS or name.startswith(_LAST_COUNTS_BEGINNING)
        # An equal line says nothing new.
        else ",".join(dict.fromkeys(values))
        for name, values in found.items()
    }
