"""An answer in one JSON document, where a server does not stream: the events that a stream of it would have had."""

from __future__ import annotations

from typing import Any

import msgspec

from providers.dialects.anthropic import errors
from providers.dialects.anthropic.answer import stop
from providers.dialects.anthropic.answer.blocks import Blocks, Delta, Malformed
from providers.dialects.anthropic.answer.tokens import clean_usage, read_usage
from providers.dialects.contract import Call
from providers.errors import ErrorKind, UpstreamError
from providers.events import Event, StreamFailed, TokensReported
from providers.framing.sse import MAX_EVENT_BYTES, EventTooLong

_AT_THE_END = ("stop_reason", "stop_sequence", "stop_details", "container")
_encode = msgspec.json.Encoder().encode


class JsonDecoder:
    """Collects the document; all events come from `close`."""

    def __init__(self, call: Call) -> None:
        self._blocks = Blocks(call)
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[Event]:
        """Nothing yet. Raises providers.framing.sse.EventTooLong."""
        self._size += len(data)
        if self._size > MAX_EVENT_BYTES:
            raise EventTooLong(f"an answer of more than {MAX_EVENT_BYTES} bytes")
        self._parts.append(data)
        return []

    def close(self) -> list[Event]:
        """The events of the message, or the error that came with a good status."""
        try:
            answer = msgspec.json.decode(b"".join(self._parts))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            answer = None
        self._parts.clear()
        match answer:
            case {"type": "message", "content": list(content), "stop_reason": str()} if all(map(_is_block, content)):
                try:
                    return _events(answer, self._blocks)
                except Malformed as error:
                    return [StreamFailed(UpstreamError(ErrorKind.MALFORMED, f"The provider sent {error}."))]
            case {"error": _}:
                return [StreamFailed(errors.event_error(answer))]
        return [StreamFailed(UpstreamError(ErrorKind.MALFORMED, "The provider's answer is no Claude message."))]


def _is_block(block: Any) -> bool:
    return isinstance(block, dict) and isinstance(block.get("type"), str)


def _events(message: dict[str, Any], blocks: Blocks) -> list[Event]:
    start = {name: value for name, value in message.items() if name != "stop_details"}
    events: list[Event] = [stop.started(start)]
    tokens = read_usage(message.get("usage"))
    if tokens is not None:
        events.append(TokensReported(tokens))
    for index, block in enumerate(message["content"]):
        opened, deltas = _taken_apart(block)
        event = {"type": "content_block_start", "index": index, "content_block": opened}
        events += blocks.start(index, block["type"], _encode(event))
        for delta in deltas:
            event = {"type": "content_block_delta", "index": index, "delta": delta}
            events += blocks.delta(index, msgspec.convert(delta, Delta), _encode(event))
        events += blocks.stop(index, _encode({"type": "content_block_stop", "index": index}))
    delta = {name: message[name] for name in _AT_THE_END if name in message}
    end = stop.finished({"type": "message_delta", "delta": delta, "usage": clean_usage(message.get("usage"))})
    return [*events, end or StreamFailed(UpstreamError(ErrorKind.MALFORMED, "The provider's answer has no end."))]


def _taken_apart(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A block as Claude starts it, and the deltas that fill it; types without deltas start whole, as from Claude."""
    deltas: list[dict[str, Any]] = []
    match block:
        case {"type": "text", "text": str(text)}:
            opened = {**block, "text": ""}
            if text:
                deltas.append({"type": "text_delta", "text": text})
            if isinstance(block.get("citations"), list):
                opened["citations"] = []
                deltas += ({"type": "citations_delta", "citation": citation} for citation in block["citations"])
            return opened, deltas
        case {"type": "thinking", "thinking": str(thinking)}:
            if thinking:
                deltas.append({"type": "thinking_delta", "thinking": thinking})
            deltas.append({"type": "signature_delta", "signature": block.get("signature") or ""})
            return {**block, "thinking": "", "signature": ""}, deltas
        case {"type": "tool_use" | "server_tool_use" | "mcp_tool_use", "input": dict(tool_input)}:
            deltas.append({"type": "input_json_delta", "partial_json": _encode(tool_input).decode()})
            return {**block, "input": {}}, deltas
    return block, deltas
