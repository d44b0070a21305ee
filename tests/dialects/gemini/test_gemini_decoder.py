"""The gemini decoder beyond its fixtures: bounds, broken pieces, and whatever else a server may send."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

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

CALL = make_call("gemini", model="gemini-3.8-flash")


def sse(*chunks: Any) -> bytes:
    """Chunks as a stream."""
    return b"".join(b"data: " + msgspec.json.encode(chunk) + b"\r\n\r\n" for chunk in chunks)


def chunk_of(*parts: Any, finish: str | None = None) -> dict[str, Any]:
    """A chunk with these parts."""
    candidate: dict[str, Any] = {"content": {"parts": list(parts)}}
    return {"candidates": [candidate if finish is None else {**candidate, "finishReason": finish}]}


def streamed(*pieces: Any) -> list[Event]:
    """The events of a call whose arguments come in these pieces."""
    begin = {"functionCall": {"name": "f", "willContinue": True}}
    parts = [{"functionCall": {"partialArgs": [piece], "willContinue": True}} for piece in pieces]
    return decode(CALL, [sse(chunk_of(begin), *map(chunk_of, parts), chunk_of({"functionCall": {}}, finish="STOP"))])


def failure(events: list[Event]) -> str:
    """The kind of failure that ends the events."""
    assert isinstance(events[-1], StreamFailed)
    return events[-1].error.kind.value


@pytest.mark.parametrize(
    ("pieces", "arguments"),
    [
        ([{"jsonPath": "$.a", "stringValue": "x"}], {"a": "x"}),
        ([{"jsonPath": '$[\'a.b\']["c\\"d"]', "numberValue": 1}], {"a.b": {'c"d': 1}}),
        ([{"jsonPath": "$.a", "numberValue": 2.0}, {"jsonPath": "$.b", "numberValue": 0.5}], {"a": 2, "b": 0.5}),
        ([{"jsonPath": "$.a[0]", "boolValue": True}, {"jsonPath": "$.a[1]", "nullValue": None}], {"a": [True, None]}),
        ([{"jsonPath": "$.a", "stringValue": ""}, {"jsonPath": "$.a", "stringValue": "b"}], {"a": "b"}),
        ([{"jsonPath": "$.a"}], None),
    ],
)
def test_pieces_of_arguments_are_put_together(pieces: list[Any], arguments: Any) -> None:
    given = [event.json for event in streamed(*pieces) if isinstance(event, ToolArgumentsDelta)]
    assert [msgspec.json.decode(text) for text in given] == ([] if arguments is None else [arguments])


@pytest.mark.parametrize(
    "pieces",
    [
        [{"jsonPath": "$.a[5]", "stringValue": "x"}],
        [{"jsonPath": "$.a[999999999]", "stringValue": "x"}],
        [{"jsonPath": "$", "stringValue": "x"}],
        [{"jsonPath": "$.a[*]", "stringValue": "x"}],
        [{"stringValue": "x"}],
        [{"jsonPath": "$.a", "numberValue": 1}, {"jsonPath": "$.a.b", "numberValue": 1}],
        [{"jsonPath": "$.a[0]", "numberValue": 1}, {"jsonPath": "$.a.b", "numberValue": 1}],
        [{"jsonPath": "$" + ".a" * 101, "numberValue": 1}],
    ],
)
def test_pieces_that_do_not_fit_together_are_a_failure(pieces: list[Any]) -> None:
    events = streamed(*pieces)
    assert failure(events) == "malformed"
    assert not any(isinstance(event, ToolCallStarted) for event in events)


def test_a_call_in_pieces_is_a_sign_of_life_until_it_is_sent() -> None:
    kinds = [type(event) for event in streamed({"jsonPath": "$.a", "stringValue": "x", "willContinue": True})]
    assert kinds == [MessageStarted, Ping, ToolCallStarted, ToolArgumentsDelta, MessageFinished]


def test_a_call_that_the_limit_cuts_off_is_not_sent() -> None:
    begin = {"functionCall": {"name": "f", "willContinue": True}}
    piece = {"functionCall": {"partialArgs": [{"jsonPath": "$.a", "stringValue": "half a fi"}], "willContinue": True}}
    events = decode(CALL, [sse(chunk_of(begin), chunk_of(piece), chunk_of(finish="MAX_TOKENS"))])
    assert not any(isinstance(event, ToolCallStarted) for event in events)
    assert events[-1] == MessageFinished("max_tokens")


def test_a_complete_call_before_the_limit_is_sent() -> None:
    events = decode(CALL, [sse(chunk_of({"functionCall": {"name": "f", "args": {"a": 1}}}, finish="MAX_TOKENS"))])
    assert [type(event) for event in events[1:]] == [ToolCallStarted, ToolArgumentsDelta, MessageFinished]


def test_arguments_without_a_call_are_a_failure() -> None:
    assert failure(decode(CALL, [sse(chunk_of({"functionCall": {"args": {"a": 1}}}, finish="STOP"))])) == "malformed"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "truncated"),
        (b"data: [DONE]\n\n", "truncated"),
        (b"<html><body>502</body></html>", "malformed"),
        (b"data: nonsense\n\ndata: {}\n\n", "malformed"),
        (b"{nonsense", "malformed"),
        (b'[{"candidates":[]},', "malformed"),
        (b"[]", "truncated"),
        (b"data: " + b"x" * (MAX_EVENT_BYTES + 1), "malformed"),
        (b"{" + b" " * (MAX_EVENT_BYTES + 1), "malformed"),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else value,
)
def test_what_is_no_answer_is_a_failure(body: bytes, kind: str) -> None:
    size = 1 << 20
    events = decode(CALL, [body[at : at + size] for at in range(0, len(body), size)] or [b""])
    assert failure(events) == kind
    assert len([event for event in events if isinstance(event, StreamFailed)]) == 1


def test_endless_arguments_are_cut_off() -> None:
    piece = sse(
        chunk_of(
            {"functionCall": {"partialArgs": [{"jsonPath": "$.a", "stringValue": "x" * 100_000}], "willContinue": True}}
        )
    )
    begin = sse(chunk_of({"functionCall": {"name": "f", "willContinue": True}}))

    def endless() -> Iterator[bytes]:
        yield begin
        for _ in range(1000):
            yield piece

    events = decode(CALL, endless())
    assert failure(events) == "malformed"
    assert len(events) * 100_000 < 2 * MAX_EVENT_BYTES


@pytest.mark.parametrize(
    ("finish", "stop"),
    [
        ("STOP", "end_turn"),
        ("MAX_TOKENS", "max_tokens"),
        *(
            (word, "refusal")
            for word in ("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII")
        ),
        *((word, "refusal") for word in ("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "MODEL_ARMOR")),
    ],
)
def test_why_it_ended(finish: str, stop: str) -> None:
    end = decode(CALL, [sse(chunk_of({"text": "x"}, finish=finish))])[-1]
    assert isinstance(end, MessageFinished)
    assert end.stop_reason == stop
    assert (end.stop_details is not None) == (stop == "refusal")


@pytest.mark.parametrize(
    "finish",
    [
        *("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MISSING_THOUGHT_SIGNATURE", "TOO_MANY_TOOL_CALLS"),
        *("OTHER", "MALFORMED_RESPONSE", "NOT_YET_KNOWN"),
    ],
)
def test_what_is_no_end_is_a_failure_that_another_provider_may_mend(finish: str) -> None:
    end = decode(CALL, [sse(chunk_of({"text": "x"}, finish=finish))])[-1]
    assert isinstance(end, StreamFailed)
    assert (end.error.kind.value, end.error.code, end.error.retryable) == ("server", finish, True)


TEXTS = either(st.sampled_from(["", "a", None]))
FLAGS = either(st.booleans())
PATHS = either(st.sampled_from(["$.a", "$.a[0]", "$.a[0].b", "$['b']", "$.b.c", "$"]))
PIECES = st.fixed_dictionaries(
    {"jsonPath": PATHS},
    optional={
        "stringValue": TEXTS,
        "numberValue": ANYTHING,
        "boolValue": FLAGS,
        "nullValue": ANYTHING,
        "willContinue": FLAGS,
    },
)
CALLS = st.fixed_dictionaries(
    {},
    optional={
        "name": TEXTS,
        "id": TEXTS,
        "args": either(st.dictionaries(st.text(max_size=3), ANYTHING, max_size=2)),
        "partialArgs": either(st.lists(either(PIECES), max_size=3)),
        "willContinue": FLAGS,
    },
)
PARTS = st.fixed_dictionaries(
    {}, optional={"text": TEXTS, "thought": FLAGS, "thoughtSignature": TEXTS, "functionCall": either(CALLS)}
)
FINISHES = either(st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY", "OTHER", ""]))
CANDIDATES = st.fixed_dictionaries(
    {"content": either(st.fixed_dictionaries({"parts": either(st.lists(either(PARTS), max_size=3))}))},
    optional={"finishReason": FINISHES, "finishMessage": TEXTS},
)
USAGES = st.dictionaries(
    st.sampled_from(["promptTokenCount", "cachedContentTokenCount", "candidatesTokenCount", "thoughtsTokenCount"]),
    ANYTHING,
)
CHUNKS = either(
    st.fixed_dictionaries(
        {},
        optional={
            "candidates": either(st.lists(either(CANDIDATES), max_size=2)),
            "usageMetadata": either(USAGES),
            "promptFeedback": either(st.fixed_dictionaries({"blockReason": TEXTS})),
        },
    )
)


@given(st.lists(CHUNKS, max_size=6), st.sampled_from(["sse", "array"]))
def test_whatever_a_server_sends_there_is_one_end_and_every_delta_has_a_start(chunks: list[Any], form: str) -> None:
    events = decode(CALL, [sse(*chunks) if form == "sse" else msgspec.json.encode(chunks)])
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
            assert isinstance(msgspec.json.decode(event.json), dict)
        elif isinstance(event, TextDelta | ThinkingDelta):
            assert event.text
        elif isinstance(event, ThinkingSignature):
            assert event.signature
    check_stream(claude_stream(events), complete=False)
