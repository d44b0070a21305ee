"""Requests that hold very many values of one kind, and damaged ones: what a client can send and nobody would."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

Json = Any


def message(*messages: Json, **fields: Json) -> dict[str, Json]:
    """A request."""
    return {"model": "r", "max_tokens": 5, "messages": list(messages), **fields}


def user(content: Json) -> Json:
    """A user message."""
    return {"role": "user", "content": content}


def assistant(content: Json) -> Json:
    """A message of the model."""
    return {"role": "assistant", "content": content}


def use(call_id: str, given: Json = None) -> Json:
    """A call."""
    return {"type": "tool_use", "id": call_id, "name": "Bash", "input": {"a": 1} if given is None else given}


def result(call_id: str) -> Json:
    """Its result."""
    return {"type": "tool_result", "tool_use_id": call_id, "content": "ok"}


_HI = user("hi")
_TEXT = {"type": "text", "text": "a"}


def _tool(**schema: Json) -> dict[str, Json]:
    return message(_HI, tools=[{"name": "t", "input_schema": {"type": "object", **schema}}])


def _named(count: int, value: Callable[[int], Json]) -> dict[str, Json]:
    return {f"a{number}": value(number) for number in range(count)}


def _chain(count: int) -> dict[str, Json]:
    return {f"d{number}": {"$ref": f"#/$defs/d{number + 1}"} for number in range(count)}


SHAPES: dict[str, Callable[[int], dict[str, Json]]] = {
    "lists in metadata": lambda n: message(_HI, metadata={"x": [[]] * n}),
    "keys in metadata": lambda n: message(_HI, metadata=_named(n, lambda _: 1)),
    "numbers": lambda n: message(_HI, x=[1e300] * n),
    "messages": lambda n: message(*[user("")] * (n // 4)),
    "texts in turn": lambda n: message(*[user("xxxxxxxx")] * (n // 4)),
    "answers in turn": lambda n: message(_HI, *[assistant("xxxxxxxx")] * (n // 4)),
    "blocks": lambda n: message(user([{"type": "text"}] * (n // 3))),
    "texts": lambda n: message(user([_TEXT] * (n // 4))),
    "unknown blocks": lambda n: message(user([{"type": "odd", "x": [1, {}]}] * (n // 6))),
    "pairs": lambda n: message(
        _HI, *(part for i in range(n // 15) for part in (assistant([use(f"t{i}")]), user([result(f"t{i}")])))
    ),
    "pairs of one id": lambda n: message(
        _HI, *(part for _ in range(n // 15) for part in (assistant([use("t")]), user([result("t")])))
    ),
    "calls in one turn": lambda n: message(
        _HI,
        assistant([use(f"t{i}") for i in range(n // 13)]),
        user([result(f"t{i}") for i in reversed(range(n // 13))]),
    ),
    "calls of one id in one turn": lambda n: message(
        _HI, assistant([use("t")] * (n // 13)), user([result("t")] * (n // 13))
    ),
    "calls without results": lambda n: message(_HI, assistant([{"type": "tool_use", "name": "a"}] * (n // 4))),
    "results without calls": lambda n: message(user([result(f"t{i}") for i in range(n // 5)])),
    "JSON in inputs": lambda n: message(_HI, *[assistant([use("t", '{"a":[1,[],{"b":[]}]}')])] * (n // 9)),
    "tools": lambda n: message(_HI, tools=[{"name": f"t{i}", "input_schema": {}} for i in range(n // 4)]),
    "empty tools": lambda n: message(_HI, tools=[{}] * (n // 2)),
    "added tools": lambda n: message(
        _HI,
        *[
            {
                "role": "system",
                "content": [{"type": "tool_addition", "tool": {"type": "tool_definition", "definition": d}}],
            }
            for d in ({"name": f"B{i}", "input_schema": {}} for i in range(n // 13))
        ],
    ),
    "properties": lambda n: _tool(properties=_named(n // 3, lambda _: {"type": "string"})),
    "properties without schemas": lambda n: _tool(properties=_named(n - 20, lambda _: True)),
    "required": lambda n: _tool(
        properties=_named(n // 3, lambda _: {}), required=list(_named(n // 3, id)), additionalProperties=False
    ),
    "enum": lambda n: _tool(properties={"a": {"enum": [str(i) for i in range(n - 30)]}}),
    "enum of two types": lambda n: _tool(properties={"a": {"enum": [i if i % 2 else str(i) for i in range(n - 30)]}}),
    "variants": lambda n: _tool(properties={"a": {"anyOf": [{"enum": [i]} for i in range(n // 4)]}}),
    "variants at the root": lambda n: _tool(
        anyOf=[{"properties": {f"x{i}": {}}, "required": [f"x{i}"]} for i in range(n // 7)]
    ),
    "variants of one property": lambda n: _tool(anyOf=[{"properties": {"x": {"const": i}}} for i in range(n // 6)]),
    "parts at the root": lambda n: _tool(allOf=[{"properties": {f"x{i}": {}}} for i in range(n // 5)]),
    "parts that are none": lambda n: _tool(properties={"a": {"allOf": [1] * (n - 30)}}),
    "items of each place": lambda n: _tool(
        properties={"a": {"type": "array", "prefixItems": [{"const": i} for i in range(n // 4)]}}
    ),
    "references in a chain": lambda n: _tool(**{"$ref": "#/$defs/d0", "$defs": _chain(n // 4)}),
    "references that multiply": lambda n: _tool(
        allOf=[{"$ref": "#/$defs/d0"}] * 50,
        **{"$defs": {f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 50} for i in range(14)}},
    ),
    "variants that multiply": lambda n: _tool(
        anyOf=[{"$ref": "#/$defs/d0"}] * 50,
        **{"$defs": {f"d{i}": {"anyOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 50} for i in range(14)}},
    ),
    "patterns": lambda n: _tool(
        properties=_named(n // 50, lambda i: {"type": "string", "pattern": f"^{'(a|b)*' * 300}{i}$"})
    ),
    "stop sequences": lambda n: message(_HI, stop_sequences=[f"s{i}" for i in range(n - 20)]),
    "reminders": lambda n: message(user("<system-reminder></system-reminder>" * (n // 3))),
    "subagent tags": lambda n: message(user("<CCR-SUBAGENT-MODEL>aaaaaaa<" * (n // 3))),
}
"""By name; each makes a request of about n values."""

FULL: dict[str, Json] = {
    "model": "r",
    "max_tokens": 50,
    "stream": True,
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 5,
    "stop_sequences": ["a"],
    "metadata": {"user_id": '{"session_id":"s","account_uuid":"u"}'},
    "thinking": {"type": "enabled", "budget_tokens": 2000},
    "tool_choice": {"type": "tool", "name": "Bash"},
    "output_config": {
        "effort": "high",
        "format": {"type": "json_schema", "schema": {"type": "object", "properties": {"a": {"type": "string"}}}},
    },
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "cache_control": {"type": "ephemeral"},
    "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
    "tools": [
        {
            "name": "Bash",
            "description": "d",
            "input_schema": {
                "type": "object",
                "properties": {
                    "a": {"anyOf": [{"type": "string", "pattern": "^a(?=b)"}, {"$ref": "#/$defs/x"}]},
                    "b": {"enum": ["a", 1]},
                    "c": {"type": "array", "items": [{"type": "string"}], "prefixItems": [{}]},
                },
                "required": ["a"],
                "$defs": {"x": {"allOf": [{"type": "object", "properties": {"q": {}}}]}},
                "additionalProperties": False,
            },
        },
        {"type": "web_search_20250305", "name": "web_search"},
        {
            "name": "D",
            "defer_loading": True,
            "input_schema": {
                "anyOf": [
                    {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
                    {"type": "object", "properties": {"a": {"type": "integer"}}},
                ]
            },
        },
    ],
    "messages": [
        user(
            [
                {**_TEXT, "cache_control": {"type": "ephemeral"}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "eA=="}},
                {"type": "document", "title": "t", "source": {"type": "content", "content": [_TEXT]}},
            ]
        ),
        assistant(
            [
                {"type": "thinking", "thinking": "t", "signature": "s"},
                {**_TEXT, "citations": []},
                use("t1"),
            ]
        ),
        user([{**result("t1"), "is_error": True, "content": [_TEXT, {"type": "tool_reference", "tool_name": "D"}]}]),
        {
            "role": "system",
            "content": [
                {
                    "type": "tool_addition",
                    "tool": {
                        "type": "tool_definition",
                        "definition": {"name": "N", "input_schema": {"type": "object"}},
                    },
                },
                {"type": "tool_removal", "tool": {"type": "tool_reference", "name": "N"}},
            ],
        },
        assistant("end"),
    ],
}
"""A request with nearly everything that one can have."""

_ODD: list[Json] = [
    *(None, True, False, 0, -1, 5, 1.5, 1e300, 10**30, "", "x", "a" * 300, [], {}, [[]], [{}], {"a": 1}, {"type": "x"}),
    *([None], ["x"], [5], {"anyOf": 5}, {"$ref": "#"}, {"$ref": "#/x"}, "\0", "object", "{}", "[[", '{"a":' * 2_000),
    *(["type"], {"type": ["a", {}]}),
]


def damaged(request: dict[str, Json], dice: random.Random) -> dict[str, Json]:
    """The request with something odd in one to three places."""
    changed: Json = copy.deepcopy(request)
    for _ in range(dice.choice([1, 1, 1, 2, 3])):
        places = list(_places(changed))
        holder, step = dice.choice(places)
        what = dice.random()
        if what < 0.7:
            holder[step] = copy.deepcopy(dice.choice(_ODD))
        elif what < 0.85:
            other, place = dice.choice(places)
            holder[step] = copy.deepcopy(other[place])
        elif isinstance(holder, list):
            holder += copy.deepcopy(holder)
        else:
            del holder[step]
    return dict(changed)


def _places(value: Json) -> Iterator[tuple[Json, Any]]:
    for step in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, step
        yield from _places(value[step])


def encoded(request: Json) -> bytes:
    """A body, without blanks."""
    return json.dumps(request, separators=(",", ":")).encode()
