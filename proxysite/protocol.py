"""HTTP/1 as the gateway speaks it: uvicorn's protocol, with what some HTTP clients need besides, and a gentler stop.

* An offer to upgrade, as Java's HttpClient makes with its first request, is declined and the request is read whole
  (https://github.com/Kludex/uvicorn/issues/2722, https://github.com/MagicStack/httptools/issues/124, open 2026-11).
* HTTP/1.0 clients get streams that end with the connection, since they know no chunks (RFC 9112, 6.1).
* Trailers are no headers (RFC 9110, 6.5.1).
* What is no HTTP request gets its 400 in the API's JSON, and never into the middle of an answer.
* While the server stops, each answer is its connection's last; idle connections are closed by the server at the end.
"""

from __future__ import annotations

import asyncio
import select
from typing import Any, cast

import httptools
from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from streaming.consumer import malformed


class GatewayState(ServerState):
    """What the connections of a server share: besides uvicorn's, whether it is stopping."""

    def __init__(self) -> None:
        super().__init__()
        self.draining = False


class GatewayProtocol(HttpToolsProtocol):
    """One client connection."""

    def data_received(self, data: bytes) -> None:
        """Parses what came. An offer to upgrade ends the parser's work, so another one reads the request without it."""
        self._unset_keepalive_if_required()
        while True:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as offer:
                if self.parser.get_method() == b"CONNECT":
                    self.send_400_response("This gateway is no forward proxy.")
                    return
                data = self._head_without_offer() + data[offer.args[0] :]
                self.parser = self._new_parser()
            except httptools.HttpParserError:
                self.send_400_response(
                    "This is no valid HTTP/1.1 request. For HTTP/2 put a proxy in front, such as nginx."
                )
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
        if cast(GatewayState, self.server_state).draining:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """Ends the request's body, unless it is one that is read again."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        super()._start_asgi_task(cycle, _without_chunks(app, cycle) if cycle.scope["http_version"] == "1.0" else app)

    def _new_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        # As uvicorn makes it.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    def _head_without_offer(self) -> bytes:
        lines = [b"%b: %b\r\n" % (name, value) for name, value in self.headers if name != b"upgrade"]
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        return b"%b %b HTTP/%b\r\n%b\r\n" % (method, self.url, version, b"".join(lines))

    def send_400_response(self, msg: str) -> None:
        """Refuses what came, in JSON, and ends the connection."""
        if self._answering() and (self.cycle.response_started or not self.cycle.more_body):
            # What came after that request is refused by the end of the connection, once its answer is complete.
            self.cycle.keep_alive = False
            return
        if self.transport.is_closing():
            return
        request_id, body = malformed(msg)
        head = [
            b"HTTP/1.1 400 Bad Request",
            *(b"%b: %b" % header for header in self.server_state.default_headers),
            b"content-type: application/json",
            b"content-length: %d" % len(body),
            b"request-id: " + request_id.encode(),
            b"connection: close",
        ]
        self.transport.write(b"\r\n".join([*head, b"", body]))
        self.transport.close()

    def shutdown(self) -> None:
        """The server stops: the answer that is being made is the connection's last, if it can still say so."""
        if self._answering() and not self.cycle.response_started:
            self.cycle.keep_alive = False

    def close_if_idle(self) -> None:
        """Closes a connection that waits for a request of which nothing has come yet, not even to the socket."""
        if self._answering() or self._in_head() or _readable(self.transport):
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
