"""Stop sequences that a provider was not told: the answer ends before the first of them, however it is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.errors import ErrorKind, UpstreamError
from providers.events import (
    Event,
    MessageFinished,
    StreamFailed,
    TextDelta,
    ThinkingDelta,
    Tokens,
    TokensReported,
    ToolArgumentsDelta,
    ToolCallStarted,
)
from providers.transforms.stops import StopMatcher
from streaming.encoding.encoder import Encoder
from streaming.ingress.claude.frames import SseSink
from tests.transforms.cutting import END, apart, joined, streamed, through

COUNTS = TokensReported(Tokens(input=5, output=9))


def stopped(stops: list[str], *events: Event) -> list[Event]:
    return through([StopMatcher(stops)], [list(events)])


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


@pytest.mark.parametrize(
    ("stops", "text", "given", "stop"),
    [
        (["STOP"], "one STOP two", "one ", "STOP"),
        (["STOP"], "STOP", "", "STOP"),
        (["STOP"], "one ST", "one ST", None),
        (["STOP"], "SSTOSTOP!", "SSTO", "STOP"),
        (["aab"], "aaab", "a", "aab"),
        (["abc", "b"], "xabc", "xa", "b"),
        (["bc", "abc"], "xabc", "x", "abc"),
        (["\n\nHuman:"], "Hi\n\nHuman: you", "Hi", "\n\nHuman:"),
        (["🙂"], "so 🙂 far", "so ", "🙂"),
        (["END", "STOP"], "never", "never", None),
    ],
)
def test_the_answer_ends_before_the_first_stop_sequence(
    stops: list[str], text: str, given: str, stop: str | None
) -> None:
    whole = through([StopMatcher(stops)], [[TextDelta(text)], [END]])
    assert through([StopMatcher(stops)], apart([TextDelta(text), END])) == whole
    assert text_of(whole) == given
    last = whole[-1]
    assert isinstance(last, MessageFinished)
    expected = ("end_turn", None) if stop is None else ("stop_sequence", stop)
    assert (last.stop_reason, last.stop_sequence) == expected


@given(
    st.lists(st.text("ab\n", min_size=1, max_size=4), min_size=1, max_size=4),
    st.text("abc\n", max_size=30),
    st.data(),
)
def test_the_same_however_it_is_cut(stops: list[str], text: str, data: st.DataObject) -> None:
    ends = sorted((text.find(stop) + len(stop), text.find(stop)) for stop in stops if stop in text)
    matcher, given, rest = StopMatcher(stops), list[Event](), text
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        given += matcher.feed([TextDelta(rest[:size])])
        rest = rest[size:]
    given += matcher.feed([END])
    assert text_of(given) == (text[: ends[0][1]] if ends else text)
    assert isinstance(given[-1], MessageFinished)
    assert (given[-1].stop_reason == "stop_sequence") is bool(ends)
    assert all(event.text for event in given if isinstance(event, TextDelta))


def test_only_what_may_be_the_beginning_of_one_waits() -> None:
    matcher = StopMatcher(["STOP"])
    assert matcher.feed([TextDelta("one ")]) == [TextDelta("one ")]
    assert matcher.feed([TextDelta("two ST")]) == [TextDelta("two ")]
    assert matcher.feed([TextDelta("x")]) == [TextDelta("STx")]


def test_nothing_follows_the_end() -> None:
    matcher = StopMatcher(["STOP"])
    call = ToolCallStarted(0, "toolu_1", "Read")
    assert matcher.feed([TextDelta("a STOP"), call])[-1] == MessageFinished("stop_sequence", "STOP", cut_short=True)
    assert matcher.feed([TextDelta("b"), ToolArgumentsDelta(0, "{}"), END]) == []


def test_counts_beside_the_text_disturb_nothing() -> None:
    # Perplexity reports counts with every chunk.
    events = stopped(["STOP"], TextDelta("a ST"), COUNTS, TextDelta("OP b"), END)
    assert text_of(events) == "a "


def test_text_of_two_blocks_is_no_match() -> None:
    events = stopped(["STOP"], TextDelta("ST"), ThinkingDelta("hm"), TextDelta("OP"), END)
    assert events == [TextDelta("ST"), ThinkingDelta("hm"), TextDelta("OP"), END]


def test_counts_that_came_with_the_end_are_kept() -> None:
    events = stopped(["STOP"], TextDelta("a STOP b"), COUNTS, END)
    assert events == [TextDelta("a "), COUNTS, MessageFinished("stop_sequence", "STOP", cut_short=False)]


def test_a_failed_answer_says_nothing_more() -> None:
    failed = StreamFailed(UpstreamError(ErrorKind.TRUNCATED, "over"))
    assert stopped(["STOP"], TextDelta("ST"), failed) == [failed]


def test_a_match_inside_a_call_lets_its_arguments_come() -> None:
    events = stopped(
        ["STOP"],
        ToolCallStarted(0, "toolu_1", "Write"),
        ToolArgumentsDelta(0, '{"path":'),
        TextDelta("a STOP b"),
        ToolArgumentsDelta(0, '"/a"}'),
        TextDelta("c"),
        COUNTS,
        MessageFinished("tool_use"),
    )
    assert events[-2:] == [COUNTS, MessageFinished("stop_sequence", "STOP")]
    parsed = streamed(events)
    assert ([call.input for call in parsed.tool_calls], parsed.text) == ([{"path": "/a"}], "a ")


def test_a_stop_sequence_around_arguments_is_one() -> None:
    events = stopped(
        ["STOP"],
        ToolCallStarted(0, "toolu_1", "Write"),
        TextDelta("a ST"),
        ToolArgumentsDelta(0, '{"path":"/a"}'),
        TextDelta("OP b"),
        MessageFinished("tool_use"),
    )
    assert text_of(events) == "a "


def test_the_stream_is_legal_and_names_the_sequence() -> None:
    parsed = streamed(stopped(["STOP"], ThinkingDelta("hm"), TextDelta("one STOP two"), END))
    assert (parsed.text, parsed.stop_reason, parsed.stop_sequence) == ("one ", "stop_sequence", "STOP")


def test_what_was_streamed_until_then_is_estimated() -> None:
    encoder = Encoder(SseSink(), "msg_1", "m", 50)
    encoder.feed(stopped(["STOP"], TextDelta("x" * 40 + "STOP"), TextDelta("more")))
    stream = encoder.finish()
    assert (encoder.tokens.input, encoder.tokens.output) == (50, 10)
    assert b'"output_tokens":10' in stream


def test_joined_puts_neighbours_together() -> None:
    assert joined([TextDelta("a"), TextDelta("b"), ThinkingDelta("c")]) == [TextDelta("ab"), ThinkingDelta("c")]
