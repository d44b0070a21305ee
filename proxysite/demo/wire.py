"""OpenAI's Chat Completions JSON for an answer, complete or as server-sent chunks. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from proxysite.demo.script import Answer, Usage

_CREATED = 1_767_225_600  # 2026-01-01: a clock would make equal answers differ.
_FRAGMENT = 12
DONE = b"data: [DONE]\n\n"


def completion(answer: Answer) -> bytes:
    """The body of an answer that is not streamed."""
    message: dict[str, Any] = {"role": "assistant", "content": "".join(answer.text) or None}
    if answer.reasoning:
        message["reasoning_content"] = "".join(answer.reasoning)
    if answer.calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in answer.calls
        ]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}
    head = {"id": answer.id, "object": "chat.completion", "created": _CREATED, "model": answer.model}
    return msgspec.json.encode({**head, "choices": [choice], "usage": _usage(answer.usage)})


def chunks(answer: Answer, include_usage: bool) -> Iterator[bytes]:
    """The server-sent events of an answer except `[DONE]`, in order: role, reasoning, text, calls, finish, usage."""
    head = {"id": answer.id, "object": "chat.completion.chunk", "created": _CREATED, "model": answer.model}
    # With include_usage every chunk but the last carries a null.
    usage = b',"usage":null' if include_usage else b""
    before = b"data: " + msgspec.json.encode(head)[:-1] + b',"choices":[{"index":0,"delta":'
    after = b',"logprobs":null,"finish_reason":null}]' + usage + b"}\n\n"
    for delta in _deltas(answer):
        yield before + msgspec.json.encode(delta) + after
    finish = msgspec.json.encode(answer.finish_reason)
    yield before + b'{},"logprobs":null,"finish_reason":' + finish + b"}]" + usage + b"}\n\n"
    if include_usage:
        yield b"data: " + msgspec.json.encode({**head, "choices": [], "usage": _usage(answer.usage)}) + b"\n\n"


def error(message: str, code: str, kind: str = "server_error") -> dict[str, Any]:
    """OpenAI's error object."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _deltas(answer: Answer) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": ""}
    for part in _together(answer.reasoning, answer.behaviour.pieces):
        yield {"reasoning_content": part}
    for part in _together(answer.text, answer.behaviour.pieces):
        yield {"content": part}
    for index, call in enumerate(answer.calls):
        start = {"index": index, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
        yield {"tool_calls": [start]}
        for at in range(0, len(call.arguments), _FRAGMENT):
            function = {"arguments": call.arguments[at : at + _FRAGMENT]}
            yield {"tool_calls": [{"index": index, "function": function}]}


def _together(pieces: Sequence[str], number: int) -> Iterator[str]:
    for at in range(0, len(pieces), number):
        yield "".join(pieces[at : at + number])


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }
