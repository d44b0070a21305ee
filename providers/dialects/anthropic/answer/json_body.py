"""An answer in one JSON document, where a server does not stream: the events that a stream of it would have had."""

from __future__ import annotations

from typing import Any

import msgspec

from providers.claude.fields import output_limit
from providers.claude.usage import clean_usage
from providers.dialects.anthropic import errors
from providers.dialects.anthropic.answer import stop
from providers.dialects.anthropic.answer.blocks import Blocks, Malformed
from providers.dialects.anthropic.answer.tokens import read_usage
from providers.dialects.anthropic.answer.whole_blocks import is_block
from providers.dialects.contract import Call
from providers.errors import ErrorKind, UpstreamError
from providers.events import Event, StreamFailed, TokensReported
from providers.framing.sse import MAX_EVENT_BYTES, EventTooLong
from providers.framing.text import cleaned, read_json


class JsonDecoder:
    """Collects the document; all events come from `close`."""

    def __init__(self, call: Call) -> None:
        self._blocks = Blocks(call)
        self._limit = output_limit(call)
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
        body = b"".join(self._parts)
        try:
            answer = msgspec.json.decode(body)
        except RecursionError:
            answer = None
        except (msgspec.DecodeError, UnicodeDecodeError):
            answer = _read_slowly(body)
        self._parts.clear()
        match answer:
            case {"type": "message", "content": list(content), "stop_reason": str() | None} if all(
                map(is_block, content)
            ):
                return message_events(answer, self._blocks, self._limit)
            case {"error": _}:
                return [StreamFailed(errors.event_error(answer))]
        return [StreamFailed(UpstreamError(ErrorKind.MALFORMED, "The provider's answer is no Claude message."))]


def _read_slowly(body: bytes) -> Any:
    try:
        return cleaned(read_json(body))
    except (ValueError, RecursionError):
        return None


def message_events(message: dict[str, Any], blocks: Blocks, limit: int | None) -> list[Event]:
    """The events of a whole message, whose content is a list of blocks."""
    try:
        return _events(message, blocks, limit)
    except Malformed as error:
        return [StreamFailed(UpstreamError(ErrorKind.MALFORMED, f"The provider sent {error}."))]


def _events(message: dict[str, Any], blocks: Blocks, limit: int | None) -> list[Event]:
    start = {name: value for name, value in message.items() if name != "stop_details"}
    events: list[Event] = [stop.started(start)]
    usage = clean_usage(message.get("usage"))
    tokens = read_usage(usage)
    if tokens is not None:
        events.append(TokensReported(tokens))
    for index, block in enumerate(message["content"]):
        events += blocks.whole(index, block)
    delta = {name: message[name] for name in stop.AT_THE_END if name in message}
    if delta.get("stop_reason") is None and tokens is not None and tokens.reach(limit):
        delta["stop_reason"] = "max_tokens"
    end = stop.finished({"type": "message_delta", "delta": delta, "usage": usage})
    return [*events, end or StreamFailed(UpstreamError(ErrorKind.MALFORMED, "The provider's answer has no end."))]
