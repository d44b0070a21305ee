"""The schema whitelist: what Gemini knows stays, what it does not is left out, and lost meaning is noted."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.dialects.gemini.schemas import parameters_of
from providers.dialects.gemini.schemas.reducer import reduced

STRING = {"type": "STRING"}
KNOWN = {
    *("type", "title", "description", "nullable", "format", "enum", "properties", "required", "items", "anyOf"),
    *("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties", "minimum", "maximum"),
}


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        ({"type": "string", "description": "A path."}, {"type": "STRING", "description": "A path."}),
        ({"type": "string", "title": "T", "default": "x", "examples": ["y"]}, {"type": "STRING", "title": "T"}),
        ({"type": "string", "minLength": 1, "maxLength": 9}, {"type": "STRING", "minLength": 1, "maxLength": 9}),
        ({"type": "string", "format": "date-time"}, {"type": "STRING", "format": "date-time"}),
        ({"type": "integer", "minimum": 0, "maximum": 9}, {"type": "INTEGER", "minimum": 0, "maximum": 9}),
        ({"type": "integer", "exclusiveMinimum": 0}, {"type": "INTEGER", "minimum": 1}),
        (
            {"type": "integer", "exclusiveMaximum": 5, "format": "int32"},
            {"type": "INTEGER", "format": "int32", "maximum": 4},
        ),
        ({"type": ["string", "null"]}, {"type": "STRING", "nullable": True}),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "STRING", "nullable": True}),
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "A path.", "default": None},
            {"type": "STRING", "description": "A path.", "nullable": True},
        ),
        (
            {"oneOf": [{"type": "string"}, {"type": "integer", "description": "b"}], "description": "a"},
            {"anyOf": [{"type": "STRING", "description": "a"}, {"type": "INTEGER", "description": "b"}]},
        ),
        (
            {"type": ["string", "integer", "null"], "minimum": 1},
            {"anyOf": [{"type": "STRING", "nullable": True}, {"type": "INTEGER", "minimum": 1, "nullable": True}]},
        ),
        ({"enum": ["a", "b", "a"]}, {"type": "STRING", "enum": ["a", "b"]}),
        ({"type": "string", "enum": ["a", None]}, {"type": "STRING", "nullable": True, "enum": ["a"]}),
        ({"const": "a"}, {"type": "STRING", "enum": ["a"]}),
        ({"properties": {"a": {"type": "string"}}}, {"type": "OBJECT", "properties": {"a": STRING}}),
        (
            {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "properties": {"a": {"type": "string"}, "b": {"type": "boolean"}},
                "required": ["a", "gone", "a"],
                "additionalProperties": False,
                "x-order": 1,
            },
            {"type": "OBJECT", "properties": {"a": STRING, "b": {"type": "BOOLEAN"}}, "required": ["a"]},
        ),
        ({"items": {"type": "string"}, "minItems": 1}, {"type": "ARRAY", "minItems": 1, "items": STRING}),
        (
            {"type": "array", "items": {"$ref": "#/$defs/a~1b"}, "$defs": {"a/b": {"type": "string"}}},
            {"type": "ARRAY", "items": STRING},
        ),
        (
            {
                "$ref": "#/definitions/A",
                "description": "mine",
                "definitions": {"A": {"type": "string", "description": "A"}},
            },
            {"type": "STRING", "description": "mine"},
        ),
        (
            {
                "allOf": [
                    {"properties": {"a": {"type": "string"}}, "required": ["a"]},
                    {"properties": {"b": {"type": "string"}}, "required": ["b"]},
                ]
            },
            {"type": "OBJECT", "properties": {"b": STRING, "a": STRING}, "required": ["a", "b"]},
        ),
    ],
)
def test_what_is_sent_without_loss(schema: Any, found: Any) -> None:
    assert reduced(schema) == (found, False)


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        ({"type": "string", "format": "uri"}, STRING),
        ({"type": "string", "pattern": "^(?!x)"}, STRING),
        ({"type": "number", "exclusiveMinimum": 0}, {"type": "NUMBER", "minimum": 0}),
        ({"type": "number", "minimum": 1, "exclusiveMinimum": True}, {"type": "NUMBER", "minimum": 1}),
        ({"type": "integer", "multipleOf": 5}, {"type": "INTEGER"}),
        ({"type": "array", "items": {"type": "string"}, "uniqueItems": True}, {"type": "ARRAY", "items": STRING}),
        ({"type": "integer", "enum": [1, 2]}, {"type": "INTEGER", "description": "One of: 1, 2"}),
        ({"const": True, "description": "On."}, {"type": "BOOLEAN", "description": "On. One of: true"}),
        ({"type": "string", "enum": ["", "a"]}, {"type": "STRING", "enum": ["a"]}),
        ({"enum": ["a", 1]}, {"type": "STRING", "enum": ["a"]}),
        ({}, STRING),
        (True, STRING),
        ({"type": "any"}, STRING),
        ({"type": "null"}, {"type": "STRING", "nullable": True}),
        ({"type": "array"}, {"type": "ARRAY", "items": STRING}),
        (
            {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
            {"type": "ARRAY", "items": {"anyOf": [STRING, {"type": "INTEGER"}]}},
        ),
        ({"type": "object", "additionalProperties": {"type": "string"}}, {"type": "OBJECT"}),
        (
            {"type": "object", "properties": {"a": {"type": "string"}}, "anyOf": [{"required": ["a"]}]},
            {"type": "OBJECT", "properties": {"a": STRING}},
        ),
        ({"type": "string", "not": {"const": "x"}}, STRING),
        ({"$ref": "https://example.com/schema"}, {"type": "OBJECT"}),
        ({"$ref": "#/$defs/Gone", "description": "d"}, {"type": "OBJECT", "description": "d"}),
        (
            {"type": "object", "properties": {"child": {"$ref": "#"}}},
            {
                "type": "OBJECT",
                "properties": {"child": {"type": "OBJECT", "properties": {"child": {"type": "OBJECT"}}}},
            },
        ),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}, {"type": "OBJECT"}),
    ],
)
def test_what_loses_meaning(schema: Any, found: Any) -> None:
    assert reduced(schema) == (found, True)


@pytest.mark.parametrize(
    ("schema", "parameters", "simplified"),
    [
        ({"type": "object", "properties": {}}, None, False),
        ({"type": "string"}, None, False),
        (
            {"type": "object", "properties": {"a": {"type": "string"}}},
            {"type": "OBJECT", "properties": {"a": STRING}},
            False,
        ),
        (
            {
                "type": "object",
                "anyOf": [
                    {"properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["a"]},
                    {"properties": {"a": {"type": "string"}, "c": {"type": "string"}}, "required": ["a", "c"]},
                ],
            },
            {"type": "OBJECT", "properties": {"a": STRING, "c": STRING, "b": STRING}, "required": ["a"]},
            True,
        ),
    ],
)
def test_parameters_are_an_object_with_properties_or_nothing(schema: Any, parameters: Any, simplified: bool) -> None:
    made = parameters_of(msgspec.json.encode(schema))
    assert (msgspec.json.decode(made.json) if made.json else None) == parameters
    assert made.simplified is simplified


def test_references_that_multiply_are_bounded() -> None:
    levels = {f"L{n}": {"properties": {x: {"$ref": f"#/$defs/L{n + 1}"} for x in "abcdefgh"}} for n in range(20)}
    started = time.thread_time()
    found, lost = reduced({"$ref": "#/$defs/L0", "$defs": levels})
    assert time.thread_time() - started < 1
    assert lost
    assert len(msgspec.json.encode(found)) < 500_000


KEYWORDS = [
    *("type", "properties", "items", "anyOf", "oneOf", "allOf", "enum", "const", "$ref", "$defs", "required", "format"),
    *("minimum", "exclusiveMinimum", "prefixItems", "additionalProperties", "description", "nullable", "minItems"),
]
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([None, True, False, 0, 1.5, "", "string", "null", "object", "array", "#", "#/$defs/a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*KEYWORDS, "a"]), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_whatever_a_schema_holds_only_what_gemini_knows_comes_of_it(schema: Any) -> None:
    found, _ = reduced(schema)
    _judge(found)


def _judge(schema: dict[str, Any]) -> None:
    assert set(schema) <= KNOWN
    if "anyOf" in schema:
        assert set(schema) == {"anyOf"}
        assert len(schema["anyOf"]) > 1
        for one in schema["anyOf"]:
            _judge(one)
        return
    kind = schema["type"]
    assert kind in {"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT"}
    assert ("items" in schema) == (kind == "ARRAY")
    assert all(isinstance(value, str) and value for value in schema.get("enum", []))
    assert set(schema.get("required", [])) <= set(schema.get("properties", {}))
    for inner in [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]:
        _judge(inner)
