"""A Claude stream as events: blocks verbatim, the message's start and end with their counts read out of them.

It passes the end on when the upstream announces that nothing follows, so that all message_deltas become one.
https://docs.claude.com/en/docs/build-with-claude/streaming
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from providers.claude.fields import output_limit
from providers.dialects.anthropic import errors
from providers.dialects.anthropic.answer import stop
from providers.dialects.anthropic.answer.blocks import KNOWN, Delta, Malformed
from providers.dialects.anthropic.answer.halves import Halves
from providers.dialects.anthropic.answer.json_body import message_events
from providers.dialects.anthropic.answer.overlap import SerialBlocks
from providers.dialects.anthropic.answer.whole_blocks import is_block
from providers.dialects.contract import Call
from providers.errors import ErrorKind, UpstreamError
from providers.events import (
    COMPLETE,
    Event,
    NativeEvent,
    Ping,
    StreamFailed,
    TokensReported,
)
from providers.framing.sse import SSEReader


class _Typed(msgspec.Struct, gc=False):
    # A message_delta's delta has none.
    type: str = ""


class _Event(msgspec.Struct, gc=False):
    """All that is looked at in an event before its kind is known."""

    type: str = ""
    index: int = -1
    delta: Delta | None = None
    content_block: _Typed | None = None
    error: msgspec.Raw = msgspec.Raw()


class _Future(msgspec.Struct, gc=False):
    """The same of an event whose delta has members of other types than those known here."""

    type: str = ""
    index: int = -1
    delta: _Typed | None = None


_decode_event = msgspec.json.Decoder(_Event).decode
_decode_future = msgspec.json.Decoder(_Future).decode
_EVENT_NAME = re.compile(r"[\w.-]+")


class StreamDecoder:
    """One response's server-sent events."""

    def __init__(self, call: Call) -> None:
        self._reader = SSEReader()
        self._blocks = SerialBlocks(call)
        self._halves = Halves()
        self._ending = stop.Ending()
        self._limit = output_limit(call)
        self._over = False
        self._any = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes. Raises providers.framing.sse.EventTooLong."""
        return self._events(self._reader.feed(data))

    def close(self) -> list[Event]:
        """The end, or the failure: an end counts when its reason came, with message_stop or without."""
        events = self._events(self._reader.close(), at_the_end=True)
        if not self._over:
            try:
                events += self._finished() or [self._truncated()]
            except Malformed as error:
                events.append(self._malformed(str(error)))
            self._over = True
        return events

    def _events(self, payloads: list[bytes], *, at_the_end: bool = False) -> list[Event]:
        events: list[Event] = []
        for data in payloads:
            if self._over:
                break
            self._any = True
            if self._halves.held:
                self._read_slowly(data, events, at_the_end=at_the_end)
                continue
            try:
                str(data, "utf-8")  # the typed decoder does not look into what it skips
                event = _event(data)
                if event.type == "content_block_delta" and event.index >= 0 and event.delta is not None:
                    events += self._blocks.delta(event.index, event.delta, data)
                else:
                    events += self._rare(event, data)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self._read_slowly(data, events, at_the_end=at_the_end)
            except Malformed as error:
                events.append(self._malformed(str(error)))
        return events

    def _read_slowly(self, data: bytes, events: list[Event], *, at_the_end: bool) -> None:
        """An event whose text is none, or that is none itself."""
        try:
            for document in self._halves.mend(data):
                event = _event(document)
                if event.type == "content_block_delta" and event.index >= 0 and event.delta is not None:
                    events += self._blocks.delta(event.index, event.delta, document)
                else:
                    events += self._rare(event, document)
        except Malformed as error:
            events.append(self._malformed(str(error)))
        except (ValueError, RecursionError):
            # Half a document at the end of the body is a cut and not malformed; imitations of Claude send [DONE].
            if not at_the_end and data.strip() not in {b"", b"[DONE]"}:
                events.append(self._malformed("an event that is no JSON of Claude's shape"))

    def _rare(self, event: _Event, data: bytes) -> list[Event]:
        if event.error and event.error != b"null":
            return [self._failed(errors.event_error(msgspec.json.decode(data)))]
        match event.type:
            case "content_block_start" | "content_block_delta" | "content_block_stop":
                return self._of_block(event, data)
            case "message_start":
                return self._message_start(msgspec.json.decode(data).get("message"))
            case "message_delta":
                return self._message_delta(msgspec.json.decode(data))
            case "message_stop":
                return self._message_stop(msgspec.json.decode(data))
            case "message":
                return self._whole(msgspec.json.decode(data))
            case "ping":
                return [Ping()]
            case "error":
                return [self._failed(errors.event_error(msgspec.json.decode(data)))]
        # Of a future type: passed on unchanged, if its name fits into a line.
        return [NativeEvent(event.type, data)] if _EVENT_NAME.fullmatch(event.type) else []

    def _of_block(self, event: _Event, data: bytes) -> list[Event]:
        if event.index >= 0 and event.type == "content_block_stop":
            return self._blocks.stop(event.index, data)
        block = event.content_block
        if event.index >= 0 and event.type == "content_block_start" and block is not None and block.type:
            return self._blocks.start(event.index, block.type, data)
        return [self._malformed(f"a {event.type} without its index or its type")]

    def _message_start(self, message: Any) -> list[Event]:
        if not isinstance(message, dict):
            return [self._malformed("message_start without a message")]
        self._blocks.give(message.get("content"))
        self._ending.begun(message)
        return [stop.started(message)]

    def _message_delta(self, event: dict[str, Any]) -> list[Event]:
        tokens, is_one = self._ending.add(event)
        if not is_one:
            return [self._malformed("message_delta without a delta")]
        return [] if tokens is None else [TokensReported(tokens)]

    def _message_stop(self, event: dict[str, Any]) -> list[Event]:
        self._over = True
        tokens = self._ending.stopped(event, self._limit)
        counted: list[Event] = [] if tokens is None else [TokensReported(tokens)]
        return [*counted, *(self._finished() or [self._malformed("message_stop without a stop reason")])]

    def _whole(self, message: dict[str, Any]) -> list[Event]:
        """A complete message instead of the events of one."""
        if not isinstance(message.get("content"), list) or not all(map(is_block, message["content"])):
            return [self._malformed("a message without content")]
        self._over = True
        return message_events(message, self._blocks, self._limit)

    def _finished(self) -> list[Event]:
        """The end, after what the last block lacks; nothing without a reason for it."""
        end = self._ending.finished()
        if end is None:
            return []
        events = self._blocks.finish(cut=end.stop_reason not in COMPLETE)
        if end.stop_reason == "error":
            broken = UpstreamError(ErrorKind.SERVER, "The provider broke its answer off (error).", code="error")
            return [*events, self._failed(broken)]
        return [*events, end]

    def _failed(self, error: UpstreamError) -> StreamFailed:
        self._over = True
        return StreamFailed(error)

    def _malformed(self, what: str) -> StreamFailed:
        return self._failed(UpstreamError(ErrorKind.MALFORMED, f"The provider sent {what}."))

    def _truncated(self) -> StreamFailed:
        what = "ended before it was complete" if self._any else "holds no event at all"
        return self._failed(UpstreamError(ErrorKind.TRUNCATED, f"The provider's answer {what}."))


def _event(data: bytes) -> _Event:
    """The event in `data`. Raises msgspec.DecodeError."""
    try:
        return _decode_event(data)
    except msgspec.ValidationError:
        event = _decode_future(data)
        if event.type != "content_block_delta" or event.delta is None or event.delta.type in KNOWN:
            raise
        return _Event(event.type, event.index, Delta(event.delta.type))
