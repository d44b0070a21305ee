"""What the platforms share of HTTP: edits of a JSON body's top-level fields, and parts of URLs.

A body can hold megabytes of conversation, so its values stay the bytes that they are.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from providers.claude.client_json import decode

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode
# All that a path may hold unescaped (RFC 3986), except the plus: aiohttp's URLs undo other escapes, and a signature
# covers what is sent.
_SAFE = "-._~!$&'()*,;=:@"


def edited_body(body: bytes, *, without: Collection[str] = (), first: dict[str, Any] | None = None) -> bytes:
    """Returns the body without some fields and with others in front; those override fields of the same name."""
    fields: dict[str, Any] = dict(first or {})
    for name, value in _decode(body).items():
        if name not in without:
            fields.setdefault(name, value)
    return _encode(fields)


def body_field(body: bytes, name: str) -> Any:
    """Returns the value of one top-level field, or None."""
    value = _decode(body).get(name)
    return None if value is None else decode(value)


def path_segment(name: str) -> str:
    """Returns a name as one segment of a path, which every HTTP library sends unchanged."""
    return quote(name, safe=_SAFE)


def base_path(base_url: str) -> str:
    """Returns the path of a base URL, without a trailing slash."""
    return urlsplit(base_url).path.rstrip("/")


def host_of(base_url: str) -> str:
    """Returns the host of a base URL in lower case."""
    return (urlsplit(base_url).hostname or "").lower()
