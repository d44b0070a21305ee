"""Blocks of a Claude upstream that overlap come out one after the other, each with all of its content."""

from __future__ import annotations

import pytest

from providers.dialects import DIALECTS
from providers.errors import ErrorKind
from providers.events import StreamFailed
from streaming.encoding.encoder import Encoder
from streaming.ingress.claude.frames import SseSink
from streaming.ingress.claude.message import MessageFold
from tests.claude.claude_events import Json, args, body, signature, start, stop, text, thinking, tool
from tests.claude.claude_stream import ParsedStream, check_stream
from tests.claude.wire import claude_stream, decode, make_call


def relayed(*events: Json, reason: str = "tool_use") -> ParsedStream:
    return check_stream(claude_stream(decode(make_call("anthropic"), [body(*events, reason=reason)])))


def unfinished(*events: Json) -> ParsedStream:
    """What a client has before the answer ends."""
    call = make_call("anthropic")
    sent = body(*events).partition(b"event: message_delta")[0]
    made = Encoder(SseSink(), "msg_ours", "our-model", 50)
    return check_stream(made.feed(DIALECTS["anthropic"].decoder("", call).feed(sent)), complete=False)


def contents(stream: ParsedStream) -> list[tuple[str, str]]:
    return [(block.type, block.text or block.thinking or block.json) for block in stream.blocks]


TWO_TOOLS = (
    tool(0, "A"), tool(1, "B"), args(0, '{"a":'), args(1, '{"b":'), args(0, "1}"), args(1, "2}"), stop(0), stop(1),
)  # fmt: skip


def test_two_tool_calls_whose_deltas_alternate_keep_their_arguments() -> None:
    """langchain-ai/langchain#37025 (2026-04-27), Wei-Shaw/sub2api#4302 (2026-07-14)."""
    made = relayed(*TWO_TOOLS)
    assert [(call.id, call.name, call.input) for call in made.tool_calls] == [
        ("toolu_A", "A", {"a": 1}),
        ("toolu_B", "B", {"b": 2}),
    ]
    assert made.stop_reason == "tool_use"


def test_the_same_in_one_message() -> None:
    fold = MessageFold()
    made = Encoder(fold, "msg_ours", "our-model", 50)
    made.feed(decode(make_call("anthropic"), [body(*TWO_TOOLS)]))
    made.finish()
    assert [block["input"] for block in fold.message()["content"]] == [{"a": 1}, {"b": 2}]


def test_the_first_block_streams_while_the_others_wait() -> None:
    assert contents(unfinished(*TWO_TOOLS[:5])) == [("tool_use", '{"a":1}')]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        # A text and a call.
        (
            (start(0, "text"), text(0, "I "), tool(1, "A"), args(1, '{"a"'), text(0, "look."), args(1, ":1}"),
             stop(1), stop(0)),
            [("text", "I look."), ("tool_use", '{"a":1}')],
        ),
        # A call and a text that starts within it and is over before it.
        (
            (tool(0, "A"), args(0, '{"a"'), start(1, "text"), text(1, "So."), stop(1), args(0, ":1}"), stop(0)),
            [("tool_use", '{"a":1}'), ("text", "So.")],
        ),
        # Thinking and a text: the signature stays with its block.
        (
            (start(0, "thinking"), thinking(0, "H"), start(1, "text"), text(1, "So"), thinking(0, "m."),
             signature(0, "c2ln"), stop(0), text(1, " be it."), stop(1), tool(2, "A"), stop(2)),
            [("thinking", "Hm."), ("text", "So be it."), ("tool_use", "")],
        ),
        # Three calls, and their stops in the other order.
        (
            (tool(0, "A"), tool(1, "B"), tool(2, "C"), args(2, '{"c":3}'), args(1, '{"b":2}'), args(0, '{"a":1}'),
             stop(2), stop(1), stop(0)),
            [("tool_use", '{"a":1}'), ("tool_use", '{"b":2}'), ("tool_use", '{"c":3}')],
        ),
        # None of the stops ever comes.
        (
            (tool(0, "A"), tool(1, "B"), args(0, '{"a":1}'), args(1, '{"b":2}')),
            [("tool_use", '{"a":1}'), ("tool_use", '{"b":2}')],
        ),
        # A delta for a block that never started, and one for a block that is over.
        (
            (text(0, "Hi"), stop(0), tool(1, "A"), args(1, '{"a":1}'), text(0, "more"), stop(1)),
            [("text", "Hi"), ("tool_use", '{"a":1}'), ("text", "more")],
        ),
        ((thinking(7, "Hm."), tool(1, "A"), stop(1), stop(7)), [("thinking", "Hm."), ("tool_use", "")]),
        # Every block has the index 0, and none is stopped.
        (
            (start(0, "text"), text(0, "I look."), tool(0, "A"), args(0, '{"a":1}')),
            [("text", "I look."), ("tool_use", '{"a":1}')],
        ),
        # A block of a type to come, and one of a provider's own tools.
        (
            (start(0, "server_tool_use", id="srvtoolu_1", name="web_search"), tool(1, "A"), args(0, '{"query":'),
             args(1, '{"a":1}'), args(0, '"x"}'), stop(0), start(2, "hologram", light=1), stop(2), stop(1)),
            [("server_tool_use", '{"query":"x"}'), ("tool_use", '{"a":1}'), ("hologram", "")],
        ),
    ],
)  # fmt: skip
def test_whatever_overlaps_keeps_its_content(events: tuple[Json, ...], expected: list[tuple[str, str]]) -> None:
    assert contents(relayed(*events)) == expected


def test_a_text_does_not_wait_for_ever_for_thinking_that_is_never_stopped() -> None:
    pieces = [text(1, f"{number} ") for number in range(40)]
    made = unfinished(start(0, "thinking"), thinking(0, "Hm."), start(1, "text"), *pieces)
    assert contents(made) == [("thinking", "Hm."), ("text", "".join(f"{number} " for number in range(40)))]


@pytest.mark.parametrize(
    "events", [(args(3, '{"a":1}'),), (tool(0, "A"), args(0, "{}"), stop(0), tool(1, "B"), args(0, '{"a":1}'))]
)
def test_arguments_of_no_call_end_in_an_error(events: tuple[Json, ...]) -> None:
    last = decode(make_call("anthropic"), [body(*events)])[-1]
    assert isinstance(last, StreamFailed)
    assert last.error.kind is ErrorKind.MALFORMED
    assert "arguments of a tool call that is not open" in last.error.message


def test_what_waits_is_bounded() -> None:
    pieces = [args(1, "x" * 1_000_000) for _ in range(20)]
    last = decode(make_call("anthropic"), [body(tool(0, "A"), tool(1, "B"), *pieces)])[-1]
    assert isinstance(last, StreamFailed)
    assert "that wait for another one's end" in last.error.message
