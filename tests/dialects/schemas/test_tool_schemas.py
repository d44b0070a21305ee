"""JSON schemas that a server would refuse, and with them the whole request; and good ones, which stay as they are."""

from __future__ import annotations

import copy
import json
from typing import Any

import msgspec
import pytest

from providers.fidelity import Fidelity
from tests.claude.wire import make_call, sent, sent_body
from tests.dialects.schemas.places import PLACES, TEXT, A, B, C, Json, an_object

CHAT = PLACES["chat"]
ALL_TYPES = ["string", "number", "boolean", "object", "array", "null"]
GOOD: Json = {
    "type": "object",
    "title": "Search",
    "properties": {
        "query": {"type": "string", "description": "Of what", "pattern": "^[a-z]+\\d?$", "minLength": 1},
        "any": {},
        "yes": True,
        "either": {"anyOf": [TEXT, {"type": "array", "items": TEXT}], "default": None},
        "items": {"type": "array", "items": {}},
        "pattern": {"type": "object", "properties": {"type": {"enum": ["array", 1, None]}}},
        "node": {"$ref": "#/$defs/node"},
    },
    "$defs": {"node": {"type": ["object", "null"], "properties": {"next": {"$ref": "#/$defs/node"}}}},
    "required": ["query"],
    "additionalProperties": False,
    "examples": [{"type": "array"}],
    "x-order": [["b", "a"]],
}


def parameters(schema: Json, place: tuple[str, Json] = CHAT) -> tuple[Json, bool]:
    """A tool's schema as it goes out, and whether a change is noted."""
    dialect, options = place
    before = copy.deepcopy(schema)
    call = make_call(dialect, {"messages": [], "tools": [{"name": "Do", "input_schema": schema}]}, **options)
    (tool,) = sent_body(call)["tools"]
    assert schema == before
    return tool.get("function", tool)["parameters"], Fidelity.TOOL_SCHEMA_SIMPLIFIED in call.notes


def of_property(schema: Any, place: tuple[str, Json] = CHAT) -> Any:
    """The schema of a property as it goes out."""
    found, _ = parameters({"type": "object", "properties": {"p": schema}}, place)
    return found["properties"].get("p")


ROOTS: dict[str, tuple[Json, Json]] = {
    "anyOf alone": (
        {"type": "object", "anyOf": [an_object({"a": A, "b": B}, "a", "b"), an_object({"c": C, "b": B}, "c", "b")]},
        an_object({"a": A, "b": B, "c": C}, "b", description="Give one of these sets of properties: a; c."),
    ),
    "anyOf beside properties": (
        {**an_object({"a": A, "b": B}, description="Sends."), "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
        an_object({"a": A, "b": B}, description="Sends. Give one of these sets of properties: a; b."),
    ),
    "oneOf without a type": (
        {"oneOf": [an_object({"kind": {"const": "x"}}, "kind"), an_object({"kind": {"const": "y"}}, "kind")]},
        an_object({"kind": {"anyOf": [{"const": "x"}, {"const": "y"}]}}, "kind"),
    ),
    "allOf": (
        {
            "type": "object",
            "allOf": [an_object({"a": A}, "a"), {"$ref": "#/$defs/b"}],
            "$defs": {"b": an_object({"b": B}, "b")},
        },
        {
            "type": "object",
            "$defs": {"b": an_object({"b": B}, "b")},
            "properties": {"a": A, "b": B},
            "required": ["a", "b"],
        },
    ),
    "a reference": (
        {"$ref": "#/$defs/b", "$defs": {"b": an_object({"b": B}, "b")}},
        {"type": "object", "$defs": {"b": an_object({"b": B}, "b")}, "properties": {"b": B}, "required": ["b"]},
    ),
    "not": ({**an_object({"a": A}), "not": {"required": ["b"]}}, an_object({"a": A})),
    "enum": ({**an_object({"a": A}), "enum": [{"a": "1"}]}, an_object({"a": A})),
    "a type that may be null": ({**an_object({"a": A}), "type": ["object", "null"]}, an_object({"a": A})),
    "another type": ({"type": "string"}, an_object({})),
    "a null among the variants": ({"anyOf": [an_object({"a": A}, "a"), {"type": "null"}]}, an_object({"a": A}, "a")),
    "variants in variants": (
        {"anyOf": [{"oneOf": [an_object({"a": A}, "a"), an_object({"b": B}, "b")]}, an_object({"c": C})]},
        an_object({"a": A, "b": B, "c": C}),
    ),
    "closed variants": (
        {"type": "object", "anyOf": [an_object({"a": A}, additionalProperties=False)], "additionalProperties": False},
        an_object({"a": A}),
    ),
    "a reference to itself": ({"$ref": "#"}, an_object({})),
    "one to nowhere": ({"$ref": "https://example.com/x", "properties": {"a": A}}, an_object({"a": A})),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize(("schema", "expected"), ROOTS.values(), ids=ROOTS)
def test_a_root_becomes_one_plain_object(schema: Json, expected: Json, place: tuple[str, Json]) -> None:
    assert parameters(schema, place) == (expected, True)


ARRAYS: dict[str, tuple[Json, Json]] = {
    "without items": ({"type": "array"}, {"type": "array", "items": {}}),
    "or null": ({"type": ["array", "null"]}, {"type": ["array", "null"], "items": {}}),
    "a tuple": (
        {"type": "array", "prefixItems": [TEXT, TEXT]},
        {"type": "array", "prefixItems": [TEXT, TEXT], "items": TEXT},
    ),
    "a tuple of earlier drafts": (
        {"type": "array", "items": [TEXT, {"type": "integer"}]},
        {"type": "array", "items": {"anyOf": [TEXT, {"type": "integer"}]}},
    ),
    "in an array": (
        {"type": "array", "items": {"type": "array"}},
        {"type": "array", "items": {"type": "array", "items": {}}},
    ),
    "in variants": ({"anyOf": [{"type": "array"}, TEXT]}, {"anyOf": [{"type": "array", "items": {}}, TEXT]}),
    "in further properties": (
        {"type": "object", "additionalProperties": {"type": "array"}},
        {"type": "object", "additionalProperties": {"type": "array", "items": {}}},
    ),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize(("schema", "expected"), ARRAYS.values(), ids=ARRAYS)
def test_arrays_say_what_is_in_them(schema: Json, expected: Json, place: tuple[str, Json]) -> None:
    assert parameters(an_object({"p": schema}), place) == (an_object({"p": expected}), True)


def test_arrays_in_definitions_too() -> None:
    schema = an_object({"p": {"$ref": "#/$defs/list"}}, **{"$defs": {"list": {"type": "array"}}})
    assert parameters(schema)[0]["$defs"] == {"list": {"type": "array", "items": {}}}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string", "pattern": "^(?!__)[a-z]+$"}, TEXT),
        ({"type": "string", "pattern": "(?<=a)b"}, TEXT),
        ({"type": "string", "pattern": "^[^\\p{Cc}\\p{Cf}]{1,200}$"}, TEXT),
        ({"type": "string", "pattern": "["}, TEXT),
        ({"type": "string", "pattern": None}, TEXT),
        (
            {"type": "object", "patternProperties": {"^(?=x)": TEXT, "^y": TEXT}},
            {"type": "object", "patternProperties": {"^y": TEXT}},
        ),
    ],
    ids=lambda one: json.dumps(one),
)
def test_patterns_that_openai_cannot_read_are_left_out(schema: Json, expected: Json) -> None:
    """Claude Code's own Artifact has one: \\p{…} and a look-ahead."""
    assert of_property(schema) == expected
    assert of_property(schema, PLACES["responses"]) == expected


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "integer", "minimum": 0, "exclusiveMinimum": True}, {"type": "integer", "exclusiveMinimum": 0}),
        ({"type": "integer", "maximum": 9, "exclusiveMaximum": False}, {"type": "integer", "maximum": 9}),
        ({"type": "string", "required": True}, TEXT),
        ({"type": "any", "description": "x"}, {"description": "x"}),
        ({"type": "str"}, TEXT),
        ({"type": None, "description": None}, {}),
        ("object", {}),
        (None, {}),
        ({"type": "object", "properties": None}, {"type": "object"}),
        ({"type": "object", "required": ["a", "a", 1]}, {"type": "object", "required": ["a"]}),
        ({"anyOf": []}, {}),
        ({"type": "string", "enum": []}, TEXT),
    ],
    ids=lambda one: json.dumps(one),
)
def test_what_is_no_json_schema_is_mended_everywhere(schema: Any, expected: Json) -> None:
    for profile in ("openai", "mistral", "xai", "vllm", "groq"):
        assert of_property(schema, ("openai_chat", {"profile": profile})) == expected


EVERYWHERE = [*PLACES.values(), *(("openai_chat", {"profile": name}) for name in ("vllm", "sglang", "mistral", "xai"))]


@pytest.mark.parametrize("place", EVERYWHERE, ids=str)
def test_a_good_schema_stays_byte_for_byte(place: tuple[str, Json]) -> None:
    dialect, options = place
    call = make_call(dialect, {"messages": [], "tools": [{"name": "Do", "input_schema": GOOD}]}, **options)
    assert b'"parameters":' + msgspec.json.encode(GOOD) in sent(call).body
    assert Fidelity.TOOL_SCHEMA_SIMPLIFIED not in call.notes


@pytest.mark.parametrize(
    ("profile", "schema", "expected"),
    [
        (
            "moonshot",
            {"type": "object", "anyOf": [{"properties": {}}]},
            {"anyOf": [{"type": "object", "properties": {}}]},
        ),
        (
            "moonshot",
            {"type": "object", "anyOf": [{"anyOf": [{"properties": {}}, TEXT]}]},
            {"anyOf": [{"anyOf": [{"type": "object", "properties": {}}, TEXT]}]},
        ),
        ("moonshot", {"$ref": "#/$defs/a", "description": "x"}, {"$ref": "#/$defs/a"}),
        ("moonshot", True, {"anyOf": [{"type": one} for one in ALL_TYPES]}),
        ("moonshot", {"description": "x"}, {"description": "x", "anyOf": [{"type": one} for one in ALL_TYPES]}),
        ("fireworks", {"description": "x"}, {"description": "x", "type": ALL_TYPES}),
        ("fireworks", {}, {"type": ALL_TYPES}),
        ("mistral", {"type": "string", "$id": "x"}, TEXT),
        ("llamacpp", {"type": "string", "pattern": "\\S"}, TEXT),
        ("llamacpp", {"type": "string", "pattern": "^\\d+$"}, TEXT),
        ("llamacpp", {"type": "string", "pattern": "^[a-z]+$"}, {"type": "string", "pattern": "^[a-z]+$"}),
        ("lmstudio", {"type": "string", "pattern": "x"}, TEXT),
        ("local", {"description": "x"}, {"description": "x", "type": ALL_TYPES}),
        ("llamacpp", True, {}),
        ("llamacpp", {}, {}),
        ("llamacpp", False, None),
        ("moonshot", False, None),
        ("moonshot", {"type": "array", "items": False}, {"type": "array", "items": {"type": "null"}}),
        ("moonshot", {"type": "array"}, {"type": "array"}),
        ("llamacpp", {"type": "array"}, {"type": "array"}),
        ("ollama", True, {}),
        ("ollama", {"type": "string", "pattern": "x"}, {"type": "string", "pattern": "x"}),
        ("vllm", {"type": "string", "pattern": "(?=x)"}, {"type": "string", "pattern": "(?=x)"}),
    ],
)
def test_what_one_server_refuses(profile: str, schema: Any, expected: Any) -> None:
    assert of_property(schema, ("openai_chat", {"profile": profile})) == expected


def test_llama_cpp_reads_nothing_but_the_variants_of_a_root() -> None:
    schema = {**an_object({"a": A, "b": B}), "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}
    assert "anyOf" not in parameters(schema, ("openai_chat", {"profile": "llamacpp"}))[0]
