"""The demo upstream as a plain ASGI application: /v1/chat/completions and /v1/models, without authentication."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from proxysite.demo import wire
from proxysite.demo.models import MODELS, Refusal
from proxysite.demo.script import Answer, UnknownModel, answer

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_BREAK_AFTER = 4
"""Number of chunks that a stream sends before it breaks off."""
_BURST = 16
"""Number of chunks without delay that are sent together, as a fast server does."""


async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Answers one HTTP request."""
    path, method = scope["path"], scope["method"]
    if path == "/v1/chat/completions" and method == "POST":
        await _chat(receive, send)
    elif path == "/v1/models" and method in {"GET", "HEAD"}:
        await _json(send, 200, {"object": "list", "data": [_model(name) for name in MODELS]})
    else:
        await _json(send, 404, wire.error(f"{method} {path} does not exist.", "not_found", "invalid_request_error"))


async def _chat(receive: Receive, send: Send) -> None:
    try:
        request = msgspec.json.decode(await _body(receive))
        if not isinstance(request, dict):
            raise ValueError("The body must be a JSON object.")
        made = answer(request)
    except UnknownModel as unknown:
        await _json(send, 404, wire.error(str(unknown), "model_not_found", "invalid_request_error"))
        return
    except ValueError as wrong:
        # msgspec's own errors are ValueErrors too.
        await _json(send, 400, wire.error(str(wrong), "invalid_request", "invalid_request_error"))
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
        await _respond(send, 200, wire.completion(made))


async def _stream(receive: Receive, send: Send, made: Answer, include_usage: bool) -> None:
    """Sends the chunks at the model's pace, until they end or the client disconnects."""
    headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    behaviour = made.behaviour
    gone = asyncio.ensure_future(receive())
    burst = b""
    try:
        for number, chunk in enumerate(wire.chunks(made, include_usage)):
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
        broken = wire.error(f"The demo upstream failed midway, as {made.model} always does.", "internal_error")
        await send({"type": "http.response.body", "body": b"data: " + msgspec.json.encode(broken) + b"\n\n"})
    else:
        await send({"type": "http.response.body", "body": burst + wire.DONE})


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _refuse(send: Send, refusal: Refusal) -> None:
    extra = [] if refusal.retry_after is None else [(b"retry-after", str(refusal.retry_after).encode())]
    await _json(send, refusal.status, wire.error(refusal.message, refusal.code), extra)


async def _json(send: Send, status: int, value: Any, extra: list[tuple[bytes, bytes]] | None = None) -> None:
    await _respond(send, status, msgspec.json.encode(value), extra)


async def _respond(send: Send, status: int, body: bytes, extra: list[tuple[bytes, bytes]] | None = None) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *(extra or [])]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "demo", "description": MODELS[name].summary}
