"""The connections to one server, directly or through one proxy: those in use, and those that wait for a request."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from providers.errors import UpstreamError
from providers.outbound import errors
from providers.outbound.wire import limits
from providers.outbound.wire.connection import Connection
from providers.outbound.wire.dial import Dialler
from providers.outbound.wire.reader import HEAD, IDLE, Failure

_Made = TypeVar("_Made")


class Pool:
    """Any number of connections may be in use; of the idle ones, the one used last is taken first."""

    def __init__(self, dialler: Dialler) -> None:
        """In a running loop, which all connections belong to."""
        self._loop = asyncio.get_running_loop()
        self._dialler = dialler
        self._idle: deque[Connection] = deque()
        self._open: set[Connection] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def ask(
        self,
        head: bytes,
        body: bytes,
        *,
        connect_timeout: float | None,
        connected: Callable[[], None],
        made: Callable[[Connection], _Made],
    ) -> _Made:
        """Sends a request, and returns what `made` makes of the connection on which the head of its response is.

        `connected` is called for each connection that it is sent on: a second one only after a kept connection was lost
        before the request's last bytes had left. Raises UpstreamError of the connection kinds.
        """
        kept = self._kept()
        while True:
            connection = kept or await self._dial(connect_timeout)
            try:
                connected()
                if not connection.send(head, body):
                    await connection.send_large(head, body)
                while connection.phase == HEAD:
                    await connection.wait()
            except BaseException:
                connection.abort()
                raise
            if connection.head is not None:
                return made(connection)
            if not connection.may_be_replaced():
                raise _failed(connection)
            # What other kept connections are worth is not known either.
            kept = None

    def give_back(self, connection: Connection) -> None:
        """Keeps a connection whose answer has ended for another request, and closes any other."""
        head = connection.head
        if self._is_closed or head is None or not connection.is_reusable():
            connection.abort()
            return
        connection.rest()
        connection.expires = self._loop.time() + head.keep
        self._idle.append(connection)
        if len(self._idle) > limits.IDLE_CONNECTIONS:
            self._idle[0].abort()
        if self._sweep is None:
            self._sweep = self._loop.call_later(limits.SWEEP_SECONDS, self._close_expired)

    async def close(self) -> None:
        """Closes every connection, also those in use; one that is given back or made later is closed, too."""
        self._is_closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        self._dialler.close()
        for connection in list(self._open):
            connection.abort()
        # Their sockets are closed in the loop's next round.
        await asyncio.sleep(0)

    def _kept(self) -> Connection | None:
        while self._idle:
            connection = self._idle[-1]
            if connection.expires > self._loop.time() and connection.is_silent():
                return self._idle.pop()
            connection.abort()
        return None

    async def _dial(self, connect_timeout: float | None) -> Connection:
        connection = await self._dialler.dial(connect_timeout, self._gone)
        self._open.add(connection)
        if self._is_closed:
            connection.abort()
        return connection

    def _gone(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection.phase == IDLE:
            with suppress(ValueError):
                self._idle.remove(connection)

    def _close_expired(self) -> None:
        now = self._loop.time()
        for connection in [one for one in self._idle if one.expires <= now]:
            connection.abort()
        self._sweep = self._loop.call_later(limits.SWEEP_SECONDS, self._close_expired) if self._idle else None


def _failed(connection: Connection) -> UpstreamError:
    if connection.failure is Failure.MALFORMED:
        return errors.not_http()
    return errors.too_many_heads() if connection.failure is Failure.TOO_MANY_HEADS else errors.no_answer()
