"""Removes Amazon's event stream framing: binary frames in, the Claude events inside them out.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html (the framing),
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ResponseStream.html (what is in it).
botocore checks and parses each frame; this module splits the bytes into frames, and joins a frame in pieces once.
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from providers.dialects.contract import Decoder
from providers.errors import ErrorKind, UpstreamError
from providers.events import Event, MessageFinished, StreamFailed
from providers.framing.sse import MAX_EVENT_BYTES, EventTooLong
from providers.platforms.bedrock import errors

_PRELUDE = 12
"""Bytes at a frame's start: its length, its headers' length, and a checksum of both."""
_SHORTEST = 16


class _Chunk(msgspec.Struct, gc=False):
    # msgspec reads base64 for bytes; `p` beside it is padding that hides lengths.
    data: bytes = msgspec.field(name="bytes")


_length_at = struct.Struct(">I").unpack_from
_decode_chunk = msgspec.json.Decoder(_Chunk).decode


class FramesDecoder:
    """Feeds the content of Amazon's frames to the dialect's decoder."""

    def __init__(self, decoder: Decoder) -> None:
        from botocore.eventstream import EventStreamBuffer, ParserError

        self._make = EventStreamBuffer
        self._damage = (ParserError, struct.error, KeyError, IndexError, UnicodeDecodeError)
        self._decoder = decoder
        self._parts: list[bytes] = []
        self._size = 0
        self._wanted = 0
        """The length of the incomplete frame, 0 while unknown."""
        self._over = False

    def feed(self, data: bytes) -> list[Event]:
        """Returns the events that `data` completes. Raises providers.framing.sse.EventTooLong."""
        if self._over:
            return []
        self._parts.append(data)
        self._size += len(data)
        if self._size < (self._wanted or _PRELUDE):
            return []
        held = b"".join(self._parts) if len(self._parts) > 1 else data
        events: list[Event] = []
        at = 0
        try:
            while not self._over:
                self._wanted = self._length(held, at) if len(held) - at >= _PRELUDE else 0
                if not self._wanted or len(held) - at < self._wanted:
                    break
                events += self._read(held[at : at + self._wanted])
                at += self._wanted
        except _NotAFrame as error:
            events.append(self._failed(UpstreamError(ErrorKind.MALFORMED, f"The provider sent {error}.")))
        self._parts = [held[at:]] if at < len(held) else []
        self._size = len(held) - at
        return events

    def close(self) -> list[Event]:
        """Ends the body: inside a frame it is truncated, else the dialect decides."""
        if self._over:
            return []
        if self._size:
            return [self._failed(UpstreamError(ErrorKind.TRUNCATED, "The provider's answer ended inside a frame."))]
        return self._decoder.close()

    def _length(self, held: bytes, at: int) -> int:
        """Returns the length of the frame at `at`; checks the prelude of an incomplete one."""
        if self._wanted and at == 0:
            return self._wanted
        total: int = _length_at(held, at)[0]
        if total < _SHORTEST:
            raise _NotAFrame("a frame shorter than the minimum")
        if total > len(held) - at:
            self._parsed(held[at : at + _PRELUDE])
        if total > MAX_EVENT_BYTES:
            raise EventTooLong(f"a frame of more than {MAX_EVENT_BYTES} bytes")
        return total

    def _parsed(self, frame: bytes) -> Any:
        """Returns botocore's message; None for a prelude alone, which is checked too."""
        buffer = self._make()
        buffer.add_data(frame)
        try:
            return next(buffer, None)
        except self._damage as error:
            raise _NotAFrame(f"a damaged frame ({type(error).__name__})") from error

    def _read(self, frame: bytes) -> list[Event]:
        message = self._parsed(frame)
        if message is None:
            raise _NotAFrame("a damaged frame")
        kind, name = message.headers.get(":message-type"), message.headers.get(":event-type")
        if kind in {"exception", "error"}:
            return [self._failed(errors.of_frame(message.headers, message.payload))]
        if kind != "event" or name != "chunk":
            # Amazon may add events and documents that unknown ones are to be ignored.
            return []
        try:
            event = _decode_chunk(message.payload).data
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _NotAFrame("a chunk without bytes") from error
        # JSON has line breaks only between tokens, and an event of one line cannot end another.
        events = self._decoder.feed(b"data: %b\n\n" % event.translate(None, b"\r\n"))
        self._over = bool(events) and isinstance(events[-1], MessageFinished | StreamFailed)
        return events

    def _failed(self, error: UpstreamError) -> StreamFailed:
        self._over = True
        return StreamFailed(error)


class _NotAFrame(Exception):
    """Bytes that Amazon never sends; the text names them."""
