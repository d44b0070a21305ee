"""Bodies of odd shapes: every answer is a success or a refusal in Claude's shape, and costs little."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects import DIALECTS
from tests.attack.rig.rig import Rig

_WRONG: tuple[Any, ...] = (None, True, 0, -1, 1.5, 10**30, "", "x", [], {}, [[]], [None], [0], {"a": 1}, {"type": 7})
_FIELDS = (
    *("model", "max_tokens", "messages", "system", "tools", "tool_choice", "metadata", "thinking", "temperature"),
    *("top_p", "top_k", "stop_sequences", "stream", "output_config", "context_management", "service_tier"),
)


def _texts(prompt: str, model: str) -> dict[str, bytes]:
    """Bodies that no JSON library would write."""
    good = json.dumps({"model": model, "max_tokens": 5, "messages": [{"role": "user", "content": prompt}]})
    inside = good[:-1]
    return {
        "nothing": b"",
        "a number": b"1",
        "a list": b"[]",
        "null": b"null",
        "cut": good[:-2].encode(),
        "two": (good + good).encode(),
        "NaN": (inside + ',"temperature":NaN}').encode(),
        "Infinity": (inside + ',"temperature":-Infinity}').encode(),
        "1e999": (inside + ',"temperature":1e999}').encode(),
        "4,000 digits": (inside + ',"top_k":' + "9" * 4000 + "}").encode(),
        "a lone surrogate": good.replace(prompt, prompt + "\\ud83d").encode(),
        "an escaped NUL": good.replace(prompt, prompt + "\\u0000").encode(),
        "a raw NUL": good.encode() + b"\0",
        "no UTF-8": good.replace(prompt, prompt + "ÿ").encode("latin-1"),
        "UTF-16": good.encode("utf-16"),
        "a byte order mark": b"\xef\xbb\xbf" + good.encode(),
        "a key twice": (inside + f',"model":"{model}"}}').encode(),
        "a comment": (good + "// a").encode(),
        "a trailing comma": (inside + ",}").encode(),
        "depth 127": (inside + ',"metadata":' + '{"a":' * 125 + "1" + "}" * 125 + "}").encode(),
        "depth 128": (inside + ',"metadata":{"x":' + "[" * 126 + "]" * 126 + "}}").encode(),
        "depth 100,000": (inside + ',"metadata":' + "[" * 100_000 + "]" * 100_000 + "}").encode(),
        "depth without an end": (inside + ',"metadata":' + '{"a":' * 100_000).encode(),
        "__proto__": (inside + ',"__proto__":{"admin":true},"constructor":{"prototype":1}}').encode(),
        "{{7*7}}": good.replace(prompt, prompt + " {{7*7}} ${7*7} {% debug %} %(x)s").encode(),
    }


def _ask(rig: Rig, body: Any, *, path: str) -> None:
    answer = rig.client().post(body, path=path)
    assert answer.status == 200 or 400 <= answer.status < 500, (answer.status, answer.raw[:300])
    if answer.status != 200:
        assert answer.json["type"] == "error", answer.raw[:300]
        assert answer.json["request_id"] == answer.request_id


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_text_makes_an_error_of_the_server(dialect: str, path: str, rig: Rig) -> None:
    script = rig.script(dialect=dialect)
    with rig.configure():
        route = rig.new_route(dialect, script)
    for body in _texts(script.prompt, route).values():
        _ask(rig, body, path=path)


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_value_of_another_type_makes_an_error_of_the_server(dialect: str, path: str, rig: Rig) -> None:
    script = rig.script(dialect=dialect)
    with rig.configure():
        route = rig.new_route(dialect, script)
    good = rig.body(script, dialect, stream=False, model=route)
    # Each dialect meets every field and every value, but not all of both: three of them here, others there.
    start = list(DIALECTS).index(dialect)
    for number, field in enumerate(_FIELDS):
        for offset in range(0, len(_WRONG), 3):
            value = _WRONG[(start + number + offset) % len(_WRONG)]
            _ask(rig, {**good, field: value}, path=path)
    for value in _WRONG:
        prompt = good["messages"][0]
        _ask(rig, {**good, "messages": [prompt, {"role": "assistant", "content": value}, prompt]}, path=path)
        _ask(rig, {**good, "messages": [{"role": value, "content": script.prompt}]}, path=path)
        _ask(rig, {**good, "messages": [{"role": "user", "content": [{"type": "text", "text": value}]}]}, path=path)


def _bomb(kind: str, levels: int) -> dict[str, Any]:
    """A schema whose references double at each level; or one that refers to itself."""

    def pair(name: str) -> Any:
        both = [{"$ref": f"#/$defs/{name}"}, {"$ref": f"#/$defs/{name}"}]
        return {"properties": dict(zip("ab", both, strict=True))} if kind == "properties" else {kind: both}

    if kind == "itself":
        return {
            "type": "object",
            "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#/$defs/b"}},
            "$defs": {"b": {"$ref": "#/$defs/b"}},
        }
    definitions = {f"d{n}": {"type": "object", **pair(f"d{n + 1}")} for n in range(levels)}
    return {"type": "object", **pair("d0"), "$defs": {**definitions, f"d{levels}": {"type": "string"}}}


@pytest.mark.parametrize("kind", ["properties", "anyOf", "allOf", "itself"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_schema_that_grows_without_end_costs_nothing(dialect: str, kind: str, rig: Rig) -> None:
    script = rig.script(dialect=dialect)
    tools = [{"name": "t", "description": "d", "input_schema": _bomb(kind, 18)}]
    with rig.watching() as toll:
        answer = rig.client().post(rig.body(script, dialect, tools=tools))
    assert answer.status in (200, 400), answer.raw
    assert toll.cpu < 1.5
    assert toll.grown < 64 * 1024 * 1024
    assert all(len(seen.raw) < 200_000 for seen in script.seen)


@pytest.mark.slow
def test_counting_a_long_prompt_lets_others_through(rig: Rig) -> None:
    for text in ("word " * 400_000, "字" * 700_000, "a" * 2_000_000, "\U0001f600" * 500_000):
        body = {"model": rig.routes["ollama"], "messages": [{"role": "user", "content": text}]}
        with rig.watching() as toll:
            assert rig.client().post(body, path="/v1/messages/count_tokens").status == 200
        assert toll.blocked < 1.0, toll
