"""Whether a schema fits the strict mode of structured outputs."""

from __future__ import annotations

from typing import Any

from providers.schemas.rules import SchemaRules

_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})
_TYPES = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})
_DEEPEST = 10


def is_strict(schema: Any, rules: SchemaRules) -> bool:
    """Whether it is an object of which nothing is optional or open, with keywords of the strict mode alone.

    https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
    """
    return isinstance(schema, dict) and schema.get("type") == "object" and _is_strict(schema, rules.strict, 0)


def _is_strict(schema: Any, keywords: frozenset[str], depth: int) -> bool:
    if not isinstance(schema, dict) or depth > 2 * _DEEPEST or not keywords.issuperset(schema):
        return False
    kinds = schema.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if not all(isinstance(kind, str) and kind in _TYPES for kind in kinds if kind is not None):
        return False
    if kinds == [None] and not any(name in schema for name in ("anyOf", "$ref", "enum", "const")):
        return False
    shape = schema.get("format", "date")
    if not isinstance(shape, str) or shape not in _FORMATS:
        return False
    if ("object" in kinds or "properties" in schema) and not _is_closed(schema):
        return False
    if "array" in kinds and "items" not in schema:
        return False
    return all(_is_strict(inner, keywords, depth + 1) for inner in _inner(schema))


def _is_closed(schema: dict[str, Any]) -> bool:
    """Whether it has the properties that it names, each of them, and no others."""
    properties, required = schema.get("properties"), schema.get("required")
    if schema.get("additionalProperties") is not False or not isinstance(required, list):
        return False
    named = {name for name in required if isinstance(name, str)}
    return isinstance(properties, dict) and named.issuperset(properties)


def _inner(schema: dict[str, Any]) -> list[Any]:
    found: list[Any] = [schema["items"]] if "items" in schema else []
    if "anyOf" in schema:
        variants = schema["anyOf"]
        found += variants if isinstance(variants, list) and variants else [None]
    for name in ("properties", "$defs", "definitions"):
        if isinstance(schema.get(name), dict):
            found += schema[name].values()
    return found
