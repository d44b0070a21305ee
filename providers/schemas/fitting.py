"""A schema by a server's rules: the same object where it keeps them, else with as few changes as they need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from providers.schemas.distinct import distinct
from providers.schemas.patterns import Patterns
from providers.schemas.roots import is_plain, plain_root
from providers.schemas.rules import SchemaRules

Schema = dict[str, Any]

_ANY_TYPE = ("string", "number", "boolean", "object", "array", "null")
_TYPES = frozenset({*_ANY_TYPE, "integer"})
# What generators write of their own language.
_OTHER_NAMES = {name: name for name in _TYPES} | {"str": "string", "int": "integer", "float": "number"}
_OTHER_NAMES |= {"bool": "boolean", "dict": "object", "list": "array", "none": "null"}
_SCHEMAS = ("additionalProperties", "additionalItems", "contains", "not", "if", "then", "else", "propertyNames")
_MAY_BE_NULL = frozenset({"default", "const", "example", "examples", "enum"})
_TEXTS = frozenset({"description", "title", "$ref", "format", "$comment"})
_SHAPES = frozenset(
    {"type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const", "properties", "additionalProperties", "items"}
)
"""Keywords that say what a value is."""
_GONE = object()


def fitted(schema: Schema, rules: SchemaRules) -> Schema:
    """The schema as a server with these rules takes it."""
    return Fitter(rules).fitted(schema)


class Fitter:
    """Fits the schemas of one request."""

    def __init__(self, rules: SchemaRules) -> None:
        self._rules = rules
        self._patterns = Patterns(rules.patterns)
        self._anything = self._typed({})
        self._on: dict[str, Callable[[Any], Any]] = {
            "type": _type,
            "enum": _enum,
            "required": _required,
            "items": self._items,
            "pattern": self._pattern,
            "properties": self._properties,
            **dict.fromkeys(("$defs", "definitions", "dependentSchemas"), self._map),
            "patternProperties": self._pattern_map,
            **dict.fromkeys(("anyOf", "oneOf", "allOf", "prefixItems"), self._list),
            **dict.fromkeys(_SCHEMAS, self._open),
            **dict.fromkeys(_TEXTS, _text),
        }

    def fitted(self, schema: Schema) -> Schema:
        """One whole schema."""
        root = plain_root(schema) if self._rules.plain_root and not is_plain(schema) else schema
        found: Schema = self.node(root, is_root=True)
        return found

    def node(self, schema: Any, *, is_root: bool = False) -> Any:
        """One schema, the same object if nothing in it changes."""
        if isinstance(schema, bool):
            return schema if self._rules.booleans else self._anything if schema else self._nothing()
        if not isinstance(schema, dict):
            return self._anything
        found = schema
        for name, value in schema.items():
            new = self._value(name, value)
            if new is value:
                continue
            if found is schema:
                found = dict(schema)
            if new is _GONE:
                del found[name]
            else:
                found[name] = new
        if isinstance(found.get("exclusiveMinimum"), bool) or isinstance(found.get("exclusiveMaximum"), bool):
            found = _numeric_limits(found)
        return self._by_rules(found, is_root=is_root)

    def _value(self, name: str, value: Any) -> Any:
        if name in self._rules.dropped or (value is None and name not in _MAY_BE_NULL):
            return _GONE
        reader = self._on.get(name)
        return value if reader is None else reader(value)

    def _by_rules(self, schema: Schema, *, is_root: bool) -> Schema:
        rules = self._rules
        if rules.array_items and "items" not in schema and _is_array(schema):
            schema = {**schema, "items": self._typed(_one_of(schema.get("prefixItems")))}
        if rules.lone_variants and not is_root:
            schema = _with_lone_variants(schema)
        return self._typed(schema)

    def _typed(self, schema: Schema) -> Schema:
        """The schema with all types, where it says none and the server wants one."""
        how = self._rules.typed
        if how == "no" or not _SHAPES.isdisjoint(schema) or (how == "annotated" and not schema) or "not" in schema:
            return schema
        if how == "variants":
            return {**schema, "anyOf": [{"type": kind} for kind in _ANY_TYPE]}
        return {**schema, "type": list(_ANY_TYPE)}

    def _nothing(self) -> Schema:
        """What no value follows; near enough where a server wants a type."""
        return {"not": {}} if self._rules.typed == "no" else {"type": "null"}

    def _open(self, value: Any) -> Any:
        """A schema in a place where every server takes true and false."""
        return value if isinstance(value, bool) else self.node(value)

    def _properties(self, value: Any) -> Any:
        """A property that may not be there is left out where it cannot be false."""
        if isinstance(value, dict) and not self._rules.booleans and any(inner is False for inner in value.values()):
            value = {name: inner for name, inner in value.items() if inner is not False}
        return self._map(value)

    def _map(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return {}
        fitting = {name: self.node(inner) for name, inner in value.items()}
        return value if all(fitting[name] is inner for name, inner in value.items()) else fitting

    def _pattern_map(self, value: Any) -> Any:
        found = self._map(value)
        readable = {name: inner for name, inner in found.items() if self._patterns.readable(name)}
        return found if len(readable) == len(found) else readable

    def _list(self, value: Any) -> Any:
        if not isinstance(value, list) or not value:
            return _GONE
        fitting = [self.node(inner) for inner in value]
        return value if all(new is old for new, old in zip(fitting, value, strict=True)) else fitting

    def _items(self, value: Any) -> Any:
        """A list of schemas, one for each place, is of earlier drafts; draft 2020-12 takes one schema for all."""
        return self.node(_one_of(value) if isinstance(value, list) else value)

    def _pattern(self, value: Any) -> Any:
        return value if isinstance(value, str) and self._patterns.readable(value) else _GONE


def _is_array(schema: Schema) -> bool:
    kind = schema.get("type")
    return kind == "array" or (isinstance(kind, list) and "array" in kind)


def _one_of(schemas: Any) -> Schema:
    """One schema that each of some values follows."""
    given = schemas if isinstance(schemas, list) else []
    different = distinct(one for one in given if isinstance(one, dict))
    if not different:
        return {}
    return different[0] if len(different) == 1 else {"anyOf": different}


def _with_lone_variants(schema: Schema) -> Schema:
    """No type beside anyOf and nothing beside $ref."""
    if "$ref" in schema and len(schema) > 1:
        return {"$ref": schema["$ref"]}
    if "anyOf" not in schema or "type" not in schema:
        return schema
    kind = schema["type"]
    variants = [
        _with_lone_variants({"type": kind, **one}) if isinstance(one, dict) and "$ref" not in one else one
        for one in schema["anyOf"]
    ]
    return {**{name: value for name, value in schema.items() if name != "type"}, "anyOf": variants}


def _numeric_limits(schema: Schema) -> Schema:
    """`exclusiveMinimum: true` of draft 4 makes the minimum itself exclusive."""
    found = dict(schema)
    for exclusive, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(found.get(exclusive), bool):
            is_exclusive = found.pop(exclusive)
            if is_exclusive and limit in found:
                found[exclusive] = found.pop(limit)
    return found


def _type(value: Any) -> Any:
    if isinstance(value, str):
        return value if value in _TYPES else _OTHER_NAMES.get(value.lower(), _GONE)
    if not isinstance(value, list):
        return _GONE
    if value and all(isinstance(one, str) and one in _TYPES for one in value) and len(set(value)) == len(value):
        return value
    known = [kind for one in value if isinstance(kind := _type(one), str)]
    return list(dict.fromkeys(known)) or _GONE


def _enum(value: Any) -> Any:
    return value if isinstance(value, list) and value else _GONE


def _required(value: Any) -> Any:
    """`required: true` is of draft 3, where it stands in the property."""
    if not isinstance(value, list):
        return _GONE
    names = list(dict.fromkeys(name for name in value if isinstance(name, str)))
    return value if names == value else names


def _text(value: Any) -> Any:
    return value if isinstance(value, str) else _GONE
