"""JSON Schema as Gemini's Schema, which has a part of it and refuses a request for the rest.

The parameters of a tool are made once for each schema: agents send the same fifty with every request. The field
`parameters` (a Schema) is used and not `parametersJsonSchema`, which only newer models and servers have.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from providers.claude.client_json import decode
from providers.dialects.gemini.schemas.reducer import reduced, without_variants

_CACHED_AT_MOST = 64 * 1024


class Parameters(msgspec.Struct, frozen=True):
    """The schema's JSON, b"" for one without properties, and whether some of its meaning was lost."""

    json: bytes
    simplified: bool


def parameters_of(schema: bytes) -> Parameters:
    """A tool's input schema; Gemini wants an object with properties, or nothing at all."""
    return _cached(schema) if len(schema) <= _CACHED_AT_MOST else _made(schema)


def _made(schema: bytes) -> Parameters:
    found, simplified = reduced(decode(schema))
    found, merged = without_variants(found)
    fits = found.get("type") == "OBJECT" and bool(found.get("properties"))
    return Parameters(msgspec.json.encode(found) if fits else b"", simplified or merged)


_cached = lru_cache(maxsize=1024)(_made)
