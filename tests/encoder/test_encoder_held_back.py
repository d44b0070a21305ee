"""Text, thinking and signatures inside a tool call: they wait for its end, up to one limit, and keep their order."""

from __future__ import annotations

import pytest

from providers.errors import ErrorKind, UpstreamError
from providers.events import Event, MessageFinished, StreamFailed, ToolCallStarted
from streaming.encoding.tool_calls import HELD_BACK_LIMIT
from tests.claude.claude_stream import read_events
from tests.claude.encoding import K, S, T, args, call, encoder, outline, whole

DONE = MessageFinished("tool_use")
ORDERS: dict[str, tuple[list[Event], list[str]]] = {
    "text inside a call": (
        [call(0, "f"), args(0, '{"a"'), T("x"), args(0, ":1}"), T("y")],
        ['f:{"a"|:1}', "text:x|y"],
    ),
    "text inside a call that nothing follows": (
        [call(0, "f"), args(0, "{"), T("x"), args(0, "}")],
        ["f:{|}", "text:x"],
    ),
    "text before a call's first arguments": ([call(0, "f"), T("x"), args(0, "{}")], ["f:{}", "text:x"]),
    "text, thinking and its signature": (
        [call(0, "f"), args(0, "{"), T("a"), K("b"), S("s"), T("c"), args(0, "}")],
        ["f:{|}", "text:a", "thinking:b|[s]", "text:c"],
    ),
    "unsigned thinking as the last": ([call(0, "f"), args(0, "{"), K("a"), args(0, "}")], ["f:{|}", "thinking:a|[]"]),
    "text while another call waits": (
        [call(0, "f"), call(1, "g"), args(0, "{}"), T("x"), args(1, "{}"), T("y")],
        ["f:{}", "g:{}", "text:x|y"],
    ),
    "a call after the text": (
        [call(0, "f"), args(0, "{"), T("x"), args(0, "}"), call(1, "g"), args(1, "{}")],
        ["f:{|}", "g:{}", "text:x"],
    ),
    "arguments that only look complete": (
        [call(0, "f"), args(0, '{"a":{"b":1}'), T("x"), args(0, "}")],
        ['f:{"a":{"b":1}|}', "text:x"],
    ),
    "text after a complete call without arguments": (
        [ToolCallStarted(0, "toolu_f", "f", complete=True), T("x"), call(1, "g"), args(1, "{}")],
        ["f:", "text:x", "g:{}"],
    ),
}


@pytest.mark.parametrize(("events", "blocks"), ORDERS.values(), ids=ORDERS.keys())
def test_content_inside_a_call_follows_it(events: list[Event], blocks: list[str]) -> None:
    assert outline(whole(*events)) == blocks
    assert outline(whole(*events, DONE)) == blocks


def test_nothing_waits_longer_than_until_the_call_is_complete() -> None:
    made = encoder()
    made.feed([call(0, "f"), args(0, '{"a":1')])
    assert made.feed([T("a")]) == b""
    made.feed([args(0, "}")])
    assert [event["delta"] for event in read_events(made.feed([T("b")])) if "delta" in event] == [
        {"type": "text_delta", "text": "a"},
        {"type": "text_delta", "text": "b"},
    ]


def test_the_announced_end_releases_what_waits() -> None:
    made = encoder()
    assert b'"text":"x"' not in made.feed([call(0, "f"), T("x")])
    assert b'"text":"x"' in made.feed([DONE])


def test_more_than_the_limit_ends_the_call() -> None:
    made = encoder()
    made.feed([call(0, "f"), args(0, "{")])
    piece, sent, fed = "x" * 65536, b"", 0
    while not sent:
        sent = made.feed([T(piece)])
        fed += len(piece)
    assert HELD_BACK_LIMIT < fed <= HELD_BACK_LIMIT + len(piece)
    assert sent.count(b"x") >= fed
    assert made.feed([args(0, "}")]) == b""
    assert b'"text":"y"' in made.feed([T("y")])


def test_thinking_and_signatures_count_against_the_limit() -> None:
    half = "x" * (HELD_BACK_LIMIT // 2)
    made = encoder()
    assert b"thinking" not in made.feed([call(0, "f"), K(half)])
    assert made.feed([S(half)]) == b""
    assert made.feed([T("x")])


def test_a_failed_answer_loses_what_waits() -> None:
    made = encoder()
    made.feed([call(0, "f"), args(0, "{"), T("lost"), StreamFailed(UpstreamError(ErrorKind.TRUNCATED, "over"))])
    assert b"lost" not in made.finish() + made.fail("api_error", "over", "req_1")
