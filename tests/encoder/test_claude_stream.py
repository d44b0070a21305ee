"""The judge itself: a good stream passes, and each rule broken in turn is flagged by its number."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.claude.claude_stream import check_stream

Events = list[dict[str, Any]]


def good() -> Events:
    """Thinking, text and a tool call, with a ping among them."""
    usage = {"input_tokens": 3, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": usage}
    blocks: list[tuple[dict[str, Any], Events]] = [
        (
            {"type": "thinking", "thinking": "", "signature": ""},
            [{"type": "thinking_delta", "thinking": "Hm."}, {"type": "signature_delta", "signature": "c2ln"}],
        ),
        ({"type": "text", "text": ""}, [{"type": "text_delta", "text": "Hello"}]),
        (
            {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}},
            [{"type": "input_json_delta", "partial_json": part} for part in ('{"a":', "1}")],
        ),
    ]
    events: Events = [
        {"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None}},
        {"type": "ping"},
    ]
    for index, (block, deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events += ({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
        events.append({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": "tool_use", "stop_sequence": None}
    events.append({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 9}})
    events.append({"type": "message_stop"})
    return events


START, PING, THINK, THOUGHT, SIGNED, THINK_END, TEXT, HELLO, TEXT_END, TOOL, ARGS, MORE_ARGS, TOOL_END, END, STOP = (
    range(15)
)
ERROR = {"type": "error", "error": {"type": "api_error", "message": "broke"}, "request_id": "req_1"}


def frames(events: Events) -> bytes:
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def test_a_good_stream_is_read() -> None:
    stream = check_stream(frames(good()))
    assert (stream.thinking, stream.text, stream.stop_reason) == ("Hm.", "Hello", "tool_use")
    assert [(call.id, call.name, call.input) for call in stream.tool_calls] == [("toolu_1", "look", {"a": 1})]
    assert stream.usage == {"input_tokens": 3, "output_tokens": 9}
    assert stream.blocks[0].signature == "c2ln"
    assert stream.complete


def test_an_error_ends_a_stream_that_need_not_be_complete() -> None:
    for events in ([ERROR], [*good()[:HELLO], ERROR]):
        stream = check_stream(frames(events), complete=False)
        assert stream.error == {"type": "api_error", "message": "broke"}
        with pytest.raises(AssertionError, match=r"^R12"):
            check_stream(frames(events))


def _set(event: int, *path: str, to: Any) -> Callable[[Events], Events]:
    def change(events: Events) -> Events:
        target: Any = events[event]
        for name in path[:-1]:
            target = target[name]
        if to is None and path[-1] not in {"content"}:
            target.pop(path[-1])
        else:
            target[path[-1]] = to
        return events

    return change


def _without(*gone: int) -> Callable[[Events], Events]:
    return lambda events: [event for number, event in enumerate(events) if number not in gone]


def _with(at: int, *more: dict[str, Any]) -> Callable[[Events], Events]:
    return lambda events: [*events[:at], *more, *events[at:]]


def _only_text(stop_reason: str) -> Callable[[Events], Events]:
    def change(events: Events) -> Events:
        events[END]["delta"]["stop_reason"] = stop_reason
        return [events[START], *_renumbered(events[TEXT:TOOL]), *events[END:]]

    return change


def _renumbered(events: Events) -> Events:
    return [{**event, "index": 0} for event in events]


def _second_tool(**changed: Any) -> Callable[[Events], Events]:
    block = {"type": "tool_use", "id": "toolu_2", "name": "look", "input": {}, **changed}
    start = {"type": "content_block_start", "index": 3, "content_block": block}
    return _with(END, start, {"type": "content_block_stop", "index": 3})


def _delta(index: int, **delta: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


_STRING = {"type": "input_json_delta", "partial_json": '"{}"'}


def _bare(events: Events) -> Events:
    for number in (ARGS, MORE_ARGS):
        events[number]["delta"]["partial_json"] = ""
    return events


BROKEN: list[tuple[str, str, Callable[[Events], Events]]] = [
    ("R2", "no message_start", _without(START)),
    ("R2", "two message_starts", lambda events: [events[0], *events]),
    ("R2", "message_start with content", _set(START, "message", "content", to=[{"type": "text", "text": "x"}])),
    ("R2", "message_start without role", _set(START, "message", "role", to=None)),
    ("R2", "message_start without stop_sequence", _set(START, "message", "stop_sequence", to=None)),
    ("R2", "message_start without model", _set(START, "message", "model", to=None)),
    ("R2", "message_start that has stopped", _set(START, "message", "stop_reason", to="end_turn")),
    ("R9", "no message id", _set(START, "message", "id", to="")),
    ("R13", "message_start without usage", _set(START, "message", "usage", to=None)),
    ("R13", "message_start without input_tokens", _set(START, "message", "usage", "input_tokens", to=None)),
    ("R13", "a count that is no integer", _set(START, "message", "usage", "output_tokens", to=1.5)),
    ("R13", "a negative count", _set(START, "message", "usage", "cache_read_input_tokens", to=-1)),
    ("R3", "an index left out", _set(TEXT, "index", to=2)),
    ("R3", "no index", _set(TEXT, "index", to=None)),
    ("R3", "a block inside a block", _without(TEXT_END)),
    ("R3", "a delta without a block", _without(TEXT)),
    ("R3", "a delta to a closed block", _set(HELLO, "index", to=0)),
    ("R3", "a stop for another block", _set(TEXT_END, "index", to=0)),
    ("R3", "two stops", _with(TOOL, {"type": "content_block_stop", "index": 1})),
    ("R4", "a block without a type", _set(TEXT, "content_block", "type", to=None)),
    ("R4", "a delta that does not fit", _set(HELLO, "delta", "type", to="thinking_delta")),
    ("R4", "a delta without a type", _set(HELLO, "delta", "type", to="")),
    ("R4", "a delta without its text", _set(HELLO, "delta", "text", to=None)),
    ("R5", "input inside the start", _set(TOOL, "content_block", "input", to={"a": 1})),
    ("R5", "input cut off", _without(MORE_ARGS)),
    ("R5", "input that is no object", _set(ARGS, "delta", "partial_json", to="[")),
    ("R5", "input that is a string of JSON", lambda events: _with(MORE_ARGS + 1, _delta(2, **_STRING))(_bare(events))),
    ("R6", "thinking after its signature", _with(THINK_END, _delta(0, type="thinking_delta", thinking="?"))),
    ("R6", "two signatures", _with(THINK_END, _delta(0, type="signature_delta", signature="x"))),
    ("R6", "no signature", _without(SIGNED)),
    ("R7", "an empty text block", _without(HELLO)),
    ("R7", "a text block of empty deltas", _set(HELLO, "delta", "text", to="")),
    ("R8", "a tool id twice", _second_tool(id="toolu_1")),
    ("R8", "a tool id with a colon", _second_tool(id="functions.look:0")),
    ("R8", "a tool without a name", _second_tool(name="")),
    ("R10", "a block open at the end", _without(TOOL_END)),
    ("R10", "no message_delta", _without(END)),
    ("R10", "an unknown stop reason", _set(END, "delta", "stop_reason", to="stop")),
    ("R10", "no stop reason", _set(END, "delta", "stop_reason", to=None)),
    ("R10", "no stop_sequence", _set(END, "delta", "stop_sequence", to=None)),
    ("R10", "a tool call with end_turn", _set(END, "delta", "stop_reason", to="end_turn")),
    ("R10", "tool_use without a tool call", _only_text("tool_use")),
    ("R10", "a block after message_delta", lambda events: [events[0], events[END], *_renumbered(events[TEXT:TOOL])]),
    ("R13", "two message_deltas", lambda events: [*events[:STOP], events[END], events[STOP]]),
    ("R13", "message_delta without usage", _set(END, "usage", to=None)),
    ("R13", "message_delta without output_tokens", _set(END, "usage", "output_tokens", to=None)),
    ("R11", "no message_stop", _without(STOP)),
    ("R11", "a ping after message_stop", _with(STOP + 1, {"type": "ping"})),
    ("R11", "an error after message_stop", _with(STOP + 1, ERROR)),
    ("R12", "an event after an error", _with(TEXT, ERROR)),
    ("R12", "an error without a message", lambda events: [{**ERROR, "error": {"type": "api_error"}}]),
    ("R12", "an error without request_id", lambda events: [{"type": "error", "error": ERROR["error"]}]),
    ("R12", "an error under another name", lambda events: [{"type": "error", "message": ERROR["error"]}]),
]


@pytest.mark.parametrize(("rule", "change"), [pytest.param(r, c, id=f"{r}-{n}") for r, n, c in BROKEN])
def test_each_broken_rule_is_flagged(rule: str, change: Callable[[Events], Events]) -> None:
    with pytest.raises(AssertionError, match=rf"^{rule}:"):
        check_stream(frames(change(good())))


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("R1", b"event: ping\n", b""),
        ("R1", b"event: ping\n", b"event: pong\n"),
        ("R1", b'data: {"type": "ping"}', b'data: {"type":\ndata: "ping"}'),
        ("R1", b'data: {"type": "ping"}', b"data: ping"),
        ("R1", b'data: {"type": "ping"}', b'data: ["ping"]'),
        ("R1", b'data: {"type": "message_stop"}\n\n', b'data: {"type": "message_stop"}\n'),
        ("R1", b"\n\nevent: ping", b"\nevent: ping"),
        ("R1", b"event: ping\n", b"event: ping\r\n"),
        ("R1", b"Hello", b"Hell\xff"),
        ("R11", b'data: {"type": "message_stop"}\n\n', b'data: {"type": "message_stop"}\n\ndata: [DONE]\n\n'),
        ("R11", b'data: {"type": "message_stop"}', b"data: [DONE]"),
    ],
)
def test_each_broken_frame_is_flagged(rule: str, old: bytes, new: bytes) -> None:
    body = frames(good())
    assert body.count(old) == 1
    with pytest.raises(AssertionError, match=rf"^{rule}:"):
        check_stream(body.replace(old, new))


def test_an_empty_body_is_no_stream() -> None:
    with pytest.raises(AssertionError, match=r"^R1"):
        check_stream(b"")


@pytest.mark.parametrize("stop_reason", ["max_tokens", "refusal", "pause_turn", "model_context_window_exceeded"])
def test_a_tool_call_may_be_cut_short(stop_reason: str) -> None:
    events = _set(END, "delta", "stop_reason", to=stop_reason)(good())
    assert check_stream(frames(events)).stop_reason == stop_reason


def test_comments_and_unknown_events_and_blocks_are_no_fault() -> None:
    events = _with(
        TEXT,
        {"type": "content_block_start", "index": 1, "content_block": {"type": "hologram"}},
        _delta(1, type="beam_delta", beam=1),
        {"type": "content_block_stop", "index": 1},
        {"type": "notice", "text": "x"},
    )(good()[:TOOL])
    for event in events[TEXT + 4 :]:
        event["index"] = 2
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    events += [{"type": "message_delta", "delta": delta, "usage": {"output_tokens": 1}}, {"type": "message_stop"}]
    assert check_stream(b": a comment\n\n" + frames(events)).text == "Hello"


def test_a_cut_between_events_is_legal_only_where_it_is_expected() -> None:
    body = frames(good()[:HELLO])
    assert not check_stream(body, complete=False).complete
    with pytest.raises(AssertionError, match=r"^R11"):
        check_stream(body)
