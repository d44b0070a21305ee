"""Whether a value is what a schema of an OpenAPI document says, in the part of JSON Schema that ours uses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "number": (int, float),
    "boolean": (bool,), "null": (type(None),),
}  # fmt: skip
_TEXTS = {"title", "description", "default"}


def faults(value: Any, schema: dict[str, Any], document: dict[str, Any], at: str = "$") -> Iterator[str]:
    """Yields what of a value is not as the schema says. A member that no schema names is a fault, too."""
    if "$ref" in schema:
        target = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        yield from faults(value, target, document, at)
        return
    if "anyOf" in schema:
        if not any(not list(faults(value, one, document, at)) for one in schema["anyOf"]):
            yield f"{at}: {value!r} is none of {schema['anyOf']}"
        return
    rest = (
        schema.keys()
        - _TEXTS
        - {"type", "properties", "required", "items", "additionalProperties", "enum", "format", "const"}
    )
    assert not rest, f"teach this module {rest}"
    if "type" in schema and (
        not isinstance(value, _TYPES[schema["type"]]) or (schema["type"] != "boolean" and isinstance(value, bool))
    ):
        yield f"{at}: {value!r} is no {schema['type']}"
        return
    if value not in schema.get("enum", [value]) or value != schema.get("const", value):
        yield f"{at}: {value!r} is not one of {schema}"
    if schema.get("format") == "date-time" and datetime.fromisoformat(value).tzinfo is None:
        yield f"{at}: {value!r} has no zone"
    if isinstance(value, dict):
        yield from _members(value, schema, document, at)
    for number, item in enumerate(value if isinstance(value, list) else []):
        yield from faults(item, schema["items"], document, f"{at}[{number}]")


def _members(value: dict[str, Any], schema: dict[str, Any], document: dict[str, Any], at: str) -> Iterator[str]:
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    yield from (f"{at}: {name} is missing" for name in schema.get("required", ()) if name not in value)
    for name, member in value.items():
        if name in known or isinstance(others, dict):
            yield from faults(member, known.get(name, others), document, f"{at}.{name}")
        else:
            yield f"{at}: no schema names {name}"
