"""Amazon's frames: cut anywhere, damaged, too long, exceptions inside, and noise; never an invented end."""

from __future__ import annotations

import binascii
import itertools
import struct
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.dialects.anthropic.answer.decoder import StreamDecoder
from providers.errors import ErrorKind
from providers.events import Event, MessageFinished, StreamFailed
from providers.framing.sse import EventTooLong
from providers.platforms.bedrock import Bedrock
from providers.platforms.bedrock.frames import FramesDecoder
from tests.claude.claude_stream import check_stream
from tests.claude.wire import claude_stream, make_call
from tests.harness import speak
from tests.platforms import eventstream

ANSWER = (
    speak.claude_start(),
    speak.claude_thinking(0, "Hm.", "c2ln"),
    speak.claude_text(1, "Grüße, 世界", "!"),
    speak.claude_tool(2, "toolu_1", "get_weather", '{"city":', ' "Paris"}'),
    speak.claude_end("tool_use"),
)
FRAMES = eventstream.chunks(*ANSWER)
BODY = b"".join(FRAMES)


def decode(pieces: Iterable[bytes]) -> list[Event]:
    decoder = FramesDecoder(StreamDecoder(make_call("anthropic")))
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.close()


def failure(events: list[Event]) -> tuple[ErrorKind, str]:
    last = events[-1]
    assert isinstance(last, StreamFailed), last
    assert not any(isinstance(event, MessageFinished | StreamFailed) for event in events[:-1])
    return last.error.kind, last.error.message


def plain() -> list[Event]:
    decoder = StreamDecoder(make_call("anthropic"))
    return decoder.feed(b"".join(ANSWER)) + decoder.close()


def test_frames_say_what_the_plain_stream_says_and_the_metrics_are_not_in_it() -> None:
    stream = claude_stream(decode([BODY]))
    assert stream == claude_stream(plain())
    assert b"invocationMetrics" not in stream
    check_stream(stream)


def test_frames_cut_at_every_byte() -> None:
    whole = claude_stream(decode([BODY]))
    assert claude_stream(decode(BODY[at : at + 1] for at in range(len(BODY)))) == whole
    for at in range(1, len(BODY)):
        assert claude_stream(decode([BODY[:at], BODY[at:]])) == whole


def test_an_answer_that_stops_anywhere_is_a_cut_and_no_end() -> None:
    ends = list(itertools.accumulate(map(len, FRAMES)))
    # The last frame is message_stop: once the reason is told, an answer without it is whole.
    for at in range(ends[-2]):
        kind, _ = failure(decode([BODY[:at]]))
        assert kind is ErrorKind.TRUNCATED, at
    for at in range(ends[-2] + 1, len(BODY)):
        assert failure(decode([BODY[:at]]))[0] is ErrorKind.TRUNCATED, at


def test_every_flipped_byte_is_seen() -> None:
    frame = FRAMES[3]
    for at in range(len(frame)):
        damaged = bytearray(frame)
        damaged[at] ^= 0x40
        kind, message = failure(decode([b"".join(FRAMES[:3]), bytes(damaged), b"".join(FRAMES[4:])]))
        assert kind is ErrorKind.MALFORMED, at
        assert "frame" in message


def _prelude(total: int, headers: int) -> bytes:
    start = struct.pack(">II", total, headers)
    return start + struct.pack(">I", binascii.crc32(start))


@pytest.mark.parametrize("total", [0, 11, 12, 15])
def test_a_frame_shorter_than_a_frame(total: int) -> None:
    assert failure(decode([_prelude(total, 0) + b"\0" * 40]))[0] is ErrorKind.MALFORMED


def test_a_frame_that_claims_to_be_huge_is_not_waited_for() -> None:
    with pytest.raises(EventTooLong, match="a frame of more than"):
        FramesDecoder(StreamDecoder(make_call("anthropic"))).feed(_prelude(17 << 20, 20))
    # botocore has a limit too; and lengths without a right checksum are noise, told at once.
    for start in (_prelude(1 << 31, 20), _prelude(0xFFFFFFFF, 20), struct.pack(">III", 17 << 20, 20, 1)):
        assert failure(FramesDecoder(StreamDecoder(make_call("anthropic"))).feed(start))[0] is ErrorKind.MALFORMED


def test_a_long_frame_in_many_pieces_is_joined_once() -> None:
    text = "x" * (6 << 20)
    event = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
    frame = eventstream.chunk(event)
    pieces = [frame[at : at + 1000] for at in range(0, len(frame), 1000)]
    decoder = FramesDecoder(StreamDecoder(make_call("anthropic")))
    decoder.feed(b"".join(eventstream.chunks(speak.opening("anthropic", "Short"))))
    assert [len(decoder.feed(piece)) for piece in pieces] == [0] * (len(pieces) - 1) + [1]


@pytest.mark.parametrize(
    ("name", "fields", "kind"),
    [
        ("throttlingException", {"message": "Too many tokens, please wait."}, ErrorKind.RATE_LIMIT),
        ("modelStreamErrorException", {"message": "It broke.", "originalStatusCode": 500}, ErrorKind.SERVER),
        ("internalServerException", {"message": "Oops."}, ErrorKind.SERVER),
        ("serviceUnavailableException", {"message": "Busy."}, ErrorKind.OVERLOADED),
        ("modelTimeoutException", {"message": "Slow."}, ErrorKind.SERVER),
        ("validationException", {"message": "messages: at least one."}, ErrorKind.INVALID_REQUEST),
        ("validationException", {"message": "Input is too long for requested model."}, ErrorKind.CONTEXT_OVERFLOW),
        ("aNewException", {"message": "New."}, ErrorKind.SERVER),
        ("internalServerException", {}, ErrorKind.SERVER),
    ],
)
@pytest.mark.parametrize("after", [0, 4], ids=["first", "inside"])
def test_exceptions(name: str, fields: dict[str, Any], kind: ErrorKind, after: int) -> None:
    events = decode([*FRAMES[:after], eventstream.exception(name, **fields), *FRAMES[after:]])
    found, message = failure(events)
    assert found is kind
    assert message
    if kind is ErrorKind.CONTEXT_OVERFLOW:
        assert message.startswith("prompt is too long")
    elif fields:
        assert message == fields["message"]


def test_an_error_frame_has_its_words_in_headers() -> None:
    frame = eventstream.frame(b"", message_type="error", error_code="InternalFailure", error_message="Fell over.")
    assert failure(decode([frame])) == (ErrorKind.SERVER, "Fell over.")


def test_events_that_nobody_knows_are_passed_over() -> None:
    unknown = eventstream.frame(b"{}", message_type="event", event_type="initial-response")
    assert claude_stream(decode([unknown, *FRAMES[:2], unknown, *FRAMES[2:]])) == claude_stream(plain())


@pytest.mark.parametrize("payload", [b"", b"{}", b"[1]", b'{"bytes": "&&&"}', b'{"bytes": 3}', b"\xff\xfe"])
def test_a_chunk_without_bytes_is_malformed(payload: bytes) -> None:
    frame = eventstream.frame(payload, message_type="event", event_type="chunk")
    assert failure(decode([FRAMES[0], frame]))[0] is ErrorKind.MALFORMED


def test_line_breaks_inside_an_event_end_no_event() -> None:
    event = b'{"type":\n"message_start",\r\n\r\n"message": {"id": "m", "model": "x", "usage": {"input_tokens": 3}}}'
    assert len(FramesDecoder(StreamDecoder(make_call("anthropic"))).feed(eventstream.chunk(event))) == 1
    forged = b'{"type":"ping"}\n\ndata: {"type":"message_stop"}'
    assert failure(decode([eventstream.chunk(forged)]))[0] is ErrorKind.MALFORMED


# Without a tool: Claude's own stop reason is passed on as it is, and would have to fit what else is drawn.
TEXT = eventstream.chunks(speak.claude_start(), speak.claude_text(0, "Hi", "!"), speak.claude_end())


@given(st.lists(st.one_of(st.sampled_from(TEXT), st.binary(max_size=60)), max_size=12), st.integers(1, 50))
def test_whatever_comes_there_is_one_end_and_a_legal_stream(parts: list[bytes], size: int) -> None:
    body = b"".join(parts)
    try:
        events = decode(body[at : at + size] for at in range(0, len(body), size))
    except EventTooLong:
        return
    assert sum(isinstance(event, MessageFinished | StreamFailed) for event in events) == 1
    check_stream(claude_stream(events), complete=False)


@pytest.mark.parametrize(
    ("content_type", "framed"),
    [
        ("application/vnd.amazon.eventstream", True),
        ("", True),
        ("application/json", False),
        ("text/event-stream; charset=utf-8", False),
    ],
)
def test_a_text_of_a_server_in_between_is_read_as_it_is(content_type: str, framed: bool) -> None:
    decoder = StreamDecoder(make_call("anthropic"))
    assert isinstance(Bedrock().decoder(content_type, decoder), FramesDecoder) is framed
