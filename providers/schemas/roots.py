"""A schema's root as one plain object: what $ref, allOf, anyOf and oneOf add to it is put together."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

Schema = dict[str, Any]

_COMBINED = ("$ref", "allOf", "anyOf", "oneOf")
_GONE = (*_COMBINED, "not", "enum", "const")
_DEEPEST = 16
_MOST_PARTS = 20_000
"""Schemas and properties that are put together; references can multiply them."""
_MOST_ALTERNATIVES = 32
"""Schemas that one property may have in the variants; with more it may be anything."""


def is_plain(schema: Schema) -> bool:
    """Whether the root is an object and says so without a combination."""
    return (
        schema.get("type") == "object"
        and isinstance(schema.get("properties"), dict)
        and not any(name in schema for name in _GONE)
    )


def plain_root(schema: Schema) -> Schema:
    """The root as an object that takes all that the given one takes, and perhaps more.

    Of variants it has the properties of all, required where all require them; which go together is said in words.
    """
    return _Merger(schema).object_of(schema, 0)


def may_be_object(schema: Schema) -> bool:
    """Whether a value of the schema may be an object, as far as its root says."""
    kind = schema.get("type")
    if kind is not None:
        return kind == "object" or (isinstance(kind, list) and "object" in kind)
    variants = [one for name in ("anyOf", "oneOf") for one in _listed(schema.get(name)) if isinstance(one, dict)]
    if "enum" in schema or "const" in schema:
        return False
    return not variants or any(map(may_be_object, variants))


class _Merger:
    def __init__(self, root: Schema) -> None:
        self._root = root
        self._left = _MOST_PARTS

    def object_of(self, schema: Schema, depth: int) -> Schema:
        """The schema as a plain object."""
        parts = self._all_of(schema, depth)
        found = _together(parts)
        for variants in (_listed(part.get(name)) for part in parts for name in ("anyOf", "oneOf")):
            if variants and depth < _DEEPEST and self._left > 0:
                found = self._with_variants(found, variants, depth)
        return found

    def _all_of(self, schema: Schema, depth: int) -> list[Schema]:
        """The schemas that hold together: itself, what it refers to, and its allOf."""
        parts = [schema]
        self._left -= 1 + sum(
            len(listed) for name in ("properties", "required") if isinstance(listed := schema.get(name), dict | list)
        )
        if depth >= _DEEPEST or self._left < 0:
            return parts
        if "$ref" in schema and (target := self._referred(schema["$ref"])) is not None:
            parts += self._all_of(target, depth + 1)
        for part in _listed(schema.get("allOf")):
            if isinstance(part, dict) and self._left >= 0:
                parts += self._all_of(part, depth + 1)
        return parts

    def _with_variants(self, found: Schema, variants: list[Any], depth: int) -> Schema:
        objects = [
            self.object_of(one, depth + 1)
            for one in variants
            if self._left >= 0 and isinstance(one, dict) and may_be_object(one)
        ]
        if not objects:
            return found
        properties = dict(found["properties"])
        alternatives: Schema = {}
        for one in objects:
            _add(alternatives, {name: value for name, value in one["properties"].items() if name not in properties})
        properties |= alternatives
        needed = [one.get("required", []) for one in objects]
        if self._left < 0:
            needed.append([])  # Some variants were left out.
        base = found.get("required", [])
        by_all = set(needed[0]).intersection(*needed).difference(base)
        required = [*base, *(name for name in needed[0] if name in by_all)]
        by_some = set(required)
        merged = {**found, "properties": properties}
        if required:
            merged["required"] = required
        if merged.get("additionalProperties") is False and alternatives:
            del merged["additionalProperties"]
        sets = list(dict.fromkeys(", ".join(name for name in one if name not in by_some) for one in needed))
        if len(sets) > 1 and all(sets):
            hint = f"Give one of these sets of properties: {'; '.join(sets)}."
            description = merged.get("description")
            merged["description"] = f"{description} {hint}" if isinstance(description, str) and description else hint
        return merged

    def _referred(self, reference: Any) -> Schema | None:
        """What a JSON pointer within the document points to. https://datatracker.ietf.org/doc/html/rfc6901"""
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return None
        place: Any = self._root
        for step in unquote(reference[2:]).split("/"):
            place = place.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(place, dict) else None
        return place if isinstance(place, dict) else None


def _together(parts: list[Schema]) -> Schema:
    """One object with the properties of all parts; of any other keyword the first one's."""
    found: Schema = {}
    properties: Schema = {}
    required: dict[str, None] = {}
    for part in parts:
        _add(properties, part.get("properties"))
        required |= dict.fromkeys(name for name in _listed(part.get("required")) if isinstance(name, str))
        for name, value in part.items():
            if name not in _GONE:
                found.setdefault(name, value)
    if any(part.get("additionalProperties") is not False for part in parts) and len(parts) > 1:
        found.pop("additionalProperties", None)  # what one part forbids, another may have
    found |= {"type": "object", "properties": properties}
    found.pop("required", None)
    return {**found, "required": list(required)} if required else found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _add(properties: Schema, more: Any) -> None:
    """Adds properties; one that is there with another schema may be either."""
    for name, value in more.items() if isinstance(more, dict) else ():
        there = properties.get(name)
        if name not in properties:
            properties[name] = value
        elif there and there != value and isinstance(there, dict):
            either = _listed(there["anyOf"]) if list(there) == ["anyOf"] else [there]
            if value not in either:
                properties[name] = {"anyOf": [*either, value]} if len(either) < _MOST_ALTERNATIVES else {}
