"""Connections of the transport by aiohttp: a request learns when it has one, and gets none that the server has closed.

aiohttp does not tell what of a lost request had left, so nothing is sent again here: what follows a loss is another
attempt, with a row of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

import aiohttp
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection

from providers.outbound.common import is_silent
from providers.outbound.guard import BoundedHandler, GuardedConnector

_KEEP_ALIVE = 75.0

when_connected: ContextVar[Callable[[], None]] = ContextVar("when_connected")
"""Called when the current request has a connection."""


class _Protocol(BoundedHandler):
    """A connection that knows whether it was `used` before."""

    used = False


class TracedConnector(GuardedConnector):
    """Tells the current request that it has a connection."""

    handler = _Protocol

    def __init__(self, *, local: bool) -> None:
        super().__init__(local=local, keepalive_timeout=_KEEP_ALIVE, ttl_dns_cache=30)

    async def connect(
        self, req: ClientRequest, traces: list[aiohttp.tracing.Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """Returns a connection for a request: a new one, or a kept one that the server has not closed yet."""
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            if isinstance(protocol, _Protocol):
                if protocol.used and protocol.transport is not None and not is_silent(protocol.transport):
                    connection.close()
                    continue
                protocol.used = True
            when_connected.get()()
            return connection
