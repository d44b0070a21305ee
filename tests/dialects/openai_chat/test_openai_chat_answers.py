"""Single answers through the openai_chat decoder: ends, failures, counts, prices, names and ids."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from providers.dialects.openai_chat import OPENAI_CHAT
from providers.events import MessageFinished, MessageStarted, StreamFailed
from providers.framing.sse import MAX_EVENT_BYTES
from tests.claude.openai_chat import decode, make_call
from tests.claude.wire import as_json

CALL = make_call({"messages": [], "stop_sequences": ["\n\nHuman:"]})


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **fields: Any) -> bytes:
    """One event of a stream."""
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return b"data: " + msgspec.json.encode({"id": "c", "model": "m", "choices": [choice], **fields}) + b"\n\n"


def test_events_come_as_soon_as_their_bytes_are_there() -> None:
    decoder = OPENAI_CHAT.decoder("text/event-stream", CALL)
    assert as_json(decoder.feed(chunk({"content": "Hi"})))[1:] == [{"event": "TextDelta", "text": "Hi"}]
    assert decoder.feed(chunk({}, "stop")) == []
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    assert isinstance(decoder.feed(chunk(usage=usage))[-1], MessageFinished)


def test_nothing_follows_the_end() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    decoder = OPENAI_CHAT.decoder("text/event-stream", CALL)
    assert isinstance(decoder.feed(chunk({"content": "Hi"}, "stop", usage=usage))[-1], MessageFinished)
    assert decoder.feed(chunk({"content": "more"}) + b'data: {"error":{"message":"late"}}\n\n') == []
    assert decoder.feed(b"data: [DONE]\n\n") == []
    assert decoder.close() == []


def test_nothing_follows_a_failure() -> None:
    decoder = OPENAI_CHAT.decoder("text/event-stream", CALL)
    assert isinstance(decoder.feed(b'data: {"error":{"message":"no"}}\n\n')[-1], StreamFailed)
    assert decoder.feed(chunk({"content": "more"}, "stop")) == []
    assert decoder.close() == []


def test_counts_after_the_finish_win_over_a_placeholder_in_its_chunk() -> None:
    body = chunk({"content": "Hi"}, "stop", usage={"prompt_tokens": 0, "completion_tokens": 0})
    body += chunk(usage={"prompt_tokens": 10, "completion_tokens": 5}) + b"data: [DONE]\n\n"
    events = as_json(decode([body]))
    assert events[-2] == {"event": "TokensReported", "tokens": {"input": 10, "output": 5}}
    assert [event["event"] for event in events].count("MessageFinished") == 1


def test_text_after_an_early_finish_reason_is_not_lost() -> None:
    body = chunk({"content": "one "}, "stop") + chunk({"content": "two"}) + b"data: [DONE]\n\n"
    assert [event["text"] for event in as_json(decode([body])) if event["event"] == "TextDelta"] == ["one ", "two"]


@pytest.mark.parametrize(("finish", "end"), [("stop", MessageFinished), (None, StreamFailed)])
def test_half_an_event_at_the_end_says_nothing(finish: str | None, end: type) -> None:
    events = decode([chunk({"content": "Hi"}, finish) + b'data: {"choices":[{"del'])
    assert isinstance(events[-1], end)
    assert [failure.error.kind.value for failure in events if isinstance(failure, StreamFailed)] in ([], ["truncated"])


def test_a_whole_message_at_the_end_of_a_stream_is_not_sent_twice() -> None:
    whole = {"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}
    events = as_json(decode([chunk({"content": "Hi"}) + chunk(choices=[whole])]))
    assert [event["text"] for event in events if event["event"] == "TextDelta"] == ["Hi"]


def test_arguments_of_null_are_none() -> None:
    call = {"index": 0, "id": "call_1", "function": {"name": "f", "arguments": "null"}}
    events = as_json(decode([chunk({"tool_calls": [call]}, "tool_calls")]))
    assert [event["event"] for event in events] == ["MessageStarted", "ToolCallStarted", "MessageFinished"]


@pytest.mark.parametrize(
    ("finish", "stop_reason"),
    [
        ("stop", "end_turn"),
        ("eos", "end_turn"),
        ("tool_calls", "end_turn"),
        ("length", "max_tokens"),
        ("model_length", "max_tokens"),
        ("content_filter", "refusal"),
        ("SAFETY", "refusal"),
        ("stop_sequence", "stop_sequence"),
    ],
)
def test_the_finish_in_claudes_words_without_tool_calls(finish: str, stop_reason: str) -> None:
    finished = decode([chunk({"content": "x"}, finish)])[-1]
    assert isinstance(finished, MessageFinished)
    assert finished.stop_reason == stop_reason


@pytest.mark.parametrize(
    ("finish", "stop_reason"),
    [("stop", "tool_use"), ("function_call", "tool_use"), ("length", "max_tokens"), ("content_filter", "refusal")],
)
def test_the_finish_in_claudes_words_after_a_tool_call(finish: str, stop_reason: str) -> None:
    call = {"index": 0, "id": "call_1", "function": {"name": "f", "arguments": "{}"}}
    finished = decode([chunk({"tool_calls": [call]}, finish)])[-1]
    assert isinstance(finished, MessageFinished)
    assert finished.stop_reason == stop_reason


@pytest.mark.parametrize("finish", ["error", "abort", "MALFORMED_FUNCTION_CALL"])
def test_a_finish_that_means_failure(finish: str) -> None:
    failed = decode([chunk({"content": "x"}, finish)])[-1]
    assert isinstance(failed, StreamFailed)
    assert failed.error.retryable


def test_a_stop_string_that_nobody_asked_for_is_no_stop_sequence() -> None:
    choice = {"index": 0, "delta": {"content": "x"}, "finish_reason": "stop", "stop_reason": "</s>"}
    finished = decode([chunk(choices=[choice])], CALL)[-1]
    assert finished == MessageFinished("end_turn")


def test_a_call_whose_name_never_comes_is_a_failure_not_a_guess() -> None:
    call = {"index": 0, "id": "call_1", "function": {"arguments": '{"a":1}'}}
    events = as_json(decode([chunk({"tool_calls": [call]}) + chunk({}, "tool_calls")]))
    assert [event["event"] for event in events] == ["MessageStarted", "StreamFailed"]
    assert events[-1]["kind"] == "malformed"


def test_arguments_that_wait_for_a_name_are_bounded() -> None:
    decoder = OPENAI_CHAT.decoder("text/event-stream", CALL)
    piece = chunk({"tool_calls": [{"index": 0, "function": {"arguments": "x" * 100_000}}]})
    failures = [event for _ in range(20) for event in decoder.feed(piece) if isinstance(event, StreamFailed)]
    assert [failure.error.kind.value for failure in failures] == ["malformed"]


@pytest.mark.parametrize("start", [b"data: ", b"{"], ids=["stream", "document"])
def test_an_answer_that_never_completes_an_event_is_bounded(start: bytes) -> None:
    events = decode([start, b"x" * (MAX_EVENT_BYTES // 2), b"x" * (MAX_EVENT_BYTES // 2)])
    assert as_json(events)[0]["kind"] == "malformed"
    assert len(events) == 1


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "truncated"),
        (b": keep-alive\n\n", "truncated"),
        (b"data: [DONE]\n\n", "truncated"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "malformed"),
        (b"data: Internal Server Error\n\n", "malformed"),
        (b'data: {"detail":"Not authenticated"}\n\n', "server"),
        (b'data: {"error":"out of memory"}\n\n', "server"),
        (b'data: {"error":{"message":"Rate limit reached"}}\n\n', "rate_limit"),
        (b'data: {"x_groq":{"error":"over capacity"}}\n\n', "overloaded"),
        (b'[{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}]', "overloaded"),
        (b'{"code":20012,"message":"Model does not exist","data":null}', "server"),
        (b'{"error":{"message":"cut of', "malformed"),
        (b'{"id":"c","choices":[]}', "truncated"),
    ],
)
def test_a_successful_status_around_a_failure(body: bytes, kind: str) -> None:
    failed = decode([body])[-1]
    assert isinstance(failed, StreamFailed)
    assert failed.error.kind == kind


def test_a_renamed_tool_gets_its_name_back() -> None:
    name = "mcp__" + "long_" * 20 + "name"
    call = make_call({"messages": [], "tools": [{"name": name, "input_schema": {}}]})
    sent_name = msgspec.json.decode(OPENAI_CHAT.request(call).body)["tools"][0]["function"]["name"]
    assert len(sent_name) == 64
    answer = chunk({"tool_calls": [{"index": 0, "id": "call_1", "function": {"name": sent_name}}]}, "tool_calls")
    assert as_json(decode([answer], call))[1] == {"event": "ToolCallStarted", "key": 0, "id": "call_1", "name": name}


def test_made_up_ids_are_unique_and_legal() -> None:
    calls = [{"function": {"name": f"f{number}", "arguments": "{}"}} for number in range(50)]
    ids = [event["id"] for event in map(msgspec.to_builtins, decode([chunk({"tool_calls": calls})])[1:-1:2])]
    assert len(set(ids)) == 50
    assert all(re.fullmatch(r"toolu_[a-zA-Z0-9]{24}", call_id) for call_id in ids)


def test_the_message_starts_once_and_with_the_first_chunk() -> None:
    events = decode([chunk({"role": "assistant", "content": ""}) * 3])
    assert [event for event in events if isinstance(event, MessageStarted)] == [MessageStarted("c", "m")]


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        (
            '{"prompt_tokens":1000,"prompt_tokens_details":{"cached_tokens":300,"cache_write_tokens":200}}',
            (500, 300, 200),
        ),
        ('{"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":30}}', (0, 30, None)),
        ('{"prompt_tokens":10,"prompt_tokens_details":null}', (10, None, None)),
        ('{"prompt_tokens":10,"prompt_cache_hit_tokens":4,"prompt_cache_miss_tokens":6}', (6, 4, None)),
        ('{"prompt_tokens":10,"cached_tokens":4}', (6, 4, None)),
        ('{"prompt_tokens":null,"completion_tokens":null}', (None, None, None)),
        ('{"prompt_tokens":-5}', (None, None, None)),
    ],
)
def test_counts_are_disjoint(usage: str, tokens: tuple[int | None, ...]) -> None:
    body = b'data: {"choices":[],"usage":' + usage.encode() + b"}\n\n"
    reported = [event["tokens"] for event in as_json(decode([body])) if event["event"] == "TokensReported"]
    assert [(got.get("input"), got.get("cache_read"), got.get("cache_write")) for got in reported] == [tokens]


@pytest.mark.parametrize(
    ("cost", "pico"),
    [
        ("0.1", 100_000_000_000),
        ("0.00315", 3_150_000_000),
        ("1.23e-5", 12_300_000),
        ("12345.678901234567", 12_345_678_901_234_567),
        ("0", 0),
        ('"0.5"', 500_000_000_000),
        ("null", None),
        ('{"total_cost":0.006}', None),
        ("-1", None),
        ("1e400", None),
        ('"NaN"', None),
    ],
)
def test_a_price_is_exact(cost: str, pico: int | None) -> None:
    body = f'data: {{"choices":[],"usage":{{"prompt_tokens":1,"cost":{cost}}}}}\n\n'.encode()
    reported = [event["tokens"] for event in as_json(decode([body])) if event["event"] == "TokensReported"]
    assert [got.get("cost") for got in reported] == [pico]
