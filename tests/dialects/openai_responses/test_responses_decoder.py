"""The openai_responses decoder beyond its fixtures: whatever a server sends, one end, legal events, bounded memory."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.dialects import DIALECTS
from providers.errors import ErrorKind
from providers.events import (
    Event,
    MessageFinished,
    MessageStarted,
    Ping,
    StreamFailed,
    TextDelta,
    ThinkingDelta,
    ThinkingSignature,
    ToolArgumentsDelta,
    ToolCallStarted,
)
from providers.framing.sse import MAX_EVENT_BYTES
from tests.claude.anything import ANYTHING, either
from tests.claude.claude_stream import check_stream
from tests.claude.wire import claude_stream, decode, make_call

CALL = make_call("openai_responses", {"messages": [], "thinking": {"type": "adaptive"}})


def streamed(*events: Any) -> bytes:
    """Events as they come."""
    return b"".join(b"data: " + msgspec.json.encode(event) + b"\n\n" for event in events)


def read(*events: Any) -> list[Event]:
    """What is made of a stream of these events."""
    return decode(CALL, [streamed(*events)])


def delta(kind: str, words: str, **fields: Any) -> dict[str, Any]:
    """A delta event."""
    return {"type": f"response.{kind}.delta", "delta": words, **fields}


def added(kind: str, index: int = 0, **fields: Any) -> dict[str, Any]:
    """An item's announcement."""
    return {"type": "response.output_item.added", "output_index": index, "item": {"type": kind, **fields}}


COMPLETED = {"type": "response.completed", "response": {"status": "completed"}}


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """An object with some of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


TEXTS = either(st.sampled_from(["", "a", "b", "{", "}", "{}", None]))
INDEXES = either(st.integers(0, 2))
PARTS = some(type=st.sampled_from(["output_text", "refusal", "summary_text"]), text=TEXTS, refusal=TEXTS)
ITEMS = some(
    type=either(st.sampled_from(["message", "reasoning", "function_call", "web_search_call"])),
    id=TEXTS,
    call_id=TEXTS,
    name=TEXTS,
    arguments=either(TEXTS),
    content=either(st.lists(PARTS, max_size=2)),
    summary=either(st.lists(PARTS, max_size=2)),
    encrypted_content=TEXTS,
    phase=TEXTS,
)
RESPONSES = some(
    id=TEXTS,
    object=st.just("response"),
    status=either(st.sampled_from(["completed", "incomplete", "failed", "in_progress"])),
    output=either(st.lists(ITEMS, max_size=3)),
    error=ANYTHING,
    incomplete_details=either(some(reason=either(st.sampled_from(["max_output_tokens", "content_filter"])))),
    usage=either(st.dictionaries(st.sampled_from(["input_tokens", "output_tokens", "input_tokens_details"]), ANYTHING)),
)
KINDS = sorted(DIALECTS["openai_responses"].decoder("", CALL)._on)  # type: ignore[attr-defined]
EVENTS = either(
    some(
        type=either(st.sampled_from([*KINDS, "error", "response.unknown"])),
        output_index=INDEXES,
        content_index=INDEXES,
        summary_index=INDEXES,
        item_id=TEXTS,
        delta=TEXTS,
        text=TEXTS,
        refusal=TEXTS,
        arguments=TEXTS,
        part=either(PARTS),
        item=either(ITEMS),
        response=either(RESPONSES),
        error=ANYTHING,
    )
)


@given(st.lists(EVENTS, max_size=8), st.booleans())
def test_whatever_a_server_sends_there_is_one_end_and_every_delta_has_a_start(sent: list[Any], ends: bool) -> None:
    events = read(*sent, *[COMPLETED] * ends)
    over = [isinstance(event, MessageFinished | StreamFailed) for event in events]
    assert over == [False] * (len(events) - 1) + [True]
    started: set[int] = set()
    for event in events:
        if isinstance(event, ToolCallStarted):
            assert event.key not in started
            assert event.name
            started.add(event.key)
        elif isinstance(event, ToolArgumentsDelta):
            assert event.key in started
            assert event.json
        elif isinstance(event, TextDelta | ThinkingDelta):
            assert event.text
        elif isinstance(event, ThinkingSignature):
            assert event.signature.startswith("px1:responses:")
    if isinstance(events[-1], MessageFinished) and events[-1].stop_reason not in ("refusal", "max_tokens"):
        assert (events[-1].stop_reason == "tool_use") == bool(started)
    check_stream(claude_stream(events), complete=False, parsable_tools=False)


@given(either(RESPONSES))
def test_whatever_comes_as_one_document_has_one_end(document: Any) -> None:
    events = decode(CALL, [msgspec.json.encode(document)])
    assert isinstance(events[-1], MessageFinished | StreamFailed)
    check_stream(claude_stream(events), complete=False, parsable_tools=False)


def test_an_error_after_the_announcement_still_has_a_status_of_its_own() -> None:
    created = {"type": "response.created", "response": {"id": "resp_1", "model": "m"}}
    failed = {"type": "response.failed", "response": {"error": {"code": "rate_limit_exceeded", "message": "Slow down"}}}
    events = read(created, failed)
    assert [type(event) for event in events] == [Ping, StreamFailed]
    assert events[-1].error.kind is ErrorKind.RATE_LIMIT  # type: ignore[union-attr]
    begun = read(created, added("message"), failed)
    assert begun[1] == MessageStarted(id="resp_1", model="m")


def test_an_answer_cut_by_its_limit_inside_arguments_says_so() -> None:
    call = added("function_call", call_id="call_a", name="Write")
    cut = {"type": "response.incomplete", "response": {"incomplete_details": {"reason": "max_output_tokens"}}}
    events = read(call, delta("function_call_arguments", '{"text":"On', output_index=0), cut)
    assert events[-1] == MessageFinished("max_tokens")


def test_an_answer_broken_off_for_another_reason_is_a_failure() -> None:
    events = read(
        delta("output_text", "Hi"),
        {"type": "response.incomplete", "response": {"incomplete_details": {"reason": "steered"}}},
    )
    assert isinstance(events[-1], StreamFailed)
    assert events[-1].error.code == "steered"


@pytest.mark.parametrize("status", ["failed", "cancelled", "in_progress", "queued"])
def test_a_whole_response_that_is_none_is_a_failure(status: str) -> None:
    events = decode(CALL, [msgspec.json.encode({"object": "response", "status": status, "output": []})])
    assert isinstance(events[-1], StreamFailed)


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><title>Bad gateway</title>", b"\n <html>"])
def test_a_web_page_is_no_answer(page: bytes) -> None:
    events = decode(CALL, [page])
    assert isinstance(events[-1], StreamFailed)
    assert "web page" in events[-1].error.message


def test_nothing_follows_the_end() -> None:
    decoder = DIALECTS["openai_responses"].decoder("text/event-stream", CALL)
    assert isinstance(decoder.feed(streamed(delta("output_text", "Hi"), COMPLETED))[-1], MessageFinished)
    assert decoder.feed(streamed(delta("output_text", "more"))) == []
    assert decoder.close() == []


def test_silence_and_pings_are_no_answer() -> None:
    assert isinstance(decode(CALL, [])[-1], StreamFailed)
    assert isinstance(read({"type": "keepalive"}, {"type": "response.in_progress"})[-1], StreamFailed)


@pytest.mark.parametrize(
    "piece",
    [
        b"data: " + b"x" * 65536,
        b"x" * 65536,
        b'{"output":"' + b"x" * 65536,
    ],
)
def test_what_never_ends_is_given_up(piece: bytes) -> None:
    decoder = DIALECTS["openai_responses"].decoder("text/event-stream", CALL)
    for _ in range(MAX_EVENT_BYTES // 65536 + 2):
        events = decoder.feed(piece)
        if events:
            break
    assert isinstance(events[-1], StreamFailed)
    assert events[-1].error.kind is ErrorKind.MALFORMED


def test_too_many_items_parts_and_arguments_without_a_name_are_given_up() -> None:
    endless = [
        [added("message", index) for index in range(10_001)],
        [delta("output_text", "a", output_index=0, content_index=index) for index in range(10_002)],
        [delta("function_call_arguments", "x" * 65536, output_index=0)] * 17,
    ]
    for events in endless:
        last = read(*events)[-1]
        assert isinstance(last, StreamFailed)
        assert last.error.kind is ErrorKind.MALFORMED


def test_text_is_not_sent_again_for_any_of_the_events_that_repeat_it() -> None:
    part = {"type": "output_text", "text": "Hello"}
    item = {"type": "message", "id": "msg_1", "content": [part]}
    events = read(
        added("message", id="msg_1"),
        delta("output_text", "Hel", output_index=0),
        delta("output_text", "lo", output_index=0),
        {"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "Hello"},
        {"type": "response.content_part.done", "output_index": 0, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": {"output": [{"type": "reasoning", "summary": []}, item]}},
    )
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "Hello"
