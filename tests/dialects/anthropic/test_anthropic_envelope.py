"""What a Claude upstream puts into an unusual place of its events is found there, or the answer ends in an error."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.errors import ErrorKind
from providers.events import StreamFailed, Tokens
from streaming.encoding.encoder import Encoder
from streaming.ingress.claude.message import MessageFold
from tests.claude.claude_events import STOP, Json, args, body, opening, start, stop, stream, text, tool
from tests.claude.claude_stream import ParsedStream, check_stream
from tests.claude.wire import claude_stream, decode, make_call

CALL: Json = {"type": "tool_use", "id": "toolu_1", "name": "query", "input": {"sql": "SELECT 1"}, "caller": {"x": 1}}
SEARCH: Json = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "code_execution", "input": {"code": "1"}}


def relayed(*events: Json) -> ParsedStream:
    return check_stream(claude_stream(decode(make_call("anthropic"), [stream(*events)])))


def message_delta(**fields: Any) -> Json:
    return {"type": "message_delta", **fields}


def end(reason: str | None = "end_turn", output: int = 5) -> Json:
    return message_delta(delta={"stop_reason": reason, "stop_sequence": None}, usage={"output_tokens": output})


def contents(made: ParsedStream) -> list[tuple[str, str]]:
    return [(block.type, block.text or block.json) for block in made.blocks]


STARTED = opening(content=[CALL], stop_reason="tool_use", usage={"input_tokens": 7, "output_tokens": 21})


@pytest.mark.parametrize("events", [(STARTED, STOP), (STARTED, end("end_turn", 21), STOP), (STARTED, end(None), STOP)])
def test_a_call_inside_message_start_is_a_block(events: tuple[Json, ...]) -> None:
    """As programmatic tool calling was seen to answer (https://github.com/vercel/ai/pull/14512, 2026-04-16)."""
    made = relayed(*events)
    assert made.tool_calls[0].input == {"sql": "SELECT 1"}
    assert made.blocks[0].start == {**CALL, "input": {}}
    assert made.stop_reason == "tool_use"
    assert made.usage["input_tokens"] == 7


def test_the_counts_of_the_start_are_those_of_the_end() -> None:
    assert relayed(STARTED, STOP).usage == {"input_tokens": 7, "output_tokens": 21}


def test_the_same_in_one_message() -> None:
    fold = MessageFold()
    made = Encoder(fold, "msg_ours", "our-model", 50)
    made.feed(decode(make_call("anthropic"), [stream(STARTED, STOP)]))
    made.finish()
    assert (fold.message()["content"], fold.message()["stop_reason"]) == ([CALL], "tool_use")


def test_the_starts_reason_alone_is_no_end() -> None:
    last = decode(make_call("anthropic"), [stream(STARTED)])[-1]
    assert isinstance(last, StreamFailed)
    assert last.error.kind is ErrorKind.TRUNCATED


@pytest.mark.parametrize(
    ("content", "events", "expected"),
    [
        # What Claude's own program had called goes before what is streamed after it.
        ([SEARCH], (start(0, "text"), text(0, "So."), stop(0)), [("server_tool_use", '{"code":"1"}'), ("text", "So.")]),
        ([SEARCH], (start(1, "text"), text(1, "So."), stop(1)), [("server_tool_use", '{"code":"1"}'), ("text", "So.")]),
        # The stream repeats the start's blocks: they come once.
        (
            [{"type": "text", "text": "Hi"}, CALL],
            (start(0, "text"), text(0, "Hi"), stop(0), start(1, "tool_use", id="toolu_1", name="query"),
             args(1, '{"sql":"SELECT 1"}'), stop(1)),
            [("text", "Hi"), ("tool_use", '{"sql":"SELECT 1"}')],
        ),
        # The start opens the block that the deltas fill.
        ([{"type": "text", "text": ""}], (text(0, "Hi"), stop(0)), [("text", "Hi")]),
        (
            [{"type": "text", "text": "H"}, CALL],
            (text(0, "i"), stop(0)),
            [("text", "Hi"), ("tool_use", '{"sql":"SELECT 1"}')],
        ),
        # Nothing that could be a block.
        (["text", None, {"text": "?"}], (start(0, "text"), text(0, "So."), stop(0)), [("text", "So.")]),
    ],
)  # fmt: skip
def test_content_of_the_start_and_content_that_is_streamed(
    content: list[Any], events: tuple[Json, ...], expected: list[tuple[str, str]]
) -> None:
    assert contents(relayed(opening(content=content), *events, end(), STOP)) == expected


ANSWERED = (opening(), start(0, "text"), text(0, "So."), stop(0))


@pytest.mark.parametrize(
    "last",
    [
        (message_delta(stop_reason="max_tokens", usage={"output_tokens": 5}), STOP),
        (message_delta(message={"stop_reason": "max_tokens", "usage": {"output_tokens": 5}}), STOP),
        (message_delta(delta={"stop_reason": "max_tokens", "usage": {"output_tokens": 5}}), STOP),
        (message_delta(delta={}, usage={"output_tokens": 5}), {**STOP, "stop_reason": "max_tokens"}),
        ({**STOP, "message": {"stop_reason": "max_tokens", "usage": {"output_tokens": 5}}},),
        (
            message_delta(delta={"stop_reason": "max_tokens"}),
            {**STOP, "amazon-bedrock-invocationMetrics": {"inputTokenCount": 9, "outputTokenCount": 5}},
        ),
    ],
)
def test_the_end_is_found_wherever_it_is(last: tuple[Json, ...]) -> None:
    events = decode(make_call("anthropic"), [stream(*ANSWERED, *last)])
    made = check_stream(claude_stream(events))
    assert (made.stop_reason, made.usage["output_tokens"], made.text) == ("max_tokens", 5, "So.")
    assert made.events[-2].keys() == {"type", "delta", "usage"}
    encoder = Encoder(MessageFold(), "msg_ours", "our-model", 50)
    encoder.feed(events)
    assert encoder.tokens == Tokens(input=9, output=5)


def test_a_whole_message_in_one_event() -> None:
    message = {"type": "message", "content": [CALL], "stop_reason": "tool_use", "usage": {"output_tokens": 3}}
    assert contents(relayed(message)) == [("tool_use", '{"sql":"SELECT 1"}')]


@pytest.mark.parametrize(("content_type", "is_stream"), [("text/event-stream", False), ("application/json", True)])
def test_a_body_of_the_other_kind_than_its_content_type_says(content_type: str, is_stream: bool) -> None:
    message = {"type": "message", "content": [{"type": "text", "text": "So."}], "stop_reason": "end_turn"}
    sent = stream(*ANSWERED, end(), STOP) if is_stream else json.dumps(message).encode()
    for pieces in ([sent], [b" \n", *(sent[at : at + 1] for at in range(len(sent)))]):
        assert check_stream(claude_stream(decode(make_call("anthropic"), pieces, content_type))).text == "So."


@pytest.mark.parametrize(
    "event",
    [
        message_delta(delta={}, error={"type": "overloaded_error", "message": "Busy"}),
        {"type": "ping", "error": {"type": "overloaded_error", "message": "Busy"}},
        {"type": "content_block_stop", "index": 0, "error": {"type": "overloaded_error", "message": "Busy"}},
    ],
)
def test_an_error_in_any_event_is_one(event: Json) -> None:
    last = decode(make_call("anthropic"), [stream(*ANSWERED[:3], event, end(), STOP)])[-1]
    assert isinstance(last, StreamFailed)
    assert (last.error.kind, last.error.message) == (ErrorKind.OVERLOADED, "Busy")


def test_an_error_as_the_reason_of_the_end_is_no_end() -> None:
    last = decode(make_call("anthropic"), [body(start(0, "text"), text(0, "So."), reason="error")])[-1]
    assert isinstance(last, StreamFailed)
    assert last.error.code == "error"


def test_a_call_that_starts_again_is_another_block() -> None:
    made = relayed(opening(content=[CALL]), tool(0, "B"), args(0, '{"b":1}'), stop(0), end(), STOP)
    assert [call.name for call in made.tool_calls] == ["query", "B"]
