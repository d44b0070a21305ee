"""JSON Schema reduced to what Gemini's Schema has: anything else in one fails the whole request with a 400.

https://ai.google.dev/api/caching#Schema. References are put in place, unions with null become nullable, and what cannot
be expressed is left out. Bounded in depth and size, because references can multiply.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from providers.dialects.gemini.schemas.keywords import (
    ALL_KEYWORDS,
    FORMATS,
    PLAIN_KEYWORDS,
    TYPES,
    bounds_of,
    described,
    inferred_type,
    texts_of,
    type_of_values,
)
from providers.dialects.gemini.schemas.references import Unresolved, merged, referred
from providers.schemas.distinct import distinct

Schema = dict[str, Any]

_DEEPEST = 24
_MOST_NODES = 4000
_ANYTHING: Schema = {"type": "STRING"}


def reduced(schema: Any) -> tuple[Schema, bool]:
    """The schema as Gemini takes it, and whether some of its meaning was lost."""
    reducer = _Reducer(schema if isinstance(schema, dict) else {})
    return reducer.node(schema, 0), reducer.loses_meaning


def without_variants(schema: Schema) -> tuple[Schema, bool]:
    """A union of objects as one object with the properties of all, required where all require them."""
    variants = schema.get("anyOf")
    if not variants:
        return schema, False
    objects = [variant for variant in variants if variant.get("type") == "OBJECT"]
    properties: Schema = {}
    for variant in reversed(objects):
        properties |= variant.get("properties", {})
    union: Schema = {"type": "OBJECT", "properties": properties}
    needed = set(properties).intersection(*(variant.get("required", ()) for variant in objects))
    required = [name for name in properties if name in needed]
    return ({**union, "required": required} if required else union), True


class _Reducer:
    def __init__(self, root: Schema) -> None:
        self._root = root
        self._left = _MOST_NODES
        self.loses_meaning = False

    def node(self, schema: Any, depth: int, seen: frozenset[str] = frozenset()) -> Schema:
        """One schema. `seen` are the references that led here."""
        self._left -= 1
        if depth > _DEEPEST or self._left < 0:
            return self._lose({"type": "OBJECT"})
        if not isinstance(schema, dict):
            return self._lose(_ANYTHING)
        try:
            schema, seen = referred(schema, self._root, seen)
            if "allOf" in schema:
                schema, seen = merged(schema, self._root, seen)
        except Unresolved:
            return self._lose(_with_description({"type": "OBJECT"}, schema))
        if any(keyword not in ALL_KEYWORDS and not keyword.startswith("x-") for keyword in schema):
            self.loses_meaning = True
        variants = _variants(schema)
        if variants is not None:
            if not _is_complete_alone(schema, variants):
                return self._union(schema, variants, depth, seen)
            self.loses_meaning = True
        kind, nullable, others = _kinds(schema)
        if others:
            rest = {key: value for key, value in schema.items() if key not in ("type", "anyOf", "oneOf")}
            each = [{**rest, "type": other} for other in (kind, *others, *(["null"] if nullable else []))]
            return self._union(schema, each, depth, seen)
        found = self._typed(schema, kind, depth, seen)
        if nullable or schema.get("nullable") is True:
            found["nullable"] = True
        return found

    def _typed(self, schema: Schema, kind: str | None, depth: int, seen: frozenset[str]) -> Schema:
        values = _values(schema)
        if kind == "null":
            return self._lose(_with_description({"type": "STRING", "nullable": True}, schema))
        if kind not in TYPES:
            kind = self._inferred(schema, kind, values)
        found: Schema = {"type": TYPES[kind]}
        for keyword in ("title", "description"):
            if isinstance(schema.get(keyword), str) and schema[keyword]:
                found[keyword] = schema[keyword]
        if None in values:
            found["nullable"] = True
        self._add_values(found, kind, values)
        shape = schema.get("format")
        if shape in FORMATS[kind]:
            found["format"] = shape
        elif shape is not None:
            self.loses_meaning = True
        bounds, exact = bounds_of(schema, kind)
        found |= bounds
        self.loses_meaning = self.loses_meaning or not exact
        if kind == "object":
            found |= self._object(schema, depth, seen)
        elif kind == "array":
            found["items"] = self._items(schema, depth, seen)
        return found

    def _inferred(self, schema: Schema, kind: str | None, values: list[Any]) -> str:
        """The type of a schema whose own type is unknown or missing."""
        inferred = type_of_values(values) if values else inferred_type(schema)
        self.loses_meaning = self.loses_meaning or kind is not None or inferred is None
        return inferred or "string"

    def _add_values(self, found: Schema, kind: str, values: list[Any]) -> None:
        """Gemini's enum is of strings that are not empty; other values go into the description."""
        given = [value for value in values if value is not None]
        if not given:
            return
        if kind != "string":
            self.loses_meaning = True
            found["description"] = described(found.get("description"), given)
            return
        texts = texts_of(given)
        self.loses_meaning = self.loses_meaning or any(not isinstance(value, str) or not value for value in given)
        if texts:
            found["enum"] = texts

    def _object(self, schema: Schema, depth: int, seen: frozenset[str]) -> Schema:
        if isinstance(schema.get("additionalProperties"), dict) and schema["additionalProperties"]:
            self.loses_meaning = True
        given = schema.get("properties")
        if not isinstance(given, dict):
            return {}
        properties = {name: self.node(inner, depth + 1, seen) for name, inner in given.items() if inner is not False}
        if not properties:
            return {}
        required = schema.get("required")
        listed = dict.fromkeys(name for name in required if isinstance(name, str)) if isinstance(required, list) else {}
        needed = [name for name in listed if name in properties]
        return {"properties": properties, "required": needed} if needed else {"properties": properties}

    def _items(self, schema: Schema, depth: int, seen: frozenset[str]) -> Schema:
        """The items; Gemini refuses an array without."""
        items = schema.get("items")
        several = schema.get("prefixItems") if "prefixItems" in schema else items
        if isinstance(several, list) and several:
            self.loses_meaning = True
            return self._union({}, several, depth + 1, seen)
        return self.node(items, depth + 1, seen)

    def _union(self, schema: Schema, variants: list[Any], depth: int, seen: frozenset[str]) -> Schema:
        """One of several: Vertex takes nothing beside anyOf, so what holds for all is repeated in each."""
        nullable = schema.get("nullable") is True
        each: list[Schema] = []
        for variant in variants:
            if _is_null(variant):
                nullable = True
                continue
            found = self.node(variant, depth + 1, seen)
            each += found.get("anyOf", [found])
        if not each:
            return self._lose(_with_description({"type": "STRING", "nullable": True}, schema))
        each = distinct(each)
        each = [_with_description(one, schema, override=len(each) == 1) for one in each]
        if nullable:
            each = [{**one, "nullable": True} for one in each]
        return each[0] if len(each) == 1 else {"anyOf": each}

    def _lose(self, schema: Schema) -> Schema:
        self.loses_meaning = True
        return dict(schema)


def _variants(schema: Schema) -> list[Any] | None:
    for keyword in ("anyOf", "oneOf"):
        variants = schema.get(keyword)
        if isinstance(variants, list) and variants:
            return variants
    return None


def _is_complete_alone(schema: Schema, variants: list[Any]) -> bool:
    """Whether a schema is complete without its variants, which then only narrow it down."""
    if isinstance(schema.get("properties"), dict) and schema["properties"]:
        return True
    return "type" in schema and not any(
        isinstance(one, dict) and not PLAIN_KEYWORDS.isdisjoint(one) for one in variants
    )


def _kinds(schema: Schema) -> tuple[str | None, bool, list[str]]:
    """The type, whether null is one of the types, and the further types."""
    kind = schema.get("type")
    if not isinstance(kind, list):
        return (kind if isinstance(kind, str) else None), False, []
    kinds = list(dict.fromkeys(one for one in kind if isinstance(one, str) and one != "null"))
    return (kinds[0] if kinds else None), "null" in kind, kinds[1:]


def _values(schema: Schema) -> list[Any]:
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return values if isinstance(values, list) else []


def _is_null(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return False
    return schema.get("type") in ("null", ["null"]) or (set(_nulls(schema)) == {True})


def _nulls(schema: Schema) -> Iterator[bool]:
    for value in _values(schema):
        yield value is None


def _with_description(found: Schema, schema: Schema, *, override: bool = False) -> Schema:
    description = schema.get("description")
    if not isinstance(description, str) or not description or ("description" in found and not override):
        return found
    kind = {key: value for key, value in found.items() if key == "type"}
    return {**kind, "description": description, **{key: value for key, value in found.items() if key != "description"}}
