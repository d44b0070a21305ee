"""From a body to events, for dialects of JSON documents: the body is cut, each document is read, the answer ends once.

Dialects define what a document means. Nothing follows the end or a failure; an unannounced end is a failure.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

from providers.errors import ErrorKind, UpstreamError
from providers.events import Event, StreamFailed
from providers.framing.bodies import WebPage
from providers.framing.sse import EventTooLong


class Reader(Protocol):
    """Cuts a body into documents."""

    is_document: bool | None

    def feed(self, data: bytes) -> list[bytes]:
        """The documents that `data` completes. Raises EventTooLong or WebPage."""
        ...

    def close(self) -> list[bytes]:
        """What the end of the body leaves."""
        ...


class DocumentDecoder(ABC):
    """A decoder (providers.dialects.contract.Decoder) of one answer; dialects fill in `_read` and `_end`."""

    __slots__ = ("_body", "_is_over")

    def __init__(self, body: Reader) -> None:
        self._body = body
        self._is_over = False

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
        return events

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
                return events
        if not self._is_over:
            self._end(events)
        return events

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
