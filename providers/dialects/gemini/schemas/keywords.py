"""The keywords of JSON Schema: those that Gemini has, those that mean nothing to a model, and limits by type."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

TYPES = {
    "string": "STRING",
    "number": "NUMBER",
    "integer": "INTEGER",
    "boolean": "BOOLEAN",
    "array": "ARRAY",
    "object": "OBJECT",
}
FORMATS: dict[str, tuple[str, ...]] = {
    "string": ("enum", "date-time"),
    "number": ("float", "double"),
    "integer": ("int32", "int64"),
    "boolean": (),
    "array": (),
    "object": (),
}
"""The formats that are taken; any other is a 400."""
PLAIN_KEYWORDS = frozenset({"type", "properties", "items", "enum", "const", "$ref", "anyOf", "oneOf", "allOf"})
"""Those that make a schema one of its own, not only a limit on another."""
_COUNTS = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}
_LIMITS = (
    *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
)
# Notes to people and validators, or names for other places.
_WITHOUT_MEANING = frozenset(
    {
        *("$schema", "$id", "id", "$anchor", "$comment", "$defs", "definitions", "$vocabulary", "title", "default"),
        *("example", "examples", "deprecated", "readOnly", "writeOnly", "additionalProperties"),
        *("unevaluatedProperties", "propertyOrdering", "nullable"),
    }
)
# `pattern` is not among them: Gemini reads it, but refuses look-aheads and the like, which many patterns have.
ALL_KEYWORDS = (
    PLAIN_KEYWORDS | _WITHOUT_MEANING | frozenset({*_LIMITS, "description", "format", "required", "prefixItems"})
)
"""Those that are sent, or lose nothing when they are not."""


def inferred_type(schema: dict[str, Any]) -> str | None:
    """The type that a schema without one must be of."""
    if any(keyword in schema for keyword in ("properties", "required", "additionalProperties")):
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    if any(keyword in schema for keyword in ("minLength", "maxLength", "pattern")):
        return "string"
    return "number" if "minimum" in schema or "maximum" in schema else None


def type_of_values(values: Iterable[Any]) -> str | None:
    """The type that all values are of, null aside."""
    kinds = {_type_of(value) for value in values if value is not None}
    if kinds == {"integer", "number"}:
        return "number"
    return kinds.pop() if len(kinds) == 1 else None


def bounds_of(schema: dict[str, Any], kind: str) -> tuple[dict[str, Any], bool]:
    """The limits on a value of this type, and whether they are all sent exactly."""
    bounds: dict[str, Any] = {}
    for keyword in _COUNTS.get(kind, ()):
        if isinstance(schema.get(keyword), int) and not isinstance(schema[keyword], bool):
            bounds[keyword] = schema[keyword]
    if kind not in ("integer", "number"):
        return bounds, True
    exact = True
    for keyword, exclusive, step in (("minimum", "exclusiveMinimum", 1), ("maximum", "exclusiveMaximum", -1)):
        limit, beyond = _number(schema.get(keyword)), _number(schema.get(exclusive))
        if limit is None and beyond is not None:
            is_whole = kind == "integer" and isinstance(beyond, int)
            limit = beyond + step if is_whole else beyond
            exact = exact and is_whole
        elif exclusive in schema:
            exact = False
        if limit is not None:
            bounds[keyword] = limit
    return bounds, exact


def texts_of(values: Iterable[Any]) -> list[str]:
    """The strings that are not empty, each once."""
    return list(dict.fromkeys(value for value in values if isinstance(value, str) and value))


def described(description: Any, values: list[Any]) -> str:
    """A description with the values in it."""
    text = "One of: " + ", ".join(msgspec.json.encode(value).decode() for value in values)
    return f"{description} {text}" if isinstance(description, str) and description else text


def _number(value: Any) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _type_of(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"
