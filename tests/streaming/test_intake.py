"""Bodies that cannot be answered are refused with the field's name; everything else is let through."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import given

from streaming.exchange.client import Receive
from streaming.exchange.load import Load, Share
from streaming.ingress.claude import intake
from streaming.ingress.claude.errors import ClaudeError
from tests.claude.anything import ANYTHING

GOOD: dict[str, Any] = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"unknown_field": {"deep": [1]}},
        {"max_tokens": 0},
        {"system": [{"type": "text", "text": "s"}]},
        {"system": None},
        {"stream": True},
        {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "made_up"}]}]},
        {"tools": [], "tool_choice": {"type": "auto"}},
    ],
)
def test_what_a_provider_may_understand_is_let_through(change: dict[str, Any]) -> None:
    intake.check({**GOOD, **change})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": 3}, "model"),
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"stream": "yes"}, "stream"),
        ({"messages": None}, "messages: Field required"),
        ({"messages": []}, "at least one message"),
        ({"messages": "hi"}, "messages: Input should be a list"),
        ({"messages": ["hi"]}, "messages.0"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content: Field required"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages.0.content.0"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages.0.content.0"),
        ({"system": {"type": "text"}}, "system"),
        ({"tools": {"name": "x"}}, "tools"),
        ({"tools": ["x"]}, "tools"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ClaudeError) as caught:
        intake.check({**GOOD, **change})
    assert caught.value.status == 400
    assert words in caught.value.message


def test_counting_needs_no_max_tokens() -> None:
    intake.check({"model": "m", "messages": GOOD["messages"]}, counting=True)


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"", "JSON"), (b"{", "JSON"), (b"[]", "object"), (b'{"a":"\xff"}', "JSON"), (b"[" * 100_000, "deep")],
)
def test_a_body_that_is_no_json_object_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(ClaudeError) as caught:
        intake.parse(body)
    assert caught.value.status == 400
    assert words in caught.value.message


@pytest.mark.parametrize("limit", [1, 2, 20, 128])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"":', b"}")], ids=["lists", "objects"])
def test_depth_is_limited_at_every_size_of_body(
    opening: bytes, closing: bytes, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MAX_JSON_DEPTH", limit)
    for depth in (*range(1, limit + 3), 2 * limit + 1, 4 * limit + 1):
        inner = depth - 1
        # The shortest body of this depth; the object itself is the first level.
        shortest = b'{"":%b%b%b}' % (opening * (inner - 1), b"[]" if inner else b"0", closing * (inner - 1))
        for padding in (0, 1, limit, 2 * limit, 5 * limit):
            code = "too_deep" if depth > limit else ""
            assert _refusal(shortest + b" " * padding) == code, (depth, padding)


def _refusal(body: bytes) -> str:
    try:
        intake.parse(body)
    except ClaudeError as error:
        return error.code
    return ""


def _receive(*messages: dict[str, Any]) -> Receive:
    queue = list(messages)

    async def receive() -> dict[str, Any]:
        return queue.pop(0)

    return receive


def _share() -> Share:
    return Load().enter(1)


def _part(body: bytes, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


@given(ANYTHING)
@pytest.mark.parametrize("number", [0, -0.0, 1.0, 2**70, 1e22])
def test_a_large_body_means_what_a_small_one_means(number: float, value: Any) -> None:
    nested: Any = number
    for level in range(20):
        nested = {"level": [nested, level]}
    for given_value in (value, nested, [number]):
        request = {**GOOD, "value": given_value, "text": "x" * 20_000}
        assert repr(intake.parse(msgspec.json.encode(request))) == repr(request)


def test_a_body_in_pieces_is_put_together() -> None:
    receive = _receive(_part(b"ab", True), _part(b"", True), _part(b"c", False))
    assert asyncio.run(intake.read_body(receive, {}, _share())) == b"abc"


@pytest.mark.parametrize(
    ("headers", "messages"),
    [
        ({"content-length": "11"}, []),
        ({}, [_part(b"x" * 11, False)]),
        ({}, [_part(b"x" * 6, True), _part(b"x" * 5, True)]),
    ],
)
def test_a_body_over_the_limit_is_refused_as_soon_as_it_is_known(
    headers: dict[str, str], messages: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MAX_BODY_BYTES", 10)
    with pytest.raises(ClaudeError) as caught:
        asyncio.run(intake.read_body(_receive(*messages), headers, _share()))
    assert (caught.value.status, caught.value.type) == (413, "request_too_large")


def test_a_client_that_leaves_in_the_middle_of_its_body_is_noticed() -> None:
    with pytest.raises(intake.ClientGone):
        asyncio.run(intake.read_body(_receive(_part(b"x", True), {"type": "http.disconnect"}), {}, _share()))
