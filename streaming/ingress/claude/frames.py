"""Claude server-sent events as bytes, written from byte templates: no dict is built for a delta.

It writes in the order of the calls; the encoder makes sure that the order is legal.
https://docs.claude.com/en/docs/build-with-claude/streaming
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
# The place of the index in everything that Claude itself sends; any other order of members takes the slower path.
_INDEX = re.compile(rb'\s*\{\s*"type"\s*:\s*"\w+"\s*,\s*"index"\s*:\s*(-?\d+)(?=\s*[,}])')
_LF, _CR = b"\n\r"
_AROUND = len('_delta","text":""}}')
_SHORT_START = 160
"""Bytes of a start that has no room for a text that would matter."""
_DELTA_END = b"}}\n\n"
_END = b"\n\n"
_NATIVE_DELTA = b"event: content_block_delta\ndata: "
_MERGED_AT_MOST = 4096
_PING = b'event: ping\ndata: {"type":"ping"}\n\n'


def with_index(raw: bytes, index: int) -> bytes:
    """Returns the JSON object `raw` with another top-level `index`, and every other value byte for byte unchanged."""
    found = _INDEX.match(raw)
    if found is not None:
        return b"%b%d%b" % (raw[: found.start(1)], index, raw[found.end(1) :])
    members = _members(raw)
    members["index"] = msgspec.Raw(b"%d" % index)
    return _encode(members)


def native_length(raw: bytes) -> int:
    """Returns about how many characters of content a content_block_delta's JSON holds: what follows its type."""
    return max(0, len(raw) - raw.rfind(b'_delta"') - _AROUND)


def started_length(raw: bytes) -> int:
    """Returns how many characters of content a content_block_start's JSON holds: none, but at a few imitations."""
    if len(raw) < _SHORT_START:
        return 0
    block = msgspec.json.decode(raw)["content_block"]
    return sum(len(text) for name in ("text", "thinking") if isinstance(text := block.get(name), str))


def _line(raw: bytes) -> bytes:
    # A JSON document may be spread over lines; a data line may not. Inside its strings no line ends can stand.
    # (Looking for a number instead of a byte string is ten times as fast.)
    return raw.replace(b"\r", b" ").replace(b"\n", b" ") if _LF in raw or _CR in raw else raw


class SseSink:
    """The sink of a streamed answer."""

    __slots__ = ("_index", "_out", "_prefix", "chars")

    def __init__(self) -> None:
        self._out: list[bytes] = []
        self._index = 0
        self._prefix = b""
        self.chars = 0

    def take(self) -> bytes:
        """Returns the bytes of all events since the last call."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def start(self, message: dict[str, Any]) -> None:
        self._event(b"message_start", _encode({"type": "message_start", "message": message}))

    def open(self, index: int, block: dict[str, Any]) -> None:
        """Writes the content_block_start of the block that the following deltas belong to."""
        self._at(index)
        start = {"type": "content_block_start", "index": index, "content_block": block}
        self._event(b"content_block_start", _encode(start))

    def text(self, text: str) -> None:
        self.chars += len(text)
        self._out += (self._prefix, b'text_delta","text":', _encode(text), _DELTA_END)

    def thinking(self, text: str) -> None:
        self.chars += len(text)
        self._out += (self._prefix, b'thinking_delta","thinking":', _encode(text), _DELTA_END)

    def signature(self, signature: str) -> None:
        self._out += (self._prefix, b'signature_delta","signature":', _encode(signature), _DELTA_END)

    def arguments(self, json: str) -> None:
        self.chars += len(json)
        self._out += (self._prefix, b'input_json_delta","partial_json":', _encode(json), _DELTA_END)

    def close(self) -> None:
        self._event(b"content_block_stop", b'{"type":"content_block_stop","index":%d}' % self._index)

    def native_open(self, index: int, theirs: int, raw: bytes) -> None:
        """Writes an upstream's content_block_start, whose index `theirs` becomes `index`."""
        self._at(index)
        self.chars += started_length(raw)
        self._native(b"content_block_start", theirs, raw)

    def native_delta(self, theirs: int, raw: bytes) -> None:
        """Writes an upstream's content_block_delta, unchanged except for the index."""
        self.chars += native_length(raw)
        if theirs != self._index:
            raw = with_index(raw, self._index)
        self._out += (_NATIVE_DELTA, _line(raw), _END)

    def native_close(self, theirs: int, raw: bytes) -> None:
        """Writes an upstream's content_block_stop, unchanged except for the index."""
        self._native(b"content_block_stop", theirs, raw)

    def native_event(self, kind: str, raw: bytes) -> None:
        """Writes an event of an unknown type, unchanged."""
        self._event(kind.encode(), _line(raw))

    def ping(self) -> None:
        self._out.append(_PING)

    def end(self, event: dict[str, Any]) -> None:
        """Writes the message_delta `event`, then message_stop."""
        self._event(b"message_delta", _encode(event))
        self._event(b"message_stop", b'{"type":"message_stop"}')

    def error(self, event: dict[str, Any]) -> None:
        self._event(b"error", _encode(event))

    def _at(self, index: int) -> None:
        self._index = index
        self._prefix = (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"' % index
        )

    def _native(self, name: bytes, theirs: int, raw: bytes) -> None:
        if theirs != self._index:
            raw = with_index(raw, self._index)
        self._event(name, _line(raw))

    def _event(self, name: bytes, data: bytes) -> None:
        self._out += (b"event: ", name, b"\ndata: ", data, _END)


class MergingSseSink(SseSink):
    """The sink of a streamed answer whose pieces of text are one where they came together, up to 4,096 characters.

    A Claude upstream's own deltas pass as they are.
    """

    __slots__ = ("_after_text", "_size", "_texts")

    def __init__(self) -> None:
        super().__init__()
        self._after_text = self._size = 0
        self._texts: list[str] = []

    def take(self) -> bytes:
        """Returns the bytes of all events since the last call."""
        self._write_texts()
        self._after_text = 0
        return super().take()

    def text(self, text: str) -> None:
        """Adds to the delta before, if that is text as well."""
        self._size += len(text)
        if self._after_text != len(self._out) or not self._out or self._size > _MERGED_AT_MOST:
            self._write_texts()
            super().text("")
            self._after_text, self._size = len(self._out), len(text)
        self.chars += len(text)
        self._texts.append(text)

    def _write_texts(self) -> None:
        """Puts the texts into their delta, which stands where `_after_text` says."""
        if self._texts:
            self._out[self._after_text - 2] = _encode("".join(self._texts))
            self._texts.clear()
