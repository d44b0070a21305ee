"""JSON schemas as the servers of OpenAI's APIs take them: of a tool's input, and of an answer.

A schema that a server takes goes out as it came. One that it would refuse, and with it the whole request, is changed as
little as possible. The schemas of tools are looked at once: agents send the same fifty with every request.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from providers.claude.client_json import decode
from providers.claude.history.item import encoded
from providers.schemas.fitting import Fitter
from providers.schemas.rules import SchemaRules

_CACHED_AT_MOST = 128 * 1024

_encode = msgspec.json.encode


class FittedSchemas(msgspec.Struct, frozen=True):
    """The JSON of each schema, and the numbers of those that are another than was asked for."""

    each: tuple[msgspec.Raw, ...]
    changed: tuple[int, ...]


def fitted_schemas(schemas: Sequence[dict[str, Any]], rules: SchemaRules) -> FittedSchemas:
    """The schemas of tools by a server's rules."""
    written = encoded(schemas)
    return _cached(written, rules) if len(written) <= _CACHED_AT_MOST else _made(written, rules)


def _made(schemas: bytes, rules: SchemaRules) -> FittedSchemas:
    given = decode(schemas)
    fitter = Fitter(rules)
    found = [fitter.fitted(schema) for schema in given]
    changed = tuple(at for at, (new, old) in enumerate(zip(found, given, strict=True)) if new is not old)
    return FittedSchemas(tuple(msgspec.Raw(_encode(schema)) for schema in found), changed)


_cached = lru_cache(maxsize=64)(_made)
