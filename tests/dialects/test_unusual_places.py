"""Errors, content and counts in unusual places of an answer are found, in every dialect whose answers are event
streams."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.errors import ErrorKind
from providers.events import Event, MessageFinished, StreamFailed, TextDelta, Tokens, TokensReported, ToolCallStarted
from tests.claude.claude_stream import check_stream
from tests.claude.wire import claude_stream, decode, make_call
from tests.harness.speakers import SPEAKERS

STREAMED = [name for name, speaker in SPEAKERS.items() if "event-stream" in speaker.content_type]
BUSY = b'{"code":503,"message":"Loading model","type":"unavailable_error"}'


@pytest.mark.parametrize("dialect", STREAMED)
@pytest.mark.parametrize(
    "frame",
    [
        # https://github.com/ggml-org/llama.cpp/pull/16109: llama.cpp's own before 2025-09, and GPUStack's.
        b"error: " + BUSY + b"\n\n",
        b'error: {"error":' + BUSY + b"}\n\ndata: [DONE]\n\n",
        b'event: error\ndata: {"error":' + BUSY + b"}\n\n",
        b"event: error\ndata: " + BUSY + b"\n\n",
        b'{"error":' + BUSY + b"}\n\n",
    ],
)
def test_an_error_beside_the_data_fields(dialect: str, frame: bytes) -> None:
    for before in (b": waiting\n\n", SPEAKERS[dialect].opening("Hi")):
        last = decode(make_call(dialect), [before + frame])[-1]
        assert isinstance(last, StreamFailed), last
        assert last.error.message == "Loading model"


@pytest.mark.parametrize("dialect", STREAMED)
def test_plain_words_as_an_error(dialect: str) -> None:
    last = decode(make_call(dialect), [b"event: error\ndata: Too many requests\n\n"])[-1]
    assert isinstance(last, StreamFailed)
    assert last.error.message == "Too many requests"


def chat(*chunks: Any) -> list[Event]:
    body = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
    return decode(make_call("openai_chat"), [body + b"data: [DONE]\n\n"])


def calls(*names: str) -> list[dict[str, Any]]:
    return [{"id": f"call_{name}", "function": {"name": name, "arguments": "{}"}} for name in names]


@pytest.mark.parametrize("field", ["delta", "message"])
def test_calls_in_a_choice_of_their_own(field: str) -> None:
    """As GitHub Copilot answers for Claude: https://github.com/karthink/gptel/pull/1284 (2026-03-11)."""
    choices = [
        {"finish_reason": "tool_calls", field: {"content": "I look."}},
        {"finish_reason": "tool_calls", field: {"tool_calls": calls("Glob")}},
        {"finish_reason": "tool_calls", field: {"tool_calls": calls("Grep")}},
    ]
    made = check_stream(claude_stream(chat({"choices": choices})))
    assert (made.text, [call.name for call in made.tool_calls]) == ("I look.", ["Glob", "Grep"])
    assert made.stop_reason == "tool_use"


def test_whoever_asks_for_two_answers_gets_the_first() -> None:
    choices = [{"index": at, "finish_reason": "stop", "message": {"content": word}} for at, word in enumerate("ab")]
    events = decode(make_call("openai_chat", {"n": 2, "messages": []}), [json.dumps({"choices": choices}).encode()])
    assert [event for event in events if isinstance(event, TextDelta)] == [TextDelta("a")]


@pytest.mark.parametrize(
    "choice",
    [
        {"delta": {}, "message": {"content": "So."}, "finish_reason": "stop"},
        {"text": "So.", "finish_reason": "stop"},
    ],
)
def test_a_text_beside_the_delta(choice: dict[str, Any]) -> None:
    assert TextDelta("So.") in chat({"choices": [choice]})


def test_a_complete_message_at_the_end_of_a_stream_is_not_repeated() -> None:
    last = {"choices": [{"delta": {}, "message": {"content": "So."}, "finish_reason": "stop"}]}
    events = chat({"choices": [{"delta": {"content": "So."}}]}, last)
    assert [event for event in events if isinstance(event, TextDelta)] == [TextDelta("So.")]


def test_an_error_inside_a_choice_has_the_providers_words() -> None:
    """Where OpenRouter's API puts it: https://openrouter.ai/docs/api/reference/errors-and-debugging."""
    error = {"code": 429, "message": "Slow down, please."}
    last = chat({"choices": [{"delta": {"content": ""}, "finish_reason": "error", "error": error}]})[-1]
    assert isinstance(last, StreamFailed)
    assert (last.error.kind, last.error.message) == (ErrorKind.RATE_LIMIT, "Slow down, please.")


def test_the_finish_in_a_line_without_its_data_field() -> None:
    """GPUStack with include_usage: https://github.com/gpustack/gpustack/issues/6155 (2026-08-27)."""
    begun = b'data: {"choices":[{"delta":{"content":"So."}}]}\n\n'
    body = begun + b'{"choices":[{"delta":{},"finish_reason":"length"}]}\n\ndata: [DONE]\n\n'
    assert decode(make_call("openai_chat"), [body])[-1] == MessageFinished("max_tokens")


def responses(*events: Any) -> list[Event]:
    body = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    return decode(make_call("openai_responses"), [body])


DONE: dict[str, Any] = {"type": "response.completed"}
ITEM = {"type": "message", "content": [{"type": "output_text", "text": "So."}]}


@pytest.mark.parametrize(
    "events",
    [
        ({**DONE, "response": {"output": [], "output_text": "So."}},),
        ({"type": "response.created", "response": {"output": [ITEM]}}, {**DONE, "response": {"output": []}}),
    ],
)
def test_a_response_whose_text_is_elsewhere(events: tuple[Any, ...]) -> None:
    assert TextDelta("So.") in responses(*events)


def test_counts_beside_the_response() -> None:
    usage = {"input_tokens": 4, "output_tokens": 2}
    assert TokensReported(Tokens(input=4, output=2)) in responses({**DONE, "response": {}, "usage": usage})


def test_a_call_of_the_announced_response() -> None:
    call = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}
    events = responses({"type": "response.created", "response": {"output": [call]}}, {**DONE, "response": {}})
    assert [event.name for event in events if isinstance(event, ToolCallStarted)] == ["f"]
