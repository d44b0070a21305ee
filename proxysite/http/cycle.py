"""One request and its answer on a connection, in place of uvicorn's: the head of an answer and the first part of its
body leave in one write, and what every header passes is checked once for all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from uvicorn._types import ASGISendEvent, HTTPScope
from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

_LAST_CHUNK = b"0\r\n\r\n"
_WITHOUT_BODY = frozenset({204, 304})
_ABOUT_THE_BODY = frozenset({b"content-length: ", b"transfer-encoding: ", b"connection: "})
_IN_VALUES = bytes(code for code in range(256) if not HEADER_VALUE_RE.match(bytes([code])))
"""What may stand in a header's value."""
_NOT_ALLOWED = "a header of the answer holds a character that HTTP does not allow"
_MOST_NAMES = 1000
_beginnings: dict[bytes, bytes] = {}
"""How the lines of headers begin whose names were looked at, by these names."""


class GatewayCycle(RequestResponseCycle):
    """Writes an answer (https://asgi.readthedocs.io/en/latest/specs/www.html)."""

    _head = b""
    _left: Callable[[], None] | None = None

    def __init__(self, protocol: HttpToolsProtocol, scope: HTTPScope, *, keep_alive: bool) -> None:
        # What uvicorn's own has and takes one by one.
        self.scope = scope
        self.transport = protocol.transport
        self.flow = protocol.flow
        self.logger = protocol.logger
        self.access_logger = protocol.access_logger
        self.access_log = False
        self.default_headers = protocol.server_state.default_headers
        self.message_event = asyncio.Event()
        self.on_response = protocol.on_response_complete
        self.disconnected = False
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = protocol.expect_100_continue
        self.body = bytearray()
        self.more_body = True
        self.response_started = self.response_complete = False
        self.chunked_encoding: bool | None = None
        self.expected_content_length = 0

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
        content, kind = cast("dict[str, Any]", message), message["type"]
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
        lines = []
        for name, value in headers:
            beginning = _beginnings.get(name) or _beginning(name)
            if beginning in _ABOUT_THE_BODY:
                self._note(beginning, value)
            lines.append(beginning + value)
        if not self.keep_alive and not any(line.startswith(b"connection: ") for line in lines):
            lines.append(b"connection: close")
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in _WITHOUT_BODY:
            self.chunked_encoding = True
            lines.append(b"transfer-encoding: chunked")
        lines.append(b"\r\n")
        head = b"\r\n".join(lines)
        # What is left without all that values may hold are the ends of the lines.
        if head.translate(None, _IN_VALUES) != b"\r\n" * len(lines):
            raise RuntimeError(_NOT_ALLOWED)
        self._head = STATUS_LINE[status] + head

    def _note(self, beginning: bytes, value: bytes) -> None:
        """Takes in what a header says about the body's end, or the connection's."""
        if beginning == b"content-length: ":
            if self.chunked_encoding is None:
                self.expected_content_length = int(value)
                self.chunked_encoding = False
        elif beginning == b"transfer-encoding: ":
            self.chunked_encoding = value.lower() == b"chunked" or self.chunked_encoding
        elif b"close" in value.lower():
            self.keep_alive = False

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


def _beginning(name: bytes) -> bytes:
    """Returns how a header's line begins. Raises RuntimeError for a name that HTTP does not have."""
    # Django's names are not in lower case.
    lowered = name.lower()
    if HEADER_RE.search(lowered):
        raise RuntimeError(_NOT_ALLOWED)
    beginning = lowered + b": "
    if len(_beginnings) < _MOST_NAMES:
        _beginnings[name] = beginning
    return beginning
