"""Folds a stream into one Claude message, for `stream: false`: the encoder's other sink.

It takes the same calls as the events on the wire, so both forms of an answer have the same content.
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.framing.sse import EventTooLong
from providers.framing.text import read_text
from streaming.ingress.claude.frames import native_length, started_length

SIZE_LIMIT = 64 << 20
"""About how many bytes an answer may take; the longest answer of a model is a tenth of it."""
_INPUT = "partial_json"
_OF_DELTA = frozenset({"type", "delta", "usage"})
"""The fields of a message_delta that are not the message's own."""
_PIECE = 64  # bytes that a piece takes beside its text


def parsed_input(text: str) -> dict[str, Any]:
    """Returns a tool call's input from the JSON text of its arguments.

    Text that is not a JSON object is stored under the name that Claude Code itself gives such input, so that the model
    learns of its mistake the same way in both forms of an answer.
    """
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        value = read_text(text)
    except RecursionError:
        value = None
    return value if isinstance(value, dict) else {"__unparsedToolInput": text}


def _merge(into: dict[str, Any], values: dict[str, Any]) -> None:
    for field, value in values.items():
        if value is not None or field not in into:
            into[field] = value


class MessageFold:
    """The sink of an answer in one piece; read `message()` once the encoder has finished.

    Whatever adds to it raises providers.framing.sse.EventTooLong past SIZE_LIMIT.
    """

    __slots__ = ("_block", "_content", "_message", "_parts", "_size", "chars")

    def __init__(self) -> None:
        self._message: dict[str, Any] = {}
        self._content: list[dict[str, Any]] = []
        self._block: dict[str, Any] = {}
        self._parts: dict[str, list[str]] = {}
        self._size = 0
        self.chars = 0

    def message(self) -> dict[str, Any]:
        """Returns the message: id, type, role, model, content, stop_reason, stop_sequence, usage and unknown fields.

        https://docs.claude.com/en/api/messages#response-id
        """
        return {**self._message, "content": list(self._content)}

    def take(self) -> bytes:
        """Returns nothing: a fold writes no bytes."""
        return b""

    def start(self, message: dict[str, Any]) -> None:
        self._message = {**message, "usage": dict(message["usage"])}

    def open(self, index: int, block: dict[str, Any]) -> None:
        self._grow(_PIECE)
        self._block = dict(block)
        self._parts = {}

    def text(self, text: str) -> None:
        self.chars += len(text)
        self._add("text", text)

    def thinking(self, text: str) -> None:
        self.chars += len(text)
        self._add("thinking", text)

    def signature(self, signature: str) -> None:
        self._add("signature", signature)

    def arguments(self, json: str) -> None:
        self.chars += len(json)
        self._add(_INPUT, json)

    def close(self) -> None:
        block = self._block
        if _INPUT in self._parts and (arguments := "".join(self._parts.pop(_INPUT))):
            block["input"] = parsed_input(arguments)
        for field, parts in self._parts.items():
            block[field] = (block.get(field) or "") + "".join(parts)
        self._content.append(block)

    def native_open(self, index: int, theirs: int, raw: bytes) -> None:
        """Opens a block with all the fields that a Claude upstream gave it."""
        self._grow(len(raw))
        self.chars += started_length(raw)
        self.open(index, msgspec.json.decode(raw)["content_block"])

    def native_delta(self, theirs: int, raw: bytes) -> None:
        """Adds a Claude upstream's delta: citations to a list, any other string to the block's field of its name."""
        self.chars += native_length(raw)
        delta: dict[str, Any] = msgspec.json.decode(raw)["delta"]
        if delta["type"] == "citations_delta":
            self._grow(len(raw))
            self._block["citations"] = [*(self._block.get("citations") or ()), delta.get("citation")]
            return
        for field, value in delta.items():
            if field != "type" and isinstance(value, str) and isinstance(self._block.get(field, ""), str | None):
                self._add(field, value)

    def native_close(self, theirs: int, raw: bytes) -> None:
        self.close()

    def native_event(self, kind: str, raw: bytes) -> None:
        """Ignores an event of an unknown type, which has no place in a message."""

    def ping(self) -> None:
        """Ignores a ping."""

    def end(self, event: dict[str, Any]) -> None:
        """Merges a message_delta into the message; counts that are not null replace earlier ones."""
        message = self._message
        _merge(message["usage"], event["usage"])
        _merge(message, event["delta"])
        if not event.keys() <= _OF_DELTA:
            _merge(message, {field: value for field, value in event.items() if field not in _OF_DELTA})

    def error(self, event: dict[str, Any]) -> None:
        """Ignores an error: the caller answers with an HTTP status instead."""

    def _add(self, field: str, text: str) -> None:
        parts = self._parts.get(field)
        if parts is None:
            parts = self._parts[field] = []
        parts.append(text)
        self._grow(len(text) + _PIECE)

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > SIZE_LIMIT:
            raise EventTooLong(f"an answer of more than {SIZE_LIMIT} bytes")
