"""The encoder's message: its start, its end, its failures, and what keeps it alive."""

from __future__ import annotations

import pytest

from providers.errors import ErrorKind, UpstreamError
from providers.events import (
    Event,
    MessageFinished,
    MessageStarted,
    NativeEvent,
    Ping,
    StreamFailed,
    Tokens,
    TokensReported,
)
from tests.claude.claude_stream import check_stream, read_events
from tests.claude.encoding import K, S, T, args, call, encoder, native, native_delta, native_text, outline, whole


@pytest.mark.parametrize(
    ("announced", "with_calls", "without"),
    [
        ("end_turn", "tool_use", "end_turn"),
        ("stop_sequence", "tool_use", "stop_sequence"),
        ("tool_use", "tool_use", "end_turn"),
        ("max_tokens", "max_tokens", "max_tokens"),
        ("refusal", "refusal", "refusal"),
        ("pause_turn", "pause_turn", "pause_turn"),
        ("model_context_window_exceeded", "model_context_window_exceeded", "model_context_window_exceeded"),
    ],
)
def test_the_stop_reason_fits_the_content(announced: str, with_calls: str, without: str) -> None:
    assert whole(T("a"), stop_reason=announced).stop_reason == without
    assert whole(T("a"), call(0, "f"), stop_reason=announced).stop_reason == with_calls
    made = encoder()
    made.feed([call(0, "f")])
    assert made.stop_reason is None
    made.feed([MessageFinished(announced)])
    assert made.stop_reason == with_calls


def test_the_end_carries_sequence_and_details() -> None:
    stream = whole(T("a"), MessageFinished("stop_sequence", "END"), stop_reason=None)
    assert (stream.stop_reason, stream.stop_sequence, stream.stop_details) == ("stop_sequence", "END", None)
    details = {"type": "refusal", "category": None, "explanation": None}
    assert whole(MessageFinished("refusal", stop_details=details), stop_reason=None).stop_details == details
    assert whole(call(0, "f"), MessageFinished("stop_sequence", "END"), stop_reason=None).stop_sequence is None


def test_message_start_says_the_estimate_and_the_end_what_is_known() -> None:
    made = encoder(input_estimate=50)
    body = made.feed([MessageStarted(id="chatcmpl-1", model="theirs"), T("a"), MessageFinished("end_turn")])
    body += made.feed([TokensReported(Tokens(input=7, cache_read=3, output=5)), TokensReported(Tokens(output=6))])
    stream = check_stream(body + made.finish())
    assert stream.message is not None
    assert (stream.message["id"], stream.message["model"]) == ("msg_ours", "our-model")
    assert stream.message["usage"] == {
        "input_tokens": 50,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 1,
    }
    assert stream.events[-2]["usage"] == {"output_tokens": 6, "input_tokens": 7, "cache_read_input_tokens": 3}
    assert made.tokens == Tokens(input=7, cache_read=3, output=6)


@pytest.mark.parametrize("last", [4, 0])
@pytest.mark.parametrize("name", Tokens.__struct_fields__)
def test_the_last_report_of_a_count_is_the_count(name: str, last: int) -> None:
    made = encoder()
    reports = [TokensReported(Tokens(**{name: last})), TokensReported(Tokens())]
    made.feed([MessageStarted(tokens=Tokens(**{name: 9})), *reports])
    # A zero is a placeholder where the prompt or the output is known.
    assert made.tokens == Tokens(**{name: 9 if last == 0 and name in {"input", "output"} else last})


def test_known_counts_stand_in_message_start() -> None:
    tokens = Tokens(input=7, cache_read=3, cache_write=2, output=0)
    (start,) = read_events(encoder().feed([MessageStarted(tokens=tokens)]))
    assert list(start["message"]["usage"].values()) == [7, 2, 3, 0]


def test_what_nobody_counted_is_counted_here_for_the_client_and_the_accounts() -> None:
    made = encoder()
    stream = check_stream(made.feed([MessageStarted(), T("a" * 9), MessageFinished("end_turn")]) + made.finish())
    assert stream.events[-2]["usage"] == {"input_tokens": 50, "output_tokens": 3}
    assert (made.tokens, made.counted_here) == (Tokens(input=50, output=3), True)


def test_an_empty_answer_that_nobody_counted_stays_unknown() -> None:
    made = encoder()
    stream = check_stream(made.feed([MessageStarted(), MessageFinished("end_turn")]) + made.finish())
    assert stream.events[-2]["usage"] == {"output_tokens": 0}
    assert (made.tokens, made.counted_here) == (Tokens(), False)


def test_an_end_that_was_not_announced_is_not_invented() -> None:
    made = encoder()
    made.feed([MessageStarted(), T("a")])
    assert made.finish() == b""
    assert not made.finished
    assert read_events(made.fail("api_error", "it broke", "req_1")) == [
        {"type": "error", "error": {"type": "api_error", "message": "it broke"}, "request_id": "req_1"}
    ]
    silent = [made.fail("api_error", "again", "req_1"), made.feed([T("b"), MessageFinished("end_turn"), Ping()])]
    silent += [made.finish(), made.ping(), made.keepalive(), made.start()]
    assert set(silent) == {b""}


def test_nothing_follows_the_end() -> None:
    made = encoder()
    check_stream(made.feed([T("a"), MessageFinished("end_turn")]) + made.finish())
    assert made.finished
    silent = [made.finish(), made.feed([MessageStarted(), T("b"), native(0, "text", text="x")]), made.keepalive()]
    assert set(silent) == {b""}
    assert made.fail("api_error", "late", "req_1") == b""


def test_a_failure_is_noted_and_not_written() -> None:
    made = encoder()
    error = UpstreamError(ErrorKind.TRUNCATED, "early")
    body = made.feed([MessageStarted(), T("a"), MessageFinished("end_turn"), StreamFailed(error)])
    assert made.failed is error
    assert made.finish() == b""
    stream = check_stream(body + made.fail("api_error", "early", "req_1"), complete=False)
    assert stream.error is not None
    assert stream.types[-2:] == ["content_block_delta", "error"]


def test_another_attempt_takes_over_before_content() -> None:
    made = encoder()
    theirs = MessageStarted(id="msg_first", tokens=Tokens(input=1, output=2))
    failed = StreamFailed(UpstreamError(ErrorKind.OVERLOADED, "busy"))
    body = made.feed([theirs, native(0, "text", text="lost"), MessageFinished("end_turn"), args(0, "lost"), failed])
    assert not made.content_sent
    made.restart()
    assert (made.failed, made.tokens, made.stop_reason) == (None, Tokens(), None)
    second: list[Event] = [MessageStarted(id="msg_second", tokens=Tokens(input=9)), call(0, "f"), args(0, "{}")]
    body += made.feed([*second, MessageFinished("tool_use")]) + made.finish()
    stream = check_stream(body)
    assert outline(stream) == ["f:{}"]
    assert (stream.usage["input_tokens"], stream.usage["output_tokens"]) == (9, 1)


def test_our_own_start_takes_the_late_one_in() -> None:
    made = encoder(input_estimate=50)
    body = made.start() + made.ping() + made.start()
    assert (made.started, made.content_sent) == (True, False)
    theirs = {"id": "msg_theirs", "model": "theirs", "usage": {"input_tokens": 8, "output_tokens": 1}}
    late = MessageStarted("msg_theirs", "theirs", Tokens(input=8, cache_write=2, output=1), native=theirs)
    assert made.feed([late]) == b""
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}}
    finish = MessageFinished("end_turn", native={**end, "usage": {"output_tokens": 4}})
    stream = check_stream(body + made.feed([T("a"), finish]) + made.finish())
    assert stream.message is not None
    assert stream.message["id"] == "msg_ours"
    assert stream.types.count("message_start") == 1
    counts = {"input_tokens": 8, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 0, "output_tokens": 4}
    assert stream.usage == counts


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([MessageStarted()], "ping"),
        ([T("a")], {"type": "text_delta", "text": ""}),
        ([K("a")], {"type": "thinking_delta", "thinking": ""}),
        ([K("a"), S("s")], "ping"),
        ([call(0, "f")], {"type": "input_json_delta", "partial_json": ""}),
        ([native(0, "text", text=""), native_text(0, "a")], {"type": "text_delta", "text": ""}),
        ([native(0, "text", text="")], "ping"),
        ([native(0, "thinking", thinking="")], {"type": "thinking_delta", "thinking": ""}),
        ([native(0, "thinking"), native_delta(0, type="signature_delta", signature="s")], "ping"),
        ([native(0, "server_tool_use", id="s", name="n")], {"type": "input_json_delta", "partial_json": ""}),
        ([native(0, "hologram")], "ping"),
    ],
)
def test_keepalives_are_of_the_open_block(events: list[Event], expected: str | dict[str, str]) -> None:
    made = encoder()
    made.feed([MessageStarted(), *events])
    (event,) = read_events(made.keepalive())
    assert event.get("delta", event["type"]) == expected
    assert event.get("index", 0) == 0


def test_pings_pass_once_the_message_has_begun() -> None:
    made = encoder()
    assert made.feed([Ping(), NativeEvent("notice", b'{"type":"notice"}')]) == b""
    assert not made.started
    body = made.feed([MessageStarted(), Ping(), NativeEvent("notice", b'{"type":"notice"}')])
    assert [event["type"] for event in read_events(body)] == ["message_start", "ping", "notice"]
    assert made.content_sent


def test_content_may_come_first() -> None:
    made = encoder()
    assert check_stream(made.feed([T("a"), MessageFinished("end_turn")]) + made.finish()).text == "a"
    empty = encoder()
    assert check_stream(empty.feed([MessageFinished("end_turn")]) + empty.finish()).blocks == []
