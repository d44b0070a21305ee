"""The demo upstream as a plain ASGI application: /v1/chat/completions and /v1/models, without authentication.

Answers are in OpenAI's Chat Completions JSON, complete or as server-sent chunks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from typing import Any

import msgspec

from proxysite.demo.models import MODELS, Refusal
from proxysite.demo.script import Answer, UnknownModel, Usage, answer

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_BREAK_AFTER = 4
"""Number of chunks that a stream sends before it breaks off."""
_BURST = 16
"""Number of chunks without delay that are sent together, as a fast server does."""
_CREATED = 1_767_225_600  # 2026-01-01: a clock would make equal answers differ.
_FRAGMENT = 12
_DONE = b"data: [DONE]\n\n"


async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Answers one HTTP request."""
    path, method = scope["path"], scope["method"]
    if path == "/v1/chat/completions" and method == "POST":
        await _chat(receive, send)
    elif path == "/v1/models" and method in {"GET", "HEAD"}:
        await _json(send, 200, {"object": "list", "data": [_model(name) for name in MODELS]})
    else:
        await _json(send, 404, _error(f"{method} {path} does not exist.", "not_found", "invalid_request_error"))


async def _chat(receive: Receive, send: Send) -> None:
    try:
        request = msgspec.json.decode(await _body(receive))
        if not isinstance(request, dict):
            raise ValueError("The body must be a JSON object.")
        made = answer(request)
    except UnknownModel as unknown:
        await _json(send, 404, _error(str(unknown), "model_not_found", "invalid_request_error"))
        return
    except ValueError as wrong:
        # msgspec's own errors are ValueErrors too.
        await _json(send, 400, _error(str(wrong), "invalid_request", "invalid_request_error"))
        return
    if made.behaviour.refusal:
        await _refuse(send, made.behaviour.refusal)
    elif request.get("stream"):
        options = request.get("stream_options")
        await _stream(receive, send, made, isinstance(options, dict) and bool(options.get("include_usage")))
    elif made.behaviour.break_off:
        await _refuse(send, Refusal(500, "internal_error", f"The demo upstream failed, as {made.model} always does."))
    else:
        await asyncio.sleep(made.behaviour.delay)
        await _respond(send, 200, _completion(made))


async def _stream(receive: Receive, send: Send, made: Answer, include_usage: bool) -> None:
    """Sends the chunks at the model's pace, until they end or the client disconnects."""
    headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    behaviour = made.behaviour
    gone = asyncio.ensure_future(receive())
    burst = b""
    try:
        for number, chunk in enumerate(_chunks(made, include_usage)):
            if behaviour.break_off and number == _BREAK_AFTER:
                break
            if behaviour.delay:
                await asyncio.wait({gone}, timeout=behaviour.delay)
                burst = chunk
            else:
                burst += chunk
                if number % _BURST != _BURST - 1:
                    continue
                await asyncio.sleep(0)
            if gone.done():
                return
            await send({"type": "http.response.body", "body": burst, "more_body": True})
            burst = b""
    finally:
        gone.cancel()
    if behaviour.break_off == "drop":
        # The answer is left unfinished, so the server closes the connection.
        return
    if behaviour.break_off == "error":
        broken = _error(f"The demo upstream failed midway, as {made.model} always does.", "internal_error")
        await send({"type": "http.response.body", "body": b"data: " + msgspec.json.encode(broken) + b"\n\n"})
    else:
        await send({"type": "http.response.body", "body": burst + _DONE})


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _refuse(send: Send, refusal: Refusal) -> None:
    extra = [] if refusal.retry_after is None else [(b"retry-after", str(refusal.retry_after).encode())]
    await _json(send, refusal.status, _error(refusal.message, refusal.code), extra)


async def _json(send: Send, status: int, value: Any, extra: list[tuple[bytes, bytes]] | None = None) -> None:
    await _respond(send, status, msgspec.json.encode(value), extra)


async def _respond(send: Send, status: int, body: bytes, extra: list[tuple[bytes, bytes]] | None = None) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *(extra or [])]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "demo", "description": MODELS[name].summary}


def _completion(answer: Answer) -> bytes:
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


def _chunks(answer: Answer, include_usage: bool) -> Iterator[bytes]:
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


def _error(message: str, code: str, kind: str = "server_error") -> dict[str, Any]:
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
