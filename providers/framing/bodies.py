"""The body of an answer as JSON documents, whether it is a stream of events or the one document that some servers send
instead. Which it is, is seen from its first byte, which lies less often than its content type."""

from __future__ import annotations

from providers.framing.sse import MAX_EVENT_BYTES, EventTooLong, SSEReader


class WebPage(ValueError):
    """The body is HTML: something between here and the provider answered."""


class BodyReader:
    """`feed` bytes as they come; `close` at the end of the body. `is_document`: it is no stream; None while unknown."""

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

    def close(self) -> list[bytes]:
        """What the end of the body leaves."""
        return [b"".join(self._held)] if self.is_document else self._sse.close()
