"""HTTP/1 as the gateway speaks it: uvicorn's protocol, with what some HTTP clients need besides, and a gentler stop.

* An offer to upgrade, as Java's HttpClient makes with its first request, is declined and the request is read whole,
  but for a WebSocket of a page, which goes to a protocol of its own (proxysite.live.protocol) where pages are served
  (https://github.com/Kludex/uvicorn/issues/2722, https://github.com/MagicStack/httptools/issues/124, open 2026-11).
* HTTP/1.0 clients get streams that end with the connection, since they know no chunks (RFC 9112, 6.1).
* Trailers are no headers (RFC 9110, 6.5.1).
* What is no HTTP request gets its 400 in the API's JSON, and never into the middle of an answer.
* While the server stops, each answer is its connection's last; idle connections are closed by the server at the end.
  Where the answer had begun before, its end and the connection's leave in one packet: a proxy that sees the one first
  would send its next request into the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import httptools
from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, Scope
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from proxysite.http.watched import Refusal, WatchedProtocol
from proxysite.live import SOCKETS
from streaming.ingress.claude.refused_bytes import refused_bytes

if TYPE_CHECKING:
    from proxysite.live.protocol import LiveProtocol

_LAST_CHUNK = b"0\r\n\r\n"


class GatewayProtocol(WatchedProtocol):
    """One client connection."""

    _ends_together = False

    def feed(self, data: bytes) -> None:
        """Parses what came. An offer to upgrade ends the parser's work, so another one reads the request without it."""
        while True:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as offer:
                if self.parser.get_method() == b"CONNECT":
                    self.refuse(400, "This gateway is no forward proxy.")
                    return
                if self._offers_socket() and offer.args[0] == len(data):
                    self._hand_over()
                    return
                data = self._head_without_offer() + data[offer.args[0] :]
                self.parser = self._new_parser()
            except httptools.HttpParserCallbackError as error:
                refusal = error.__context__
                if not isinstance(refusal, Refusal):
                    raise
                self.refuse(refusal.status, refusal.text)
                return
            except httptools.HttpParserError:
                self.refuse(400, "This is no valid HTTP/1.1 request. For HTTP/2 put a proxy in front, such as nginx.")
                return

    def on_headers_complete(self) -> None:
        """Starts the request, unless it is one that is read again."""
        if self.parser.should_upgrade():
            return
        super().on_headers_complete()
        # The request has the list until here. Trailers go into another one, which nobody reads.
        self.headers = []
        if self.scope["http_version"] == "1.0":
            self.cycle.waiting_for_100_continue = False
        state = self._state
        if state.draining:
            self.cycle.keep_alive = False
            state.last_request = time.monotonic()
        if not self.cycle.keep_alive:
            self.cycle.transport = cast(asyncio.Transport, _CloseLater(self, self.cycle))

    def on_message_complete(self) -> None:
        """Ends the request's body, unless it is one that is read again."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        super()._start_asgi_task(cycle, _without_chunks(app, cycle) if cycle.scope["http_version"] == "1.0" else app)

    def _offers_socket(self) -> bool:
        """Whether it is a WebSocket that this process has, and nothing else is under way on the connection."""
        return (
            self.ws_protocol_class is not None
            and self.url.partition(b"?")[0].decode("latin-1") in SOCKETS
            and self.parser.get_method() == b"GET"
            and self._get_upgrade() == b"websocket"
            and len(self.headers) <= self._limits.headers
            and not (self._answering() or self.pipeline or self._state.draining)
        )

    def _hand_over(self) -> None:
        """Lets the protocol of WebSockets read the offer, and all that follows."""
        self.connections.discard(self)
        # uvicorn's own protocols take these.
        make = cast("type[LiveProtocol]", self.ws_protocol_class)
        protocol = make(self.config, self._state, self.app_state)
        protocol.counted, self._counted = self._counted, None
        protocol.connection_made(self.transport)
        lines = [b"%b: %b\r\n" % header for header in self.headers]
        protocol.data_received(b"GET %b HTTP/1.1\r\n%b\r\n" % (self.url, b"".join(lines)))
        self.transport.set_protocol(protocol)
        self.leave()

    def _new_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        # As uvicorn makes it.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    def _head_without_offer(self) -> bytes:
        lines = [b"%b: %b\r\n" % (name, value) for name, value in self.headers if name != b"upgrade"]
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        return b"%b %b HTTP/%b\r\n%b\r\n" % (method, self.url, version, b"".join(lines))

    def refuse(self, status: int, text: str, *, linger: bool = True) -> None:
        """Refuses what came, in JSON, and ends the connection; with `linger` when the client has read the answer."""
        if self.transport.is_closing():
            self.leave()
            return
        answering = self._answering()
        if self.pipeline or (answering and (self.cycle.response_started or not self.cycle.more_body)):
            # What came after that request is refused by the end of the connection, once its answer is complete.
            self.cycle.keep_alive = False
            self.leave()
            return
        if answering:
            # It waits for the rest of the body, which nobody reads.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        head, body = refused_bytes(status, text)
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()]
        lines += (b"%b: %b" % header for header in (*self.server_state.default_headers, *head))
        self.transport.write(b"\r\n".join([*lines, b"connection: close", b"", body]))
        if linger:
            self.leave_soon()
        else:
            self.leave()
            self.transport.close()

    def shutdown(self) -> None:
        """The server stops: the answer that is being made is the connection's last, and says so if it still can."""
        if self._answering():
            if self.cycle.response_started:
                self.cycle.transport = cast(asyncio.Transport, _EndTogether(self.cycle))
                self._ends_together = True
            else:
                self.cycle.keep_alive = False

    def on_response_complete(self) -> None:
        """Goes on with the connection, or ends it where the server stops and nothing more has come on it."""
        if self._ends_together and not self.transport.is_closing():
            self._ends_together = False
            if self.pipeline or _readable(self.transport):
                _cork(self.transport, False)
            else:
                self.transport.close()
        super().on_response_complete()

    def close_if_idle(self) -> None:
        """Closes a connection that waits for a request of which nothing has come yet, not even to the socket."""
        if self.transport.is_closing() or self._answering() or self._in_head() or _readable(self.transport):
            return
        self.transport.close()

    def _answering(self) -> bool:
        # There is none before the first request, whatever uvicorn declares.
        return self.cycle is not None and not self.cycle.response_complete  # type: ignore[redundant-expr]

    def _in_head(self) -> bool:
        # Made with the first byte of a request, completed at the end of its headers.
        return self.scope is not None and "path" not in self.scope  # type: ignore[redundant-expr]


def _readable(transport: asyncio.Transport) -> bool:
    found = select.poll()
    found.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(found.poll(0))


def _cork(transport: asyncio.Transport, on: bool) -> None:
    """Keeps what is written until the connection is closed, or no more. Linux alone can, and not on every socket."""
    option = getattr(socket, "TCP_CORK", None)
    if option is not None:
        with contextlib.suppress(OSError):
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, option, on)


class _CloseLater:
    """Stands for the transport of a connection's last answer: a body that is still coming keeps it open for a while.

    A connection that is closed with bytes unread is reset, and many clients send all before they read why not.
    """

    def __init__(self, protocol: GatewayProtocol, cycle: RequestResponseCycle) -> None:
        self._protocol = protocol
        self._cycle = cycle
        self._transport = cycle.transport

    def close(self) -> None:
        """Closes it, or lets the client send to the end first."""
        if self._cycle.more_body and not self._transport.is_closing():
            self._protocol.leave_with_rest()
        else:
            self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _EndTogether:
    """Stands for the transport of an answer that has begun: its last write waits for the end of the connection."""

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self._transport = cycle.transport

    def write(self, data: bytes) -> None:
        """Writes what uvicorn writes: chunks, or parts of a body whose length is known."""
        chunked, rest = self._cycle.chunked_encoding, self._cycle.expected_content_length
        if (data.endswith(_LAST_CHUNK) and data[-7:-5] in (b"", b"\r\n")) if chunked else rest == 0:
            _cork(self._transport, True)
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def _without_chunks(app: ASGI3Application, cycle: RequestResponseCycle) -> ASGI3Application:
    """Returns an application whose answer without a length is ended by the end of the connection."""

    async def wrapped(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        unknown_length = False

        async def send_plain(message: ASGISendEvent) -> None:
            nonlocal unknown_length
            content: dict[str, Any] = cast(dict[str, Any], message)
            if content["type"] == "http.response.start":
                unknown_length = all(name.lower() != b"content-length" for name, _ in content["headers"])
                if unknown_length:
                    cycle.chunked_encoding = False
            elif unknown_length:
                # Whatever comes is what was expected.
                cycle.expected_content_length = len(content.get("body", b""))
            await send(message)

        await app(scope, receive, send_plain)

    return wrapped
