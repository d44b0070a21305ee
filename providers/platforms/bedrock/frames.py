"""Amazon's event stream taken off an answer: binary frames in, the Claude events inside them out.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html (the framing),
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ResponseStream.html (what is in it).
botocore checks and takes apart each frame; here they are only cut apart, so that a frame in pieces is joined once.
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
"""Bytes of a frame's beginning: its length, its headers' length, and a checksum of both."""
_SHORTEST = 16


class _Chunk(msgspec.Struct, gc=False):
    # msgspec reads base64 for bytes; `p` beside it is padding against those who watch lengths.
    data: bytes = msgspec.field(name="bytes")


_length_at = struct.Struct(">I").unpack_from
_decode_chunk = msgspec.json.Decoder(_Chunk).decode


class FramesDecoder:
    """The dialect's decoder behind one of Amazon's frames."""

    def __init__(self, decoder: Decoder) -> None:
        from botocore.eventstream import EventStreamBuffer, ParserError

        self._make = EventStreamBuffer
        self._damage = (ParserError, struct.error, KeyError, IndexError, UnicodeDecodeError)
        self._decoder = decoder
        self._parts: list[bytes] = []
        self._size = 0
        self._wanted = 0
        """The length of the frame that is coming, 0 while that is unknown."""
        self._over = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes. Raises providers.framing.sse.EventTooLong."""
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
        """The end: in the middle of a frame it is a cut, else the dialect says whether it was one."""
        if self._over:
            return []
        if self._size:
            return [self._failed(UpstreamError(ErrorKind.TRUNCATED, "The provider's answer ended inside a frame."))]
        return self._decoder.close()

    def _length(self, held: bytes, at: int) -> int:
        """The length of the frame at `at`; where it is waited for, its prelude's checksum is right."""
        if self._wanted and at == 0:
            return self._wanted
        total: int = _length_at(held, at)[0]
        if total < _SHORTEST:
            raise _NotAFrame("a frame that is shorter than a frame can be")
        if total > len(held) - at:
            self._parsed(held[at : at + _PRELUDE])
        if total > MAX_EVENT_BYTES:
            raise EventTooLong(f"a frame of more than {MAX_EVENT_BYTES} bytes")
        return total

    def _parsed(self, frame: bytes) -> Any:
        """botocore's message; None for a prelude alone, which is checked all the same."""
        buffer = self._make()
        buffer.add_data(frame)
        try:
            return next(buffer, None)
        except self._damage as error:
            raise _NotAFrame(f"a frame that is damaged ({type(error).__name__})") from error

    def _read(self, frame: bytes) -> list[Event]:
        message = self._parsed(frame)
        if message is None:
            raise _NotAFrame("a frame that is damaged")
        kind, name = message.headers.get(":message-type"), message.headers.get(":event-type")
        if kind in {"exception", "error"}:
            return [self._failed(errors.of_frame(message.headers, message.payload))]
        if kind != "event" or name != "chunk":
            # Amazon may add events; it says of unknown ones that they are to be ignored.
            return []
        try:
            event = _decode_chunk(message.payload).data
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _NotAFrame("a chunk without bytes") from error
        # JSON has line breaks between its words only, and an event of one line can end no other.
        events = self._decoder.feed(b"data: %b\n\n" % event.translate(None, b"\r\n"))
        self._over = bool(events) and isinstance(events[-1], MessageFinished | StreamFailed)
        return events

    def _failed(self, error: UpstreamError) -> StreamFailed:
        self._over = True
        return StreamFailed(error)


class _NotAFrame(Exception):
    """Bytes that no server of Amazon's sends; the text says what they are."""
