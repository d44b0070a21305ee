"""From a body to events, for dialects of JSON documents: the body is cut, each document is read, the answer ends once.

A body is a stream of events, lines of JSON, or one document. Dialects define what a document means. Nothing follows the
end or a failure; an unannounced end is a failure.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

from providers.errors import ErrorKind, UpstreamError
from providers.events import Event, StreamFailed
from providers.framing.mending import TextMender
from providers.framing.sse import MAX_EVENT_BYTES, EventTooLong, SSEReader

# As a number: looking for one byte that way is ten times as fast as looking for a string of one byte.
_LF = 0x0A


class WebPage(ValueError):
    """The body is HTML: something between here and the provider answered."""


class Reader(Protocol):
    """Cuts a body into documents."""

    is_document: bool | None

    def feed(self, data: bytes) -> list[bytes]:
        """The documents that `data` completes. Raises EventTooLong or WebPage."""
        ...

    def close(self) -> list[bytes]:
        """What the end of the body leaves."""
        ...


class BodyReader:
    """Cuts a stream of events, or takes the one document that some servers send instead (`is_document`; None: unknown).

    Which it is, is seen from its first byte, which lies less often than its content type.
    """

    __slots__ = ("_held", "_held_size", "_sse", "is_document")

    def __init__(self) -> None:
        self._sse = SSEReader()
        self._held: list[bytes] = []
        self._held_size = 0
        self.is_document: bool | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """The documents that `data` completes. Raises WebPage, or providers.framing.sse.EventTooLong."""
        if self.is_document is None:
            begin = data.lstrip(b" \t\r\n\xef\xbb\xbf")[:1]
            if begin == b"<":
                raise WebPage
            if begin:
                self.is_document = begin in (b"{", b"[")
        if not self.is_document:
            return self._sse.feed(data)
        self._held.append(data)
        self._held_size += len(data)
        if self._held_size > MAX_EVENT_BYTES:
            raise EventTooLong(f"an answer of more than {MAX_EVENT_BYTES} bytes")
        return []

    def is_between_events(self) -> bool:
        """Whether it is a stream of which all that came was whole events."""
        return self.is_document is False and self._sse.is_between_events()

    def close(self) -> list[bytes]:
        """What the end of the body leaves."""
        return [b"".join(self._held)] if self.is_document else self._sse.close()


class LineReader:
    """Cuts newline-delimited JSON (https://github.com/ndjson/ndjson-spec) into lines, and skips blank ones.

    The caller checks that a line is JSON.
    """

    __slots__ = ("_held", "_held_size", "is_document")

    def __init__(self) -> None:
        self.is_document: bool | None = False
        self._held: list[bytes] = []  # the unfinished line
        self._held_size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, in order, maybe with a CR at their end. Raises EventTooLong."""
        if _LF not in data:
            self._hold(data)
            return []
        if self._held:
            data = b"".join((*self._held, data))
            self._held.clear()
            self._held_size = 0
        lines = data.split(b"\n")
        self._hold(lines.pop())
        return [line for line in lines if line and not line.isspace()]

    def close(self) -> list[bytes]:
        """The last line, if no newline ended it; it may be half of one."""
        return self.feed(b"\n")

    def _hold(self, tail: bytes) -> None:
        if tail:
            self._held.append(tail)
            self._held_size += len(tail)
        if self._held_size > MAX_EVENT_BYTES:
            raise EventTooLong(f"a line of more than {MAX_EVENT_BYTES} bytes")


class DocumentDecoder(ABC):
    """A decoder (providers.dialects.contract.Decoder) of one answer; dialects fill in `_read` and `_end`."""

    __slots__ = ("_body", "_is_over", "_mender")

    def __init__(self, body: Reader) -> None:
        self._body = body
        self._is_over = False
        self._mender = TextMender()

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes; nothing after the end or a failure."""
        events: list[Event] = []
        if self._is_over:
            return events
        try:
            for document in self._body.feed(data):
                self._read(document, events)
                if self._is_over:
                    break
        except WebPage:
            self._break("The provider sent a web page instead of an answer.", events)
        except EventTooLong as error:
            self._break(f"The provider sent {error}.", events)
        return self._mender.feed(events) if self._mender.is_active else events

    def close(self) -> list[Event]:
        """The events that the end of the body completes."""
        events: list[Event] = []
        if self._is_over:
            return events
        # Half a document at the end of a stream is a cut and not malformed; a body of one document is all there is.
        may_be_cut = not self._body.is_document
        for document in self._left(events):
            self._read(document, events, may_be_cut=may_be_cut)
            if self._is_over:
                break
        if not self._is_over:
            self._end(events)
        return self._mender.feed(events) if self._mender.is_active else events

    @abstractmethod
    def _read(self, document: bytes, events: list[Event], *, may_be_cut: bool = False) -> None:
        """Add the events of one document; `may_be_cut`: it is the last one and may be half of one."""

    def _left(self, events: list[Event]) -> list[bytes]:
        """The documents that the end of the body leaves."""
        return self._body.close()

    def _end(self, events: list[Event]) -> None:
        """The body is over and the answer is not: what that means."""
        self._fail(UpstreamError(ErrorKind.TRUNCATED, "The provider's answer ended before it was complete."), events)

    def _break(self, message: str, events: list[Event]) -> None:
        """End with what the provider should not have sent."""
        self._fail(UpstreamError(ErrorKind.MALFORMED, message), events)

    def _fail(self, error: UpstreamError, events: list[Event]) -> None:
        self._is_over = True
        events.append(StreamFailed(error))
