"""An end is never invented: an answer without a reason for its end that is as long as the request allowed was cut."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.events import Event, MessageFinished, StreamFailed
from tests.claude.claude_events import STOP, opening, start, stop, stream, text
from tests.claude.wire import TYPES, decode, make_call

LIMIT = 20


def end(dialect: str, body: bytes, content_type: str = TYPES["sse"], **options: Any) -> Event:
    call = make_call(dialect, {"messages": [], "max_tokens": LIMIT}, **options)
    return decode(call, [body], content_type)[-1]


def reason(event: Event) -> str:
    assert isinstance(event, MessageFinished), event
    return event.stop_reason


def sse(*documents: Any, done: bool = False) -> bytes:
    body = b"".join(b"data: " + json.dumps(document).encode() + b"\n\n" for document in documents)
    return body + b"data: [DONE]\n\n" * done


def chat(tokens: int, finish: Any = None, *, whole: bool = False, **choice: Any) -> bytes:
    usage = {"prompt_tokens": 5, "completion_tokens": tokens, "total_tokens": 5 + tokens}
    part = {"message" if whole else "delta": {"content": "Once"}, "finish_reason": finish, **choice}
    if whole:
        return json.dumps({"choices": [part], "usage": usage}).encode()
    return sse({"choices": [part]}, {"choices": [], "usage": usage}, done=True)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(
    ("tokens", "finish", "expected"),
    [
        (LIMIT, None, "max_tokens"),  # xAI's Grok by OpenRouter
        (LIMIT + 3, None, "max_tokens"),
        (LIMIT, "", "max_tokens"),
        (LIMIT, "unknown", "max_tokens"),
        (LIMIT, "stop", "end_turn"),
        (LIMIT, "tool_calls", "end_turn"),
        (LIMIT - 1, None, "end_turn"),
        (LIMIT - 1, "length", "max_tokens"),
    ],
)
def test_chat_completions(whole: bool, tokens: int, finish: Any, expected: str) -> None:
    assert reason(end("openai_chat", chat(tokens, finish, whole=whole))) == expected


def test_reasoning_that_is_counted_apart_counts() -> None:
    details = {"completion_tokens_details": {"reasoning_tokens": 16}}
    usage = {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 25, **details}
    body = sse({"choices": [{"delta": {"content": "Once"}}]}, {"choices": [], "usage": usage}, done=True)
    assert reason(end("openai_chat", body)) == "max_tokens"


def test_the_limit_is_the_one_that_was_sent() -> None:
    assert reason(end("openai_chat", chat(8), max_output=8)) == "max_tokens"
    assert reason(end("openai_chat", chat(8))) == "end_turn"


@pytest.mark.parametrize(("native", "expected"), [("max_output_tokens", "max_tokens"), ("completed", "end_turn")])
def test_the_models_own_reason_counts_where_there_is_no_other(native: str, expected: str) -> None:
    assert reason(end("openai_chat", chat(3, None, native_finish_reason=native))) == expected


def test_a_call_that_may_be_cut_is_none_to_run() -> None:
    call = {"index": 0, "id": "call_1", "function": {"name": "f", "arguments": '{"a":"ha'}}
    usage = {"prompt_tokens": 5, "completion_tokens": LIMIT}
    body = sse({"choices": [{"delta": {"tool_calls": [call]}}]}, {"choices": [], "usage": usage}, done=True)
    assert reason(end("openai_chat", body)) == "max_tokens"


@pytest.mark.parametrize("tokens", [LIMIT - 1, LIMIT])
def test_claude(tokens: int) -> None:
    usage = {"input_tokens": 5, "output_tokens": tokens}
    delta = {"type": "message_delta", "delta": {"stop_reason": None}, "usage": usage}
    streamed = stream(opening(), start(0, "text"), text(0, "Once"), stop(0), delta, STOP)
    document = {"type": "message", "content": [{"type": "text", "text": "Once"}], "stop_reason": None, "usage": usage}
    for event in (end("anthropic", streamed), end("anthropic", json.dumps(document).encode(), "application/json")):
        if tokens == LIMIT:
            assert reason(event) == "max_tokens"
        else:
            assert isinstance(event, StreamFailed)


@pytest.mark.parametrize("tokens", [LIMIT - 1, LIMIT])
def test_gemini(tokens: int) -> None:
    counts = {"promptTokenCount": 5, "candidatesTokenCount": tokens - 4, "thoughtsTokenCount": 4}
    event = end("gemini", sse({"candidates": [{"content": {"parts": [{"text": "Once"}]}}], "usageMetadata": counts}))
    assert reason(event) == "max_tokens" if tokens == LIMIT else isinstance(event, StreamFailed)


@pytest.mark.parametrize(("tokens", "expected"), [(LIMIT - 1, "end_turn"), (LIMIT, "max_tokens")])
def test_ollama(tokens: int, expected: str) -> None:
    line = {"message": {"content": "Once"}, "done": True, "eval_count": tokens, "prompt_eval_count": 5}
    assert reason(end("ollama", json.dumps(line).encode() + b"\n")) == expected
    assert reason(end("ollama", json.dumps(line | {"done_reason": "stop"}).encode() + b"\n")) == "end_turn"


def test_responses() -> None:
    item = {"type": "message", "content": [{"type": "output_text", "text": "Once"}]}
    usage = {"input_tokens": 5, "output_tokens": LIMIT}
    cut: dict[str, Any] = {"output": [item], "usage": usage}
    assert reason(end("openai_responses", sse({"type": "response.done", "response": cut}))) == "max_tokens"
    shorter = cut | {"usage": {**usage, "output_tokens": LIMIT - 1}}
    assert isinstance(end("openai_responses", sse({"type": "response.done", "response": shorter})), StreamFailed)
    details = {"incomplete_details": {"reason": "max_output_tokens"}}
    completed = {"type": "response.completed", "response": shorter | details}
    assert reason(end("openai_responses", sse(completed))) == "max_tokens"
