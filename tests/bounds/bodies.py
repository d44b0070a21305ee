"""Bodies of a size, each of one shape: within the limits as long as the shape has few enough values for that."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.bounds.requests import assistant, message, result, use, user

_VALUES = 290_000
"""Just within the limit."""


def _filled(request: Callable[[str], dict[str, Any]], places: int) -> Callable[[int], dict[str, Any]]:
    """A request whose texts are as long as the size wants; `places` is how many there are."""
    return lambda size: request("x" * max(1, (size - len(_encoded(request("")))) // places))


def _text(letters: str) -> Callable[[int], dict[str, Any]]:
    return lambda size: message(user(letters * (size // len(json.dumps(letters, ensure_ascii=False).encode()[1:-1]))))


def _deep(size: int, levels: int) -> dict[str, Any]:
    value: Any = "x" * size
    for _ in range(levels):
        value = [value]
    return message(user("hi"), metadata={"x": value})


WITHIN: dict[str, Callable[[int], dict[str, Any]]] = {
    "one text": _text("x"),
    "one text of line ends": _text("\n"),
    "one text of emoji": _text("😀"),
    "one text with an emoji": lambda size: message(user("x" * size + "😀")),
    "two texts with an emoji": lambda size: message(user([{"type": "text", "text": "x" * (size // 2) + "😀"}] * 2)),
    "CSV in one text": _text("1,2,[{"),
    "minified JSON in one text": _text('{"a":[1,2]},'),
    "messages": _filled(lambda text: message(*[user(text)] * (_VALUES // 3)), _VALUES // 3),
    "blocks": _filled(lambda text: message(user([{"type": "text", "text": text}] * (_VALUES // 3))), _VALUES // 3),
    "pairs of calls and results": _filled(
        lambda text: message(
            user("hi"),
            *(m for n in range(17_000) for m in (assistant([use(f"t{n}", {"a": text})]), user([result(f"t{n}")]))),
        ),
        17_000,
    ),
    "tools": _filled(
        lambda text: message(
            user("hi"), tools=[{"name": f"t{n}", "description": text, "input_schema": {}} for n in range(_VALUES // 4)]
        ),
        _VALUES // 4,
    ),
    "keys": _filled(
        lambda text: message(user("hi"), metadata={f"{text}{n}": 1 for n in range(_VALUES // 2)}), _VALUES // 2
    ),
    "numbers": lambda size: message(user("hi"), metadata={"x": [1e300] * _VALUES, "y": "x" * (size - 6 * _VALUES)}),
    "digits": lambda size: message(user("hi"), metadata={"x": [10**300] * 10_000, "y": "x" * max(1, size - 3_020_000)}),
    "a text in fifteen lists": lambda size: _deep(size, 15),
}

BEYOND: dict[str, Callable[[int], dict[str, Any]]] = {
    "a text in a hundred lists": lambda size: _deep(size, 100),
    "long numbers": lambda size: message(user("hi"), metadata={"x": [10**4_000] * (size // 4_002)}),
    "lists": lambda size: message(user("hi"), metadata={"x": [[]] * (size // 3)}),
    "empty tools": lambda size: message(user("hi"), tools=[{}] * (size // 3)),
    "empty messages": lambda size: message(*[user("")] * (size // 28)),
    "empty blocks": lambda size: message(user([{"type": "text"}] * (size // 16))),
    "short keys": lambda size: message(user("hi"), metadata={f"k{n}": 1 for n in range(size // 12)}),
}


def body(shape: str, size: int, prompt: str, model: str, *, stream: bool) -> bytes:
    """The bytes. `prompt` is the first text of it, and the shape the rest."""
    request = (WITHIN | BEYOND)[shape](size)
    first = {"model": model, "max_tokens": 50, "stream": stream}
    messages = [user(prompt), assistant("And?"), *request.pop("messages")]
    data = _encoded({**request, **first, "messages": messages})
    return data


def _encoded(request: dict[str, Any]) -> bytes:
    """JSON without escapes where none is needed."""
    return json.dumps(request, separators=(",", ":"), ensure_ascii=False).encode()
