"""JSON schemas of answers: strict mode where it is taken, and otherwise what a server can follow."""

from __future__ import annotations

import json

import pytest

from tests.claude.wire import make_call, sent_body
from tests.dialects.schemas.places import PLACES, TEXT, A, B, Json, an_object

STRICT: Json = an_object({"a": TEXT, "b": {"type": ["integer", "null"]}}, "a", "b", additionalProperties=False)


def answer_format(schema: Json, place: tuple[str, Json]) -> tuple[Json | None, list[str], str]:
    """The format that goes out, the codes, and the whole body."""
    dialect, options = place
    wanted = {"format": {"type": "json_schema", "schema": schema}}
    call = make_call(dialect, {"messages": [{"role": "user", "content": "Hi"}], "output_config": wanted}, **options)
    body = sent_body(call)
    if dialect == "openai_responses":
        found = body.get("text", {}).get("format")
    else:
        found = body.get("response_format", {}).get("json_schema")
    return found, list(call.notes), json.dumps(body)


ANSWERS = {"chat": PLACES["chat"], "azure": PLACES["azure"], "responses": PLACES["responses"]}


@pytest.mark.parametrize("place", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize(
    "change",
    [
        {"allOf": [{}]},
        {"properties": {"a": TEXT, "b": {}}},
        {"properties": {"a": TEXT, "b": {"type": "array"}}},
        {"properties": {"a": TEXT, "b": {"oneOf": [TEXT, {"type": "null"}]}}},
        {"properties": {"a": TEXT, "b": {"type": "string", "minLength": 1}}},
        {"properties": {"a": TEXT, "b": {"type": "string", "format": "uri"}}},
        {"properties": {"a": TEXT, "b": {"type": "string", "default": "x"}}},
        {"properties": {"a": TEXT, "b": True}},
    ],
    ids=str,
)
def test_strict_mode_is_asked_for_only_where_it_is_taken(change: Json, place: tuple[str, Json]) -> None:
    found, codes, _ = answer_format({**STRICT, **change}, place)
    assert found is not None
    assert found["strict"] is False
    assert codes == ["schema_not_strict"]


@pytest.mark.parametrize("place", ANSWERS.values(), ids=ANSWERS)
def test_a_strict_schema_of_an_answer_stays(place: tuple[str, Json]) -> None:
    schema = {**STRICT, "$defs": {"n": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}}
    found, codes, _ = answer_format(schema, place)
    assert found is not None
    assert (found["schema"], found["strict"], codes) == (schema, True, [])


@pytest.mark.parametrize("place", ANSWERS.values(), ids=ANSWERS)
def test_an_answers_root_is_mended_like_a_tools(place: tuple[str, Json]) -> None:
    found, codes, _ = answer_format({"anyOf": [an_object({"a": A}, "a"), an_object({"a": A, "b": B}, "a")]}, place)
    assert found is not None
    assert (found["schema"], found["strict"]) == (an_object({"a": A, "b": B}, "a"), False)
    assert codes == ["schema_not_strict"]


@pytest.mark.parametrize("place", [*ANSWERS.values(), ("openai_chat", {"profile": "deepseek"})], ids=str)
def test_an_answer_that_is_no_object_is_asked_for_in_words(place: tuple[str, Json]) -> None:
    found, codes, body = answer_format({"type": "array", "items": TEXT}, place)
    assert found is None
    assert codes == ["schema_told"]
    assert "one JSON value that follows this JSON schema: " in body
    assert "json_object" not in body


def test_cerebras_takes_no_limits_in_strict_mode() -> None:
    """https://github.com/musistudio/claude-code-router/issues/708"""
    limited = {**STRICT, "properties": {"a": TEXT, "b": {"type": "array", "items": TEXT, "minItems": 1}}}
    for profile, strict in (("openai", True), ("cerebras", False)):
        found, _, _ = answer_format(limited, ("openai_chat", {"profile": profile}))
        assert found is not None
        assert found["strict"] is strict


def test_ollamas_format_becomes_a_grammar() -> None:
    schema = an_object({"a": {"type": "string", "pattern": "x"}, "b": True})
    call = make_call("ollama", {"messages": [], "output_config": {"format": {"type": "json_schema", "schema": schema}}})
    assert sent_body(call)["format"] == an_object({"a": TEXT, "b": {}})
    assert list(call.notes) == ["schema_not_strict"]
