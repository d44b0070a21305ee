"""Any events in any order: the stream is legal, nothing that has a place is lost, and both forms of an answer agree."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from anthropic.lib.streaming._messages import accumulate_event
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from providers.errors import ErrorKind, UpstreamError
from providers.events import (
    Event,
    MessageFinished,
    MessageStarted,
    NativeEvent,
    Ping,
    StreamFailed,
    TextDelta,
    ThinkingDelta,
    ThinkingSignature,
    Tokens,
    TokensReported,
    ToolArgumentsDelta,
    ToolCallStarted,
)
from streaming.encoding.encoder import Encoder
from streaming.ingress.claude.frames import MergingSseSink, SseSink
from streaming.ingress.claude.message import MessageFold
from tests.claude.claude_stream import check_stream, read_events
from tests.claude.encoding import native, native_delta, native_stop

REASONS = ["end_turn", "tool_use", "max_tokens", "stop_sequence", "refusal", "pause_turn"]
FINISH: Event = MessageFinished("end_turn")

words = st.text(min_size=1, max_size=8)
keys = st.integers(0, 2)
counts = st.none() | st.integers(0, 10**9)
tokens = st.builds(Tokens, input=counts, cache_read=counts, cache_write=counts, output=counts)
# Pieces of JSON, so that arguments are at times whole objects and at times not.
fragments = st.sampled_from(["", "{", "}", "{}", '{"a":', "1", '"b\u2028"', "[", ",", " "])
starts = st.builds(ToolCallStarted, keys, st.sampled_from(["toolu_1", "a:1", "a_1", ""]), st.sampled_from("fg"))
neutral: list[st.SearchStrategy[Event]] = [
    st.builds(MessageStarted, tokens=st.none() | tokens),
    st.builds(TextDelta, words),
    st.builds(ThinkingDelta, words),
    st.builds(ThinkingSignature, st.text(max_size=4)),
    starts,
    st.builds(ToolArgumentsDelta, keys, fragments),
    st.builds(TokensReported, tokens),
    st.builds(MessageFinished, st.sampled_from(REASONS), st.none() | words),
    st.just(Ping()),
]


@st.composite
def native_events(draw: st.DrawFn) -> list[Event]:
    """Some of the events of a Claude upstream's block, as from a stream that was cut, repeated or mixed up."""
    index = draw(st.integers(0, 3))
    text = draw(words)
    shapes: list[tuple[str, dict[str, Any], list[dict[str, Any]]]] = [
        ("text", {"text": ""}, [{"type": "text_delta", "text": text}] * 2),
        ("text", {"text": text, "citations": None}, []),
        ("thinking", {"thinking": "", "signature": ""}, [{"type": "thinking_delta", "thinking": text}]),
        ("server_tool_use", {"id": "s", "name": "n", "input": {}}, []),
        ("hologram", {"beams": [1]}, [{"type": "hologram_delta", "caption": text}]),
    ]
    kind, block, deltas = draw(st.sampled_from(shapes))
    events: list[Event] = [native(index, kind, **block), *(native_delta(index, **delta) for delta in deltas)]
    if kind == "thinking":
        events.append(native_delta(index, type="signature_delta", signature=text))
    return [*events, *([native_stop(index)] if draw(st.booleans()) else [])]


def native_message() -> Event:
    theirs = {"id": "msg_theirs", "type": "message", "role": "assistant", "model": "theirs", "shiny": 1}
    return MessageStarted("msg_theirs", native={**theirs, "usage": {"input_tokens": 4, "output_tokens": 1}})


def native_finish(reason: str) -> Event:
    delta = {"stop_reason": reason, "stop_sequence": None}
    event = {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 3}, "extra": {"a": 1}}
    return MessageFinished(reason, native=event)


def chunked(*pieces: st.SearchStrategy[Any]) -> st.SearchStrategy[list[list[Event]]]:
    """Events in the lists that single reads make of them."""
    run = st.one_of(*(piece.map(lambda made: made if isinstance(made, list) else [made]) for piece in pieces))
    return st.lists(st.lists(run, max_size=6).map(lambda runs: [event for part in runs for event in part]), max_size=8)


any_neutral = chunked(*neutral)
mixed = chunked(
    *neutral,
    native_events(),
    st.builds(native_message),
    st.just(native_finish("end_turn")),
    st.just(NativeEvent("notice", b'{"type":"notice"}')),
)


def run(sink: SseSink | MessageFold, chunks: list[list[Event]], early: bool) -> bytes:
    """All calls of a relay on one answer, with a keepalive after every read; a call without an object is a failure."""
    made = Encoder(sink, "msg_ours", "our-model", 50)
    body = made.start() if early else b""
    for events in chunks:
        body += made.feed(events) + (made.keepalive() if made.started else b"")
    body += made.feed([FINISH]) if made.stop_reason is None else b""
    if made.failed is not None:
        return body + made.finish() + made.fail("api_error", made.failed.message, "req_1")
    return body + made.finish() + made.finish() + made.feed([TextDelta("late")])


@given(chunks=mixed, early=st.booleans())
def test_any_order_makes_a_legal_stream(chunks: list[list[Event]], early: bool) -> None:
    stream = check_stream(run(SseSink(), chunks, early), complete=False, parsable_tools=False)
    assert stream.complete != (stream.error is not None)


def joined(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events, deltas of text that follow each other as one."""
    found: list[dict[str, Any]] = []
    for event in events:
        text = event["delta"].get("text") if event["type"] == "content_block_delta" else None
        last = found[-1].get("delta", {}) if found and text is not None else {}
        if isinstance(last.get("text"), str):
            found[-1] = {**event, "delta": {**event["delta"], "text": last["text"] + text}}
        else:
            found.append(event)
    return found


@given(chunks=mixed, early=st.booleans())
def test_merged_deltas_say_the_same(chunks: list[list[Event]], early: bool) -> None:
    plain = check_stream(run(SseSink(), chunks, early), complete=False, parsable_tools=False)
    merged = check_stream(run(MergingSseSink(), chunks, early), complete=False, parsable_tools=False)
    assert joined(merged.events) == joined(plain.events)


def test_text_that_came_at_once_is_one_delta_of_at_most_4_kb() -> None:
    made = Encoder(MergingSseSink(), "msg_ours", "our-model", 50)
    first = made.feed([MessageStarted(), TextDelta('a"'), TextDelta("😀\n"), TextDelta("c")])
    assert first.count(b"content_block_delta\n") == 1
    assert b'"text":"a\\"\xf0\x9f\x98\x80\\nc"' in first
    second = made.feed([TextDelta("d"), ThinkingDelta("e"), TextDelta("f"), Ping(), TextDelta("g")])
    assert [json.loads(line[6:])["delta"] for line in second.splitlines() if b"text_delta" in line] == [
        {"type": "text_delta", "text": text} for text in ("d", "f", "g")
    ]
    long = made.feed([TextDelta("x" * 1500)] * 6)
    texts = [json.loads(line[6:])["delta"]["text"] for line in long.splitlines() if b"text_delta" in line]
    assert [len(text) for text in texts] == [3000, 3000, 3000]


@given(chunks=mixed)
def test_every_beginning_of_a_stream_is_legal_and_may_end_in_an_error(chunks: list[list[Event]]) -> None:
    made = Encoder(SseSink(), "msg_ours", "our-model", 50)
    body = b""
    for events in chunks:
        body += made.feed(events)
        check_stream(body, complete=False, parsable_tools=False)
    failure = UpstreamError(ErrorKind.CONNECTION_LOST, "gone")
    body += made.feed([StreamFailed(failure)]) + made.finish() + made.fail("api_error", "gone", "req_1")
    assert made.failed is failure
    stream = check_stream(body, complete=False, parsable_tools=False)
    assert stream.error == {"type": "api_error", "message": "gone"}


@given(chunks=any_neutral, early=st.booleans())
def test_no_text_and_no_thinking_is_lost(chunks: list[list[Event]], early: bool) -> None:
    stream = check_stream(run(SseSink(), chunks, early), complete=False, parsable_tools=False)
    assume(stream.complete)
    events = [event for part in chunks for event in part]
    assert stream.text == "".join(event.text for event in events if isinstance(event, TextDelta))
    assert stream.thinking == "".join(event.text for event in events if isinstance(event, ThinkingDelta))
    started = {event.key: event.name for event in reversed(events) if isinstance(event, ToolCallStarted)}
    assert len([block for block in stream.blocks if block.type == "tool_use"]) == len(started)


@given(data=st.data())
def test_no_argument_of_calls_in_a_row_is_lost(data: st.DataObject) -> None:
    """However the fragments of calls interleave, as long as nothing else comes between, each call gets its own."""
    inputs = data.draw(st.lists(st.dictionaries(words, words | st.integers(), max_size=2), min_size=1, max_size=4))
    waiting: dict[int, list[Event]] = {}
    for key, value in enumerate(inputs):
        text = json.dumps(value)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=3)))
        parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        waiting[key] = [ToolCallStarted(key, f"toolu_{key}", "f"), *(ToolArgumentsDelta(key, part) for part in parts)]
    events: list[Event] = []
    while waiting:
        key = data.draw(st.sampled_from(sorted(waiting)))
        events.append(waiting[key].pop(0))
        if not waiting[key]:
            del waiting[key]
    stream = check_stream(run(SseSink(), [events], early=False))
    order = [event.id for event in events if isinstance(event, ToolCallStarted)]
    assert [call.id for call in stream.tool_calls] == order
    assert {call.id: call.input for call in stream.tool_calls} == {
        f"toolu_{key}": value for key, value in enumerate(inputs)
    }


@given(chunks=mixed, early=st.booleans())
def test_the_fold_is_what_a_client_makes_of_the_stream(chunks: list[list[Event]], early: bool) -> None:
    events = read_events(run(SseSink(), chunks, early))
    assume(events[-1]["type"] == "message_stop")
    fold = MessageFold()
    assert run(fold, chunks, early) == b""
    assert fold.message() == _accumulated(events)


@given(chunks=any_neutral)
@settings(max_examples=50)
def test_the_fold_is_what_the_sdk_makes_of_the_stream(chunks: list[list[Event]]) -> None:
    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    # Input that is no JSON has no common reading: the SDK guesses, the fold keeps it for the model to see.
    valid: list[list[Event]] = [
        [event for event in part if not isinstance(event, ToolArgumentsDelta)] for part in chunks
    ]
    for event in read_events(run(SseSink(), valid, early=False)):
        if event["type"] not in {"ping", "message_stop"}:
            snapshot = accumulate_event(event=event, current_snapshot=snapshot, json_bufs=buffers)  # type: ignore[arg-type]
    fold = MessageFold()
    run(fold, valid, early=False)
    sdk = {name: value for name, value in snapshot.to_dict().items() if value is not None or name in fold.message()}
    assert sdk == fold.message()


def _accumulated(events: list[dict[str, Any]]) -> dict[str, Any]:
    """A message from its stream, the plain way: delta by delta."""
    message: dict[str, Any] = events[0]["message"]
    inputs: dict[int, str] = defaultdict(str)
    for event in events[1:]:
        if event["type"] == "content_block_start":
            message["content"].append(event["content_block"])
        elif event["type"] == "content_block_delta":
            block, delta = message["content"][event["index"]], event["delta"]
            match delta["type"]:
                case "input_json_delta":
                    inputs[event["index"]] += delta["partial_json"]
                case kind:
                    name = {"hologram_delta": "caption"}.get(kind, kind.removesuffix("_delta"))
                    block[name] = block.get(name, "") + delta[name]
        elif event["type"] == "message_delta":
            message |= event["delta"] | {name: value for name, value in event.items() if name == "extra"}
            message["usage"] |= event["usage"]
    for index, text in inputs.items():
        if text:
            try:
                value = json.loads(text)
            except ValueError:
                value = None
            message["content"][index]["input"] = value if isinstance(value, dict) else {"__unparsedToolInput": text}
    return message
