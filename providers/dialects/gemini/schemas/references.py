"""What a schema refers to, put in its place: $ref within the document, and allOf as one schema."""

from __future__ import annotations

from collections import deque
from typing import Any
from urllib.parse import unquote

Schema = dict[str, Any]

_MOST_PARTS = 50
_LONGEST_CHAIN = 100
"""References that lead from one to the next."""


class Unresolved(ValueError):
    """A reference to elsewhere, to nothing, or to what it is itself part of."""


def referred(schema: Schema, root: Schema, seen: frozenset[str]) -> tuple[Schema, frozenset[str]]:
    """The schema with its $ref replaced by what that refers to; its siblings win. Raises Unresolved."""
    while "$ref" in schema:
        reference = schema["$ref"]
        if not isinstance(reference, str) or reference in seen or len(seen) >= _LONGEST_CHAIN:
            raise Unresolved
        seen |= {reference}
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**_found(reference, root), **beside}
    return schema, seen


def merged(schema: Schema, root: Schema, seen: frozenset[str]) -> tuple[Schema, frozenset[str]]:
    """The schema with its allOf put together: properties and required of all, of any other keyword the first.

    Raises Unresolved.
    """
    parts = schema.get("allOf")
    waiting = deque(parts if isinstance(parts, list) else ())
    union = {key: value for key, value in schema.items() if key != "allOf"}
    taken = 0
    while waiting:
        taken += 1
        part = waiting.popleft()
        if taken > _MOST_PARTS:
            raise Unresolved
        if not isinstance(part, dict):
            continue
        part, seen = referred(part, root, seen)
        inner = part.get("allOf")
        waiting += inner if isinstance(inner, list) else []
        for key, value in part.items():
            if key == "allOf":
                continue
            there = union.get(key)
            if key == "properties" and isinstance(there, dict) and isinstance(value, dict):
                union[key] = {**value, **there}
            elif key == "required" and isinstance(there, list) and isinstance(value, list):
                union[key] = [*there, *value]
            elif key not in union:
                union[key] = value
    return union, seen


def _found(reference: str, root: Schema) -> Schema:
    """What a JSON pointer in a fragment points to. https://datatracker.ietf.org/doc/html/rfc6901"""
    if not reference.startswith("#"):
        raise Unresolved
    place: Any = root
    for step in unquote(reference[1:]).split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(place, list) and step.isdecimal() and int(step) < len(place):
            place = place[int(step)]
        elif isinstance(place, dict):
            place = place.get(step)
        else:
            raise Unresolved
    if not isinstance(place, dict):
        raise Unresolved
    return place
