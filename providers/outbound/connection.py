"""What one request learns of its connection: when it has one, and whether a lost one may be replaced without a trace.

A server closes idle connections, so a reused one may be lost under a request that the server never saw. Such a request
is sent again. One that the server may have processed is not: what follows it is another attempt, with a row of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import aiohttp
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError

from providers.outbound.guard import BoundedHandler, GuardedConnector

_KEEP_ALIVE = 75.0
_UNSEEN_SECONDS = 0.05
"""A connection that is lost within this time of the request was closed by the server before the request came."""
_UNSEEN_BYTES = 64 * 1024
"""A body below this size fits the buffers of the connection: it says nothing that the server has begun to read it."""


class OpenTrace:
    """What one `open` learns of its connection. `connected` is called when there is one."""

    __slots__ = ("_began", "_protocol", "_reused", "connected")

    def __init__(self, connected: Callable[[], None]) -> None:
        self.connected = connected
        self._began = 0.0
        self._protocol: _Protocol | None = None
        self._reused = False

    def take(self, protocol: _Protocol) -> None:
        """Notes that the request goes out on a connection."""
        self._reused, protocol.used = protocol.used, True
        protocol.answering = False
        self._protocol = protocol
        self._began = time.monotonic()
        self.connected()

    def surely_unseen(self, body: bytes) -> bool:
        """Whether a request with this body, whose connection was just lost, was surely not processed."""
        return (
            self._reused
            and len(body) < _UNSEEN_BYTES
            and time.monotonic() - self._began < _UNSEEN_SECONDS
            and self._protocol is not None
            and not self._protocol.answering
        )


open_trace: ContextVar[OpenTrace | None] = ContextVar("trace", default=None)


class _Protocol(BoundedHandler):
    """A connection that knows whether it was `used` before and whether the server has begun to answer."""

    used = False
    answering = False

    def feed_data(self, data: Any, size: int = 0) -> None:
        """Called with each head of a response, informational ones too."""
        self.answering = True
        super().feed_data(data, size)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Notices a head that had begun: the parser returns it now, and only once."""
        if not self.answering and self._parser is not None:
            try:
                self.answering = self._parser.feed_eof() is not None
            except HttpProcessingError:  # A head that had begun, with lines that cannot be read.
                self.answering = True
        super().connection_lost(exc)


class TracedConnector(GuardedConnector):
    """Tells the current `open` which connection it got."""

    handler = _Protocol

    def __init__(self, *, local: bool) -> None:
        super().__init__(local=local, keepalive_timeout=_KEEP_ALIVE, ttl_dns_cache=30)

    async def connect(
        self, req: ClientRequest, traces: list[aiohttp.tracing.Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """Returns a connection for a request, a new or a reused one."""
        connection = await super().connect(req, traces, timeout)
        trace = open_trace.get()
        if trace is not None and isinstance(connection.protocol, _Protocol):
            trace.take(connection.protocol)
        return connection
