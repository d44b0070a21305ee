"""A dialect's JSON body as a platform wants it: top-level fields change, what is inside them is not read.

A body can hold megabytes of conversation; its values are passed on as the bytes that they are.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


def edited(body: bytes, *, without: Collection[str] = (), first: dict[str, Any] | None = None) -> bytes:
    """The body without some fields, and with others in front of it: those win over fields of the same name."""
    fields: dict[str, Any] = dict(first or {})
    for name, value in _decode(body).items():
        if name not in without:
            fields.setdefault(name, value)
    return _encode(fields)


def field(body: bytes, name: str) -> Any:
    """The value of one top-level field, None where it is not there."""
    value = _decode(body).get(name)
    return None if value is None else msgspec.json.decode(value)
