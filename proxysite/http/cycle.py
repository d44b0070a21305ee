"""One request and its answer on a connection, as ASGI has them.

The head of an answer and the first part of its body leave in one write, and what every header passes is checked once
for all of them. Beside `receive` and `send` there is what takes no coroutine: `body_now`, `answer_now`, `send_now`,
`when_left`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE, STATUS_LINE

if TYPE_CHECKING:
    from proxysite.http.connection import Connection

logger = logging.getLogger("uvicorn.error")

Scope = dict[str, Any]
Message = dict[str, Any]
Headers = Iterable[tuple[bytes, bytes]]

_LAST_CHUNK: Final = b"0\r\n\r\n"
_WITHOUT_BODY: Final = frozenset({204, 304})
_ABOUT_THE_BODY: Final = frozenset({b"content-length: ", b"transfer-encoding: ", b"connection: "})
_IN_VALUES: Final = bytes(code for code in range(256) if not HEADER_VALUE_RE.match(bytes([code])))
"""What may stand in a header's value."""
_NOT_ALLOWED: Final = "a header of the answer holds a character that HTTP does not allow"
_FAILED: Final = b"Internal Server Error"
_FAILED_HEADERS: Final = (
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", b"%d" % len(_FAILED)),
    (b"connection", b"close"),
)
_MOST_NAMES: Final = 1000
_beginnings: dict[bytes, bytes] = {}
"""How the lines of headers begin whose names were looked at, by these names."""


class GatewayCycle:
    """Reads a request's body and writes its answer (https://asgi.readthedocs.io/en/latest/specs/www.html).

    `keep_alive` says whether the connection goes on after it, `more_body` whether some of the body is still to come.
    """

    __slots__ = (
        "_body", "_chunked", "_expects_100", "_flow", "_has_news", "_head", "_left", "_protocol", "_rest", "_transport",
        "_waiter", "disconnected", "keep_alive", "more_body", "response_complete", "response_started", "scope",
        "task",
    )  # fmt: skip

    def __init__(self, protocol: Connection, scope: Scope, *, keep_alive: bool, expects_100: bool) -> None:
        self.scope = scope
        self.task: asyncio.Task[None] | None = None
        self.keep_alive = keep_alive
        self.more_body = True
        self.disconnected = self.response_started = self.response_complete = False
        self._protocol = protocol
        self._transport = protocol.transport
        self._flow = protocol.flow
        self._expects_100 = expects_100
        self._body: bytes | bytearray = b""
        self._has_news = False
        self._waiter: asyncio.Future[None] | None = None
        self._left: Callable[[], None] | None = None
        self._head = b""
        self._chunked: bool | None = None
        self._rest: int | None = 0
        """Bytes of the body that are still to be written, None where the end of the connection is its end."""

    # --- the request --------------------------------------------------------------------------------------------------

    def take_body(self, part: bytes) -> None:
        """Takes a part of the body. Reading rests while too much of it waits."""
        if self.response_complete:
            return
        if not self._body:
            self._body = part
        else:
            if isinstance(self._body, bytes):
                self._body = bytearray(self._body)
            self._body += part
        if len(self._body) > HIGH_WATER_LIMIT:
            self._flow.pause_reading()
        self._tell()

    def end_body(self) -> None:
        """Takes the end of the body."""
        self.more_body = False
        self._tell()

    def take_whole(self, body: bytes) -> None:
        """Takes a body that came whole."""
        self._body, self.more_body, self._has_news = body, False, True

    def body_now(self) -> bytes | None:
        """Returns the body where all of it has come and nothing was taken yet; None where it is waited for."""
        if self.more_body or self.disconnected or self._expects_100 or not self._has_news:
            return None
        self._has_news = False
        self._flow.resume_reading()
        body, self._body = bytes(self._body), b""
        return body

    async def receive(self) -> Message:
        """Returns the next part of the body, or that the client is gone or has its answer."""
        if self._expects_100 and not self._transport.is_closing():
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._expects_100 = False
        if not self.disconnected and not self.response_complete:
            self._flow.resume_reading()
            await self._news()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self._body = bytes(self._body), b""
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    def when_left(self, left: Callable[[], None] | None) -> None:
        """Calls `left`, once its request has been read, when the client leaves before its answer is complete; None for
        nobody any more. It stands for a task that waits for `receive`."""
        self._left = left
        if left is not None:
            self._flow.resume_reading()
            if self.disconnected:
                left()

    def give_up(self) -> None:
        """Takes in that the rest of the body does not come, or that nobody reads the answer."""
        self.disconnected = True
        self._tell()

    def lost(self) -> None:
        """Takes in that the connection is gone."""
        if not self.response_complete:
            self.disconnected = True
        self._tell()
        if self._left is not None and self.disconnected:
            self._left()

    def _tell(self) -> None:
        self._has_news = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _news(self) -> None:
        """Waits until there is something to tell."""
        if not self._has_news:
            self._waiter = self._protocol.loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        self._has_news = False

    # --- the answer ---------------------------------------------------------------------------------------------------

    async def run(self, application: ASGI3Application) -> None:
        """Lets an application answer. Whatever it does, the client gets an answer, or the end of the connection."""
        try:
            await application(self.scope, self.receive, self.send)  # type: ignore[arg-type]
        except BaseException:
            # Whoever was cancelled owes its client an end, too, and nobody waits for this task.
            logger.exception("Exception in ASGI application")
        else:
            if not (self.response_complete or self.disconnected):
                logger.error("ASGI application ended before its answer")
        finally:
            self._protocol.tasks.discard(self.task)
        if self.response_complete or self.disconnected:
            return
        if self.response_started:
            self._transport.close()
        else:
            self._start(500, _FAILED_HEADERS)
            self._write(_FAILED, more=False)

    async def send(self, message: Message) -> None:
        """Takes the start of an answer, then parts of its body. Raises RuntimeError for anything else, for headers
        that HTTP does not have, and for a body of another length than its header says."""
        if self.disconnected:
            return
        if self._flow.write_paused:
            await self._flow.drain()
            if self.disconnected:
                return
        kind = message["type"]
        if kind == "http.response.body" and self.response_started and not self.response_complete:
            self._write(message.get("body", b""), message.get("more_body", False))
        elif kind == "http.response.start" and not self.response_started:
            self._start(message["status"], message.get("headers", ()))
        else:
            raise RuntimeError(f"the application sent {kind}, which is not what comes next")

    def answer_now(self, status: int, headers: Headers, body: bytes) -> bool:
        """Writes a whole answer, if nobody has to wait for it; returns whether it did. Raises as `send` does."""
        if self._flow.write_paused or self.response_started:
            return False
        if not self.disconnected:
            self._start(status, headers)
            self._write(body, more=False)
        return True

    def send_now(self, body: bytes) -> bool:
        """Writes a part of a stream that has begun, if nobody has to wait for it; returns whether it did."""
        if self._flow.write_paused or not self._chunked or self._head or self.response_complete:
            return False
        if not self.disconnected:
            self._transport.write(b"%x\r\n%b\r\n" % (len(body), body))
        return True

    def _start(self, status: int, headers: Headers) -> None:
        """Makes the head. It waits for the body, which an application sends at once."""
        self.response_started = True
        self._expects_100 = False
        lines = []
        for name, value in headers:
            beginning = _beginnings.get(name) or _beginning(name)
            if beginning in _ABOUT_THE_BODY:
                self._note(beginning, value)
            lines.append(beginning + value)
        if not self.keep_alive and not any(line.startswith(b"connection: ") for line in lines):
            lines.append(b"connection: close")
        if self._chunked is None and self.scope["method"] != "HEAD" and status not in _WITHOUT_BODY:
            self._chunked = self.scope["http_version"] != "1.0"
            if self._chunked:
                lines.append(b"transfer-encoding: chunked")
            else:
                self._rest = None
        lines.append(b"\r\n")
        head = b"\r\n".join(lines)
        # What is left without all that values may hold are the ends of the lines.
        if head.translate(None, _IN_VALUES) != b"\r\n" * len(lines):
            raise RuntimeError(_NOT_ALLOWED)
        self._head = STATUS_LINE[status] + self._protocol.state.date + head

    def _note(self, beginning: bytes, value: bytes) -> None:
        """Takes in what a header says about the body's end, or the connection's."""
        if beginning == b"content-length: ":
            if self._chunked is None:
                self._rest = int(value)
                self._chunked = False
        elif beginning == b"transfer-encoding: ":
            self._chunked = value.lower() == b"chunked" or self._chunked
        elif b"close" in value.lower():
            self.keep_alive = False

    def _write(self, body: bytes, more: bool) -> None:
        data = self._framed(body, more)
        if self._head:
            data, self._head = self._head + data, b""
        if not more and self._protocol.ends_together:
            self._protocol.cork()
        if data:
            self._transport.write(data)
        if not more:
            if self._rest:
                raise RuntimeError("the body of the answer is shorter than its content-length")
            self.response_complete = True
            if self._waiter is not None:
                self._tell()
            self._protocol.answered(self)

    def _framed(self, body: bytes, more: bool) -> bytes:
        """Returns a part of the body as it is written."""
        if self.scope["method"] == "HEAD":
            self._rest = 0
            return b""
        if self._chunked:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            return chunk if more else chunk + _LAST_CHUNK
        if self._rest is not None:
            if len(body) > self._rest:
                raise RuntimeError("the body of the answer is longer than its content-length")
            self._rest -= len(body)
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
