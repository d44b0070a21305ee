"""Whatever a client calls a schema: fitting it to a server's rules never fails, and a second time changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.schemas import rules
from providers.schemas.fitting import fitted
from providers.schemas.roots import is_plain
from providers.schemas.rules import SchemaRules
from providers.schemas.strict import is_strict
from tests.claude.anything import ANYTHING

ALL = {name: value for name, value in vars(rules).items() if isinstance(value, SchemaRules)}
_NAMES = st.sampled_from(["a", "b", "type", "items"])
_REFERENCES = st.sampled_from(["#", "#/$defs/a", "#/$defs/b", "#/properties/a", "elsewhere"])
_PATTERNS = st.sampled_from(["^a$", "a", "(?=a)", "[", "^\\d+$", "^(?!x)y$"])
_LEAVES = st.one_of(
    st.booleans(),
    st.none(),
    st.fixed_dictionaries(
        {}, optional={"type": st.sampled_from(["string", "array", "object", "any", ["array", "null"], None])}
    ),
    st.builds(lambda reference: {"$ref": reference}, _REFERENCES),
    st.builds(lambda pattern: {"type": "string", "pattern": pattern}, _PATTERNS),
    ANYTHING,
)


def _deeper(schemas: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(schemas, max_size=3)
    maps = st.dictionaries(_NAMES, schemas, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "array", ["object", "null"]]),
            "properties": maps | ANYTHING,
            "$defs": maps,
            "patternProperties": st.dictionaries(_PATTERNS, schemas, max_size=2),
            "required": st.lists(_NAMES, max_size=3) | ANYTHING,
            "items": schemas | lists,
            "prefixItems": lists,
            "anyOf": lists | ANYTHING,
            "oneOf": lists,
            "allOf": lists,
            "not": schemas,
            "enum": st.lists(ANYTHING, max_size=2),
            "additionalProperties": schemas,
            "exclusiveMinimum": st.booleans() | st.integers(),
            "description": st.text(max_size=3) | st.none(),
            "$ref": _REFERENCES,
        },
    )


SCHEMAS = st.recursive(_LEAVES, _deeper, max_leaves=12).filter(lambda schema: isinstance(schema, dict))


def _arrays_without_items(schema: Any) -> bool:
    if isinstance(schema, list):
        return any(map(_arrays_without_items, schema))
    if not isinstance(schema, dict):
        return False
    kind = schema.get("type")
    if (kind == "array" or (isinstance(kind, list) and "array" in kind)) and not isinstance(
        schema.get("items"), dict | bool
    ):
        return True
    maps = (schema.get(name) for name in ("properties", "$defs", "patternProperties"))
    inner = [value for found in maps if isinstance(found, dict) for value in found.values()]
    inner += [schema.get(name) for name in ("items", "prefixItems", "anyOf", "oneOf", "allOf", "not")]
    return any(map(_arrays_without_items, inner))


@pytest.mark.parametrize("server", ALL.values(), ids=ALL)
@given(schema=SCHEMAS)
def test_a_fitted_schema_fits(server: SchemaRules, schema: dict[str, Any]) -> None:
    found = fitted(schema, server)
    assert fitted(found, server) is found
    if server.plain_root:
        assert is_plain(found)
    if server.array_items:
        assert not _arrays_without_items(found)
    assert is_strict(found, server) in (True, False)
