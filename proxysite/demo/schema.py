"""Makes a value that satisfies a JSON schema, always the same one: arguments for unknown tools."""

from __future__ import annotations

import math
import re
from typing import Any

_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "email": "demo@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_PLACE = re.compile(r"\b(?:in|for|of|at|to|about|named)\s+([A-Z][\w-]*)")
_DEPTH = 12


def example(schema: Any, prompt: str = "", variant: int = 0) -> Any:
    """A value for `schema`; strings come from `prompt` where it names something, and differ between variants.

    Optional properties are left out. Patterns and conditions (`pattern`, `if`, `not`) are not looked at.
    """
    names = _PLACE.findall(prompt)
    word = names[min(variant, len(names) - 1)] if names else "demo" if variant == 0 else f"demo {variant + 1}"
    return _value(schema, schema, word, 0)


def _value(schema: Any, root: Any, word: str, depth: int) -> Any:
    if not isinstance(schema, dict) or depth > _DEPTH:
        return word
    if "$ref" in schema:
        return _value(_resolve(schema["$ref"], root), root, word, depth + 1)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    for key in ("enum", "examples"):
        if schema.get(key):
            return schema[key][0]
    for key in ("anyOf", "oneOf"):
        choices = [choice for choice in schema.get(key) or [] if choice != {"type": "null"}]
        if choices:
            return _value(choices[0], root, word, depth + 1)
    if schema.get("allOf"):
        return _value(_merged(schema, root), root, word, depth + 1)
    return _of_type(_type(schema), schema, root, word, depth)


def _type(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if isinstance(kind, str):
        return kind
    return "object" if "properties" in schema else "array" if "items" in schema else "string"


def _of_type(kind: str, schema: dict[str, Any], root: Any, word: str, depth: int) -> Any:
    if kind == "object":
        properties = schema.get("properties") or {}
        return {name: _value(properties.get(name), root, word, depth + 1) for name in schema.get("required") or []}
    if kind == "array":
        wanted = max(1, schema.get("minItems") or 0)
        return [_value(schema.get("items"), root, word, depth + 1) for _ in range(wanted)]
    if kind in {"integer", "number"}:
        return _number(schema, is_integer=kind == "integer")
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    text = _FORMATS.get(schema.get("format") or "", word)
    return text.ljust(schema.get("minLength") or 0, ".")[: schema.get("maxLength")]


def _number(schema: dict[str, Any], is_integer: bool) -> int | float:
    low = schema.get("minimum")
    if low is None and schema.get("exclusiveMinimum") is not None:
        low = schema["exclusiveMinimum"] + 1
    high = schema.get("maximum")
    if high is None and schema.get("exclusiveMaximum") is not None:
        high = schema["exclusiveMaximum"] - 1
    number = 1 if low is None else max(1, low)
    number = number if high is None else min(number, high)
    return math.ceil(number) if is_integer else number


def _resolve(reference: Any, root: Any) -> Any:
    """A reference inside the schema itself, `#/$defs/Name`."""
    found = root
    for step in str(reference).removeprefix("#").strip("/").split("/"):
        found = found.get(step.replace("~1", "/").replace("~0", "~")) if step and isinstance(found, dict) else found
    return found


def _merged(schema: dict[str, Any], root: Any) -> dict[str, Any]:
    merged: dict[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
    for part in schema["allOf"]:
        part = _resolve(part["$ref"], root) if isinstance(part, dict) and "$ref" in part else part
        if isinstance(part, dict):
            properties = {**merged.get("properties", {}), **part.get("properties", {})}
            required = [*merged.get("required", []), *part.get("required", [])]
            merged = {**merged, **part, "properties": properties, "required": required}
    return merged
