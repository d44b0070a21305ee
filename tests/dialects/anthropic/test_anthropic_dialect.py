"""The Claude dialect's way in: recorded streams, cut anywhere, come out of the encoder as they went in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from providers.config import ModelConfig, ProviderConfig
from providers.dialects import DIALECTS
from providers.dialects.contract import Call, Decoder
from providers.errors import ErrorKind
from providers.events import Event, MessageFinished, MessageStarted, StreamFailed, Tokens, TokensReported
from streaming.encoding.encoder import Encoder
from streaming.ingress.claude.frames import SseSink
from streaming.ingress.claude.message import MessageFold
from tests.claude.claude_stream import ParsedStream, check_stream, read_events

WIRE = Path(__file__).parent.parent.parent / "wire" / "anthropic"
WHOLE = [
    "text",
    "thinking",
    "redacted_thinking",
    "parallel_tools",
    "web_search",
    "citations",
    "unknown",
    "refusal",
    "tool_no_arguments",
    "stop_length",
    "multibyte",
]
CALL = Call(
    body={},
    model=ModelConfig(id=1, provider_id=1, name="claude-x"),
    provider=ProviderConfig(id=1, name="p", dialect="anthropic", base_url="http://localhost"),
)


def recorded(case: str) -> bytes:
    return (WIRE / case / "upstream.sse").read_bytes()


def decoder(content_type: str = "text/event-stream; charset=utf-8") -> Decoder:
    return DIALECTS["anthropic"].decoder(content_type, CALL)


def relayed(pieces: list[bytes], content_type: str = "text/event-stream") -> tuple[bytes, Encoder]:
    """What a client gets of an upstream body that arrives in these pieces."""
    reader, encoder = decoder(content_type), Encoder(SseSink(), "msg_ours", "our-model", 50)
    body = b"".join(encoder.feed(reader.feed(piece)) for piece in pieces)
    return body + encoder.feed(reader.close()) + encoder.finish(), encoder


def events_of(body: bytes) -> list[Event]:
    reader = decoder()
    return [*reader.feed(body), *reader.close()]


def failure(body: bytes) -> StreamFailed:
    last = events_of(body)[-1]
    assert isinstance(last, StreamFailed)
    return last


def expected(case: str) -> list[dict[str, Any]]:
    """The recorded payloads under our model's name."""
    events = read_events(recorded(case))
    for event in events:
        if event["type"] == "message_start":
            event["message"]["model"] = "our-model"
    return events


def judged(body: bytes) -> ParsedStream:
    return check_stream(body)


@pytest.mark.parametrize("case", WHOLE)
def test_every_payload_arrives_as_it_was(case: str) -> None:
    body, encoder = relayed([recorded(case)])
    assert judged(body).events == expected(case)
    assert encoder.finished


@pytest.mark.parametrize("case", WHOLE)
def test_what_imitations_of_claude_add_changes_nothing(case: str) -> None:
    body = recorded(case)
    same = relayed([body])[0]
    assert relayed([body.replace(b"data: ", b"data:")])[0] == same
    assert relayed([body + b"data: [DONE]\n\n"])[0] == same
    assert relayed([body.removesuffix(b"\n\n")])[0] == same


@pytest.mark.parametrize("case", WHOLE)
def test_block_and_delta_bytes_are_not_written_anew(case: str) -> None:
    body, _ = relayed([recorded(case)])
    lines = [line for line in recorded(case).split(b"\n") if b'"content_block' in line]
    assert lines == [line for line in body.split(b"\n") if b'"content_block' in line and line.startswith(b"data")]


def test_pings_pass_after_the_start() -> None:
    stream = judged(relayed([recorded("ping")])[0])
    assert stream.types.count("ping") == 3
    assert stream.types[:2] == ["message_start", "ping"]
    assert stream.text == "Hi"


def test_tokens_are_reported_with_their_kinds() -> None:
    _, encoder = relayed([recorded("text")])
    assert encoder.tokens == Tokens(input=472, cache_read=2048, cache_write=120, cache_write_1h=100, output=15)
    assert relayed([recorded("thinking")])[1].tokens.reasoning == 41
    assert encoder.stop_reason == "stop_sequence"


def test_counts_that_are_no_counts_are_unknown() -> None:
    start = b'data: {"type":"message_start","message":{"usage":{"input_tokens":"12","output_tokens":true}}}\n\n'
    (event, _) = events_of(start)
    assert isinstance(event, MessageStarted)
    assert event.tokens == Tokens()


def test_an_error_first() -> None:
    error = failure(recorded("error_first")).error
    assert (error.kind, error.message, error.code) == (ErrorKind.OVERLOADED, "Overloaded", "overloaded_error")


def test_an_error_in_the_middle_ends_it_all() -> None:
    body, encoder = relayed([recorded("error_inside"), recorded("text")])
    assert encoder.failed is not None
    assert encoder.failed.kind is ErrorKind.RATE_LIMIT
    assert encoder.failed.message == "This request would exceed your rate limit."
    stream = check_stream(body, complete=False)
    assert (stream.text, stream.stop_reason) == ("Once upon", None)


def test_an_early_end_is_no_end() -> None:
    error = failure(recorded("truncated")).error
    assert error.kind is ErrorKind.TRUNCATED
    assert error.retryable


def test_an_empty_answer_says_so() -> None:
    assert "no event" in failure(b"").error.message


def test_an_end_without_message_stop_counts_when_its_reason_came() -> None:
    assert judged(relayed([recorded("no_message_stop")])[0]).stop_reason == "end_turn"
    cut = recorded("text").removesuffix(b'_stop"}\n\n')
    assert judged(relayed([cut])[0]).stop_reason == "stop_sequence"


def test_several_message_deltas_become_one() -> None:
    one = b'data: {"type":"message_delta","delta":{"stop_reason":null},"usage":{"output_tokens":2,"x":1},"a":1}\n\n'
    two = b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9},"b":2}\n\n'
    three = b'data: {"type":"message_delta","delta":{"stop_reason":null},"usage":{"output_tokens":null}}\n\n'
    start = b'data: {"type":"message_start","message":{"id":"m","usage":{"input_tokens":1,"output_tokens":1}}}\n\n'
    stream = judged(relayed([start + one + two + three + b'data: {"type":"message_stop"}\n\n'])[0])
    end = stream.events[-2]
    assert (end["a"], end["b"], end["usage"], stream.stop_reason) == (1, 2, {"output_tokens": 9, "x": 1}, "end_turn")


@pytest.mark.parametrize(
    "bad",
    [
        b"<html>oops</html>",
        b'{"type":"content_block_delta","index":0,"delta":{"text":"untyped"}}',
        b'{"type":"content_block_delta","index":0}',
        b'{"type":"content_block_start","index":1,"content_block":{}}',
        b'{"type":"content_block_delta","delta":{"type":"text_delta","text":"x"}}',
        b'{"type":"content_block_start","index":0}',
        b'{"type":"content_block_stop"}',
        b'{"type":"message_start"}',
        b'{"type":"message_delta"}',
        b'{"type":"message_stop"}',
        b"[]",
    ],
)
def test_nonsense_fails_the_stream_and_is_not_passed_on(bad: bytes) -> None:
    body, encoder = relayed([recorded("truncated") + b"data: " + bad + b"\n\n" + recorded("text")])
    assert encoder.failed is not None
    assert encoder.failed.kind is ErrorKind.MALFORMED
    assert check_stream(body, complete=False).text == "Once upon a time"


def test_errors_of_other_shapes_inside_a_stream() -> None:
    assert failure(b'data: {"error":{"message":"model crashed","code":500}}\n\n').error.message == "model crashed"
    long = b'data: {"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 2 > 1"}}\n\n'
    assert failure(long).error.kind is ErrorKind.CONTEXT_OVERFLOW
    assert failure(b'event: error\ndata: {"type":"error"}\n\n').error.message


def test_an_unknown_event_that_could_break_the_frame_is_dropped() -> None:
    bad = b'data: {"type":"x\\nevent: message_stop"}\n\n'
    body, _ = relayed([recorded("truncated") + bad + b'data: {"no":"type"}\n\n'])
    assert len(check_stream(body, complete=False).events) == 4


@pytest.mark.parametrize("case", WHOLE)
def test_an_answer_in_one_document_is_the_fold_of_its_stream(case: str) -> None:
    """A server that answers JSON to a streaming request: the client gets the same message either way."""
    fold = MessageFold()
    reader, encoder = decoder(), Encoder(fold, "msg_ours", "our-model", 50)
    encoder.feed(reader.feed(recorded(case)))
    encoder.finish()
    document = json.dumps(fold.message()).encode()
    again = MessageFold()
    whole, encoder = decoder("application/json"), Encoder(again, "msg_ours", "our-model", 50)
    encoder.feed([*whole.feed(document[:100]), *whole.feed(document[100:]), *whole.close()])
    encoder.finish()
    assert again.message() == fold.message()
    body, streamed = relayed([document], "application/json; charset=utf-8")
    assert judged(body).text == "".join(part.get("text", "") for part in fold.message()["content"])
    assert streamed.tokens == encoder.tokens


def test_a_document_with_tokens_and_a_stop() -> None:
    document = json.dumps(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "theirs",
            "content": [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}}],
            "stop_reason": "refusal",
            "stop_sequence": None,
            "stop_details": {"type": "refusal"},
            "usage": {"input_tokens": 3, "output_tokens": 4},
        }
    )
    reader = decoder("application/json")
    events = [*reader.feed(document.encode()), *reader.close()]
    assert TokensReported(Tokens(input=3, output=4)) in events
    assert isinstance(events[-1], MessageFinished)
    stream = judged(relayed([document.encode()], "application/json")[0])
    assert [call.input for call in stream.tool_calls] == [{"a": 1}]
    assert "stop_details" not in stream.events[0]["message"]
    assert stream.stop_details == {"type": "refusal"}


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        (b'{"type":"error","error":{"type":"overloaded_error","message":"Busy"}}', ErrorKind.OVERLOADED),
        (b'{"error":"it broke"}', ErrorKind.SERVER),
        (b'{"type":"message","content":[]}', ErrorKind.MALFORMED),
        (b'{"type":"message","content":[1],"stop_reason":"end_turn"}', ErrorKind.MALFORMED),
        (b'{"type":"mess', ErrorKind.MALFORMED),
        (b"\xff", ErrorKind.MALFORMED),
        (b"", ErrorKind.MALFORMED),
    ],
)
def test_documents_that_are_no_answer(document: bytes, kind: ErrorKind) -> None:
    body, encoder = relayed([document], "application/json")
    assert body == b""
    assert encoder.failed is not None
    assert encoder.failed.kind is kind
