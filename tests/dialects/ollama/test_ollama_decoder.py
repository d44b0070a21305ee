"""The ollama decoder beyond its fixtures: whatever bytes come, one end and no exception; memory stays bounded."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from providers.dialects.ollama.answer.decoder import OllamaDecoder
from providers.errors import ErrorKind
from providers.events import (
    Event,
    MessageFinished,
    StreamFailed,
    TextDelta,
    ThinkingDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
)
from providers.framing.sse import MAX_EVENT_BYTES
from tests.claude.anything import ANYTHING
from tests.claude.claude_stream import check_stream
from tests.claude.wire import claude_stream, make_call


def decoded(body: bytes) -> list[Event]:
    """The events of a whole body."""
    decoder = OllamaDecoder(make_call("ollama"))
    return decoder.feed(body) + decoder.close()


TEXTS = st.sampled_from(["", "a", "日本"]) | ANYTHING
FUNCTIONS = st.fixed_dictionaries({}, optional={"name": TEXTS, "arguments": ANYTHING | st.just({"a": 1})}) | ANYTHING
CALLS = st.fixed_dictionaries({}, optional={"id": TEXTS, "function": FUNCTIONS}) | ANYTHING
MESSAGES = st.fixed_dictionaries(
    {}, optional={"content": TEXTS, "thinking": TEXTS, "tool_calls": st.lists(CALLS, max_size=3) | ANYTHING}
)
LINES = (
    st.fixed_dictionaries(
        {},
        optional={
            "model": TEXTS,
            "message": MESSAGES | ANYTHING,
            "done": st.booleans() | ANYTHING,
            "done_reason": st.sampled_from(["stop", "length", "load"]) | ANYTHING,
            "eval_count": st.integers(-5, 2**70) | ANYTHING,
            "error": ANYTHING,
        },
    )
    | ANYTHING
)


def check(events: list[Event]) -> None:
    """One end, every delta after its start, nothing empty, and a legal Claude stream."""
    ends = [isinstance(event, MessageFinished | StreamFailed) for event in events]
    assert ends == [False] * (len(events) - 1) + [True]
    started: set[int] = set()
    for event in events:
        if isinstance(event, ToolCallStarted):
            assert event.key not in started
            assert event.name
            started.add(event.key)
        elif isinstance(event, ToolArgumentsDelta):
            assert event.key in started
            assert event.json.startswith("{")
        elif isinstance(event, TextDelta | ThinkingDelta):
            assert event.text
    check_stream(claude_stream(events), complete=False)


@given(st.lists(LINES, max_size=6))
def test_whatever_a_server_says_there_is_one_end(lines: list[Any]) -> None:
    check(decoded(b"".join(msgspec.json.encode(line) + b"\n" for line in lines)))


@given(st.binary(max_size=300))
def test_whatever_bytes_come_there_is_one_end(body: bytes) -> None:
    check(decoded(body))
    check(decoded(b'{"message":{"content":"a"}}\n' + body))
    call = b'{"message":{"tool_calls":[{"function":{"name":"x","arguments":'
    check(decoded(call + body + b"}}]}}\n"))
    check(decoded(call + b'"' + body + b'"}}]}}\n'))


def test_each_call_has_its_own_key_and_its_own_arguments() -> None:
    first, second, third = ({"function": {"name": name, "arguments": {"of": name}}} for name in "abc")
    lines = [{"message": {"tool_calls": [first, second]}}, {"message": {"tool_calls": [third]}, "done": True}]
    events = decoded(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    names = {event.key: event.name for event in events if isinstance(event, ToolCallStarted)}
    arguments = {event.key: event.json for event in events if isinstance(event, ToolArgumentsDelta)}
    assert names == {0: "a", 1: "b", 2: "c"}
    assert arguments == {key: f'{{"of":"{name}"}}' for key, name in names.items()}


def test_an_endless_line_is_given_up() -> None:
    decoder = OllamaDecoder(make_call("ollama"))
    piece = b"x" * 1024 * 1024
    events: list[Event] = []
    fed = 0
    while not events:
        events = decoder.feed(piece)
        fed += len(piece)
    assert isinstance(events[-1], StreamFailed)
    assert events[-1].error.kind is ErrorKind.MALFORMED
    assert fed <= MAX_EVENT_BYTES + len(piece)
    assert decoder.feed(piece) == []
    assert decoder.close() == []


def test_a_deeply_nested_line_is_malformed() -> None:
    events = decoded(b'{"error":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n")
    assert isinstance(events[-1], StreamFailed)
    assert events[-1].error.kind is ErrorKind.MALFORMED


def test_arguments_keep_the_order_and_spelling_that_the_model_gave_them() -> None:
    body = b'{"message":{"tool_calls":[{"function":{"name":"x","arguments":{"b":1.0,"a":"\\u00e9"}}}]},"done":true}\n'
    assert ToolArgumentsDelta(0, '{"b":1.0,"a":"\\u00e9"}') in decoded(body)
