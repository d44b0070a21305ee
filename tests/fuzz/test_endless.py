"""Answers without an end, in one process: what is kept of them is bounded, whatever they consist of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import count, repeat

import pytest

from providers.dialects import DIALECTS
from providers.events import Event, TextDelta, ToolArgumentsDelta, ToolCallStarted
from providers.framing.sse import EventTooLong
from streaming.encoding.encoder import Encoder
from streaming.encoding.tool_calls import CALLS_LIMIT, KEPT_LIMIT
from streaming.ingress.claude.frames import SseSink
from streaming.ingress.claude.message import SIZE_LIMIT, MessageFold
from tests.claude.wire import make_call
from tests.fuzz.memory import resident_bytes
from tests.harness.speakers import SPEAKERS

BIG = "x" * 60_000
STARTED = ToolCallStarted(0, "toolu_1", "f")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_endless_text_is_passed_on_and_not_kept(dialect: str) -> None:
    speaker = SPEAKERS[dialect]
    decoder = DIALECTS[dialect].decoder(speaker.content_type, make_call(dialect))
    encoder = Encoder(SseSink(), "msg_ours", "our-model", 1)
    encoder.feed(decoder.feed(speaker.opening("Once")))
    piece, sent = speaker.more(BIG), 0
    before = resident_bytes()
    while sent < 60_000_000:
        sent += len(encoder.feed(decoder.feed(piece)))
    assert resident_bytes() - before < 20_000_000


def _arguments() -> Iterator[Event]:
    yield STARTED
    for _ in count():
        yield ToolArgumentsDelta(0, BIG)


def _waiting_arguments() -> Iterator[Event]:
    yield STARTED
    yield ToolCallStarted(1, "toolu_2", "g")
    for _ in count():
        yield ToolArgumentsDelta(1, BIG)


def _calls() -> Iterator[Event]:
    for key in count():
        yield ToolCallStarted(key, f"toolu_{key}", "f")


@pytest.mark.parametrize(
    ("events", "at_most"),
    [(_arguments, KEPT_LIMIT // len(BIG)), (_waiting_arguments, KEPT_LIMIT // len(BIG)), (_calls, CALLS_LIMIT)],
)
def test_what_must_be_kept_of_calls_is_given_up_in_time(events: Callable[[], Iterator[Event]], at_most: int) -> None:
    encoder = Encoder(SseSink(), "msg_ours", "our-model", 1)
    assert _taken(encoder, events()) <= at_most + 4


@pytest.mark.parametrize("text", ["x", BIG])
def test_an_answer_in_one_piece_has_a_limit(text: str) -> None:
    encoder = Encoder(MessageFold(), "msg_ours", "our-model", 1)
    assert _taken(encoder, repeat(TextDelta(text))) * len(text) <= SIZE_LIMIT


def _taken(encoder: Encoder, events: Iterable[Event]) -> int:
    """How many events are taken before it is too much."""
    for number, event in enumerate(events):
        try:
            encoder.feed([event])
        except EventTooLong:
            return number
    raise AssertionError("they came to an end")
