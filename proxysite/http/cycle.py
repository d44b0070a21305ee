"""One request and its answer on a connection, in place of uvicorn's: the head of an answer and the first part of its
body leave in one write, and what every header passes is checked once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE, STATUS_LINE, RequestResponseCycle

_LAST_CHUNK = b"0\r\n\r\n"
_WITHOUT_BODY = frozenset({204, 304})


class GatewayCycle(RequestResponseCycle):
    """Writes an answer (https://asgi.readthedocs.io/en/latest/specs/www.html)."""

    _head = b""
    _left: Callable[[], None] | None = None

    def when_left(self, left: Callable[[], None] | None) -> None:
        """Calls `left`, once its request has been read, when the client leaves before its answer is complete; None for
        nobody any more. It stands for a task that waits for `receive`."""
        self._left = left
        if left is not None:
            self.flow.resume_reading()
            if self.disconnected:
                left()

    def lost(self) -> None:
        """Takes in that the connection is gone."""
        if self._left is not None and self.disconnected:
            self._left()

    async def send(self, message: ASGISendEvent) -> None:
        """Takes the start of an answer, then parts of its body. Raises RuntimeError for anything else, for headers
        that HTTP does not have, and for a body of another length than its header says."""
        if self.disconnected:
            return
        if self.flow.write_paused:
            await self.flow.drain()
            if self.disconnected:
                return
        content, kind = cast(dict[str, Any], message), message["type"]
        if kind == "http.response.body" and self.response_started and not self.response_complete:
            self._body(content.get("body", b""), content.get("more_body", False))
        elif kind == "http.response.start" and not self.response_started:
            self.response_started = True
            self.waiting_for_100_continue = False
            self._start(content["status"], [*self.default_headers, *content.get("headers", ())])
        else:
            raise RuntimeError(f"the application sent {kind}, which is not what comes next")

    def send_now(self, body: bytes) -> bool:
        """Writes a part of a stream that has begun, if nobody has to wait for it; returns whether it did."""
        if self.flow.write_paused or not self.chunked_encoding or self._head or self.response_complete:
            return False
        if not self.disconnected:
            self.transport.write(b"%x\r\n%b\r\n" % (len(body), body))
        return True

    def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Makes the head. It waits for the body, which an application sends at once."""
        # Django's names are not in lower case.
        names = [name.lower() for name, _ in headers]
        if HEADER_RE.search(b"".join(names)) or HEADER_VALUE_RE.search(b"".join([value for _, value in headers])):
            raise RuntimeError("a header of the answer holds a character that HTTP does not allow")
        for name, (_, value) in zip(names, headers, strict=True):
            if name == b"content-length":
                if self.chunked_encoding is None:
                    self.expected_content_length = int(value)
                    self.chunked_encoding = False
            elif name == b"transfer-encoding":
                self.chunked_encoding = value.lower() == b"chunked" or self.chunked_encoding
            elif name == b"connection" and b"close" in value.lower():
                self.keep_alive = False
        lines = [b"%b: %b\r\n" % (name, value) for name, (_, value) in zip(names, headers, strict=True)]
        if not self.keep_alive and b"connection" not in names:
            lines.append(b"connection: close\r\n")
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in _WITHOUT_BODY:
            self.chunked_encoding = True
            lines.append(b"transfer-encoding: chunked\r\n")
        self._head = b"%b%b\r\n" % (STATUS_LINE[status], b"".join(lines))

    def _body(self, body: bytes, more: bool) -> None:
        data = self._framed(body, more)
        if self._head:
            data, self._head = self._head + data, b""
        if data:
            self.transport.write(data)
        if not more:
            if self.expected_content_length:
                raise RuntimeError("the body of the answer is shorter than its content-length")
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self.transport.close()
            self.on_response()

    def _framed(self, body: bytes, more: bool) -> bytes:
        """Returns a part of the body as it is written."""
        if self.scope["method"] == "HEAD":
            self.expected_content_length = 0
            return b""
        if self.chunked_encoding:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            return chunk if more else chunk + _LAST_CHUNK
        if len(body) > self.expected_content_length:
            raise RuntimeError("the body of the answer is longer than its content-length")
        self.expected_content_length -= len(body)
        return body
