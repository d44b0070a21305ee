"""Reads one response after the other from the bytes of a connection, which it does not know.

llhttp alone says where a body ends. What it is not asked to say is decided here: limits, and after which ends a
connection may be used again. Its callbacks are methods of C, so no part of a body enters a Python frame of its own.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from providers.outbound.errors import MOST_INFORMATIONAL
from providers.outbound.wire import limits
from providers.outbound.wire.head import CHUNKED, UNTIL_CLOSE, Head, Malformed
from providers.outbound.wire.limits import CHUNK_OVERHEAD

IDLE: Final = 0
HEAD: Final = 1
BODY: Final = 2
DONE: Final = 3
FAILED: Final = 4
_END: Final = b"\r\n\r\n"
_START: Final = b"HTTP/1."
_MARK: Final = 0
# As a number: looking for one byte that way is ten times as fast as looking for a string of one byte.
_NUL: Final = 0


class Failure(Enum):
    """Why a response did not come, or did not end."""

    LOST = "lost"
    MALFORMED = "malformed"
    TOO_MANY_HEADS = "too many heads"


class ResponseReader:
    """`phase` goes from HEAD over BODY to DONE, or to FAILED, which says why in `failure`; IDLE is between requests.

    `parts` are what has arrived of the body and was not taken yet. `answering` says that the server sent something
    since the request, `used` that this is not the first one.
    """

    __slots__ = (
        "_begins", "_ends", "_framing", "_head_bytes", "_held", "_informational", "_is_tunnel", "_parser",
        "answering", "failure", "head", "on_body", "on_message_begin", "on_message_complete", "parts", "phase", "used",
    )  # fmt: skip

    def __init__(self) -> None:
        self._head_bytes = bytearray()
        self._held = self._framing = self._informational = 0
        self.parts: list[bytes] = []
        # Each list holds one mark before a message: its beginning takes the one, its end the other. A second message
        # finds none: there the parser stops.
        self._begins, self._ends = [_MARK], [_MARK]
        self.on_body = self.parts.append
        self.on_message_begin = self._begins.pop
        self.on_message_complete = self._ends.pop
        self._parser = HttpResponseParser(self)
        self._is_tunnel = False
        self.phase = HEAD
        self.head: Head | None = None
        self.failure: Failure | None = None
        self.answering = self.used = False

    def begin(self) -> None:
        """Makes it ready for the response to another request."""
        self.used = True
        self.answering = False
        self._informational = self._framing = 0
        self._begins.append(_MARK)
        self._ends.append(_MARK)
        self.head = None
        self.phase = HEAD

    def data_received(self, data: bytes) -> None:
        """Takes bytes of the response. Before and after it nothing may come."""
        if self.phase != BODY:
            if self.phase == HEAD:
                self._take_head(data)
            else:
                self.abort()
            return
        # Hot: each read of a stream.
        parts = self.parts
        before = len(parts)
        is_clean = True
        try:
            self._parser.feed_data(data)
        except HttpParserError:
            is_clean = False
        size = len(data)
        if self._ends and is_clean and len(parts) == before + 1 and size - len(parts[before]) <= CHUNK_OVERHEAD:
            self._arrived(size)
        else:
            self._take_unusual(data, before, is_clean=is_clean)

    def eof_received(self) -> None:
        """The server sends no more: the end of a body without a length, and otherwise of the connection alone."""
        if self.phase == BODY and self.head is not None and self.head.length == UNTIL_CLOSE:
            self.phase = DONE
            self._wake()
        elif self.phase == IDLE:
            self.abort()

    def abort(self) -> None:
        """Nothing more is read; an answer that is complete stays so."""
        if self.phase < DONE:
            self.phase, self.failure = FAILED, Failure.LOST
        elif self.head is not None:
            self.head.keep = 0.0

    # --- what a connection does at it --------------------------------------------------------------------------------

    def _wake(self) -> None:
        """There is something for the reader: a head, a part, the end or a failure."""

    def _arrived(self, size: int) -> None:
        """There are more parts of a body that goes on, from a read of so many bytes."""
        self._held += size
        if self._held > limits.HELD_BYTES:
            self._hold()
        self._wake()

    def _hold(self) -> None:
        """More than enough waits to be taken."""

    def _fail(self, failure: Failure) -> None:
        """What has arrived before stays to be taken."""
        if self.phase != FAILED:
            self.phase, self.failure = FAILED, failure
        self._wake()

    # --- the head ----------------------------------------------------------------------------------------------------

    def _take_head(self, data: bytes) -> None:
        self.answering = True
        held = self._head_bytes
        if held:
            known = len(held)
            held += data
            if held.find(_END, max(0, known - 3)) < 0:
                self._check_beginning(known)
                return
            data = bytes(held)
            held.clear()
        while (end := data.find(_END) + 4) > 3:
            head, data = (data, b"") if end == len(data) else (data[:end], data[end:])
            self._read_head(head)
            if self.phase != HEAD:
                if data and self.phase != FAILED:
                    self.data_received(data)
                return
        if data:
            held += data
            self._check_beginning(0)

    def _check_beginning(self, known: int) -> None:
        """Refuses what can become no head; `known` bytes of it were looked at before."""
        held = self._head_bytes
        at = max(0, known - 1)
        seen_before = known > 0 and held[at] == 10
        is_bare = held.count(b"\n", at) - seen_before != held.count(b"\r\n", at)
        is_long = len(held) > limits.HEAD_BYTES or held.count(b"\r\n") > limits.FIELDS + 1
        if is_long or is_bare or held[:7] != _START[: len(held)]:
            self._fail(Failure.MALFORMED)

    def _read_head(self, head: bytes) -> None:
        if len(head) > limits.HEAD_BYTES or not head.startswith(_START) or _NUL in head:
            self._fail(Failure.MALFORMED)
            return
        parser = self._parser
        try:
            parser.feed_data(head)
            status = parser.get_status_code()
            if status == 101:
                raise Malformed
            if status >= 200:
                found = Head(head, status)
                is_over = not self._ends
                if not self._is_tunnel and is_over != (found.length == 0):
                    raise Malformed
                self.head = found
                self.phase = DONE if is_over or self._is_tunnel else BODY
                self._wake()
                return
        except (HttpParserError, HttpParserUpgrade, Malformed):
            self._fail(Failure.MALFORMED)
            return
        self._informational += 1
        if self._informational > MOST_INFORMATIONAL:
            self._fail(Failure.TOO_MANY_HEADS)
        elif status < 100 or self._ends:
            self._fail(Failure.MALFORMED)
        else:
            self._begins.append(_MARK)
            self._ends.append(_MARK)

    # --- the body ----------------------------------------------------------------------------------------------------

    def _take_unusual(self, data: bytes, before: int, *, is_clean: bool) -> None:
        """Takes a read that brought not just one part; `before` it there were so many."""
        head, size = self.head, len(data)
        assert head is not None
        if not self._ends:
            self.phase = DONE
            if not is_clean or not self._ends_here(data, before):
                head.keep = 0.0
            self._wake()
        elif not is_clean or (head.length == CHUNKED and self._is_padded(size, before)):
            self._fail(Failure.LOST)
        elif len(self.parts) > before:
            self._arrived(size)

    def _is_padded(self, size: int, before: int) -> bool:
        """Whether a chunked body holds more beside its content than it may."""
        new = self.parts[before:]
        beside = size - sum(map(len, new)) - CHUNK_OVERHEAD * len(new)
        if beside > 0:
            self._framing += beside
        return self._framing > limits.FRAMING_BYTES

    def _ends_here(self, data: bytes, before: int) -> bool:
        """Whether nothing followed the body's end in the same read, as far as can be told."""
        if self.head is not None and self.head.length >= 0:
            return sum(map(len, self.parts[before:])) == len(data)
        # A chunked body ends with an empty line, and before that with the last chunk or a trailer. llhttp skips line
        # ends between messages, so more of them are looked for here.
        return len(data) - len(data.rstrip(b"\r\n")) == 4 < len(data)
