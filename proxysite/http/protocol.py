"""HTTP/1 as the gateway speaks it: with what some HTTP clients need besides, and a gentler stop than uvicorn's own.

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
from typing import TYPE_CHECKING, cast

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from proxysite.http.watched import Refusal, WatchedConnection
from proxysite.live import SOCKETS
from streaming.ingress.claude.refused_bytes import refused_bytes

if TYPE_CHECKING:
    from proxysite.live.protocol import LiveProtocol


class GatewayProtocol(WatchedConnection):
    """One client connection."""

    def feed(self, data: bytes) -> None:
        """Parses what came. An offer to upgrade ends the parser's work, so another one reads the request without it."""
        while True:
            try:
                self._parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as offer:
                if self._parser.get_method() == b"CONNECT":
                    self.refuse(400, "This gateway is no forward proxy.")
                    return
                if self._offers_socket() and offer.args[0] == len(data):
                    self._hand_over()
                    return
                data = self._head_without_offer() + data[offer.args[0] :]
                self._parser = self._new_parser()
            except httptools.HttpParserCallbackError as error:
                refusal = error.__context__
                if not isinstance(refusal, Refusal):
                    raise
                self.refuse(refusal.status, refusal.text)
                return
            except httptools.HttpParserError:
                self.refuse(400, "This is no valid HTTP/1.1 request. For HTTP/2 put a proxy in front, such as nginx.")
                return

    def _offers_socket(self) -> bool:
        """Whether it is a WebSocket that this process has, and nothing else is under way on the connection."""
        return (
            self.config.ws_protocol_class is not None
            and self._url.partition(b"?")[0].decode("latin-1") in SOCKETS
            and self._parser.get_method() == b"GET"
            and self._offered() == b"websocket"
            and len(self._headers) <= self._limits.headers
            and not (self._unanswered() or self._pipeline or self.state.draining)
        )

    def _offered(self) -> bytes | None:
        """Returns the protocol to which the client would like to upgrade the connection."""
        headers = dict(self._headers)
        asked = [token.strip() for token in headers.get(b"connection", b"").lower().split(b",")]
        return headers.get(b"upgrade", b"").lower() if b"upgrade" in asked else None

    def _hand_over(self) -> None:
        """Lets the protocol of WebSockets read the offer, and all that follows."""
        self.state.connections.discard(self)
        # uvicorn's own protocols take these.
        make = cast("type[LiveProtocol]", self.config.ws_protocol_class)
        protocol = make(self.config, self.state, self._app_state)
        protocol.counted, self._counted = self._counted, None
        protocol.connection_made(self.transport)
        lines = [b"%b: %b\r\n" % header for header in self._headers]
        protocol.data_received(b"GET %b HTTP/1.1\r\n%b\r\n" % (self._url, b"".join(lines)))
        self.transport.set_protocol(protocol)
        self.leave()
        self._let_go()

    def _head_without_offer(self) -> bytes:
        lines = [b"%b: %b\r\n" % (name, value) for name, value in self._headers if name != b"upgrade"]
        method, version = self._parser.get_method(), self._parser.get_http_version().encode()
        return b"%b %b HTTP/%b\r\n%b\r\n" % (method, self._url, version, b"".join(lines))

    def refuse(self, status: int, text: str, *, linger: bool = True) -> None:
        """Refuses what came, in JSON, and ends the connection; with `linger` when the client has read the answer."""
        if self.transport.is_closing():
            self.leave()
            return
        cycle = self._unanswered()
        if cycle is not None:
            if self._pipeline or cycle.response_started or not cycle.more_body:
                # What came after that request is refused by the end of the connection, once its answer is complete.
                cycle.keep_alive = False
                self.leave()
                return
            # It waits for the rest of the body, which nobody reads.
            cycle.give_up()
        head, body = refused_bytes(status, text)
        lines = b"".join(b"%b: %b\r\n" % header for header in (*head, (b"connection", b"close")))
        self.transport.write(b"%b%b%b\r\n%b" % (STATUS_LINE[status], self.state.date, lines, body))
        if linger:
            self.leave_soon()
        else:
            self.leave()
            self.transport.close()

    def shutdown(self) -> None:
        """The server stops: the answer that is being made is the connection's last, and says so if it still can."""
        cycle = self._unanswered()
        if cycle is not None:
            if cycle.response_started:
                self.ends_together = True
            else:
                cycle.keep_alive = False

    def cork(self) -> None:
        """Keeps what is written until the connection is closed, or goes on."""
        _cork(self.transport, True)

    def _end_together(self) -> None:
        self.ends_together = False
        if self._pipeline or _readable(self.transport):
            _cork(self.transport, False)
        else:
            self.transport.close()

    def close_if_idle(self) -> None:
        """Closes a connection that waits for a request of which nothing has come yet, not even to the socket."""
        if self.transport.is_closing() or self._unanswered() or self._in_head or _readable(self.transport):
            return
        self.transport.close()


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
