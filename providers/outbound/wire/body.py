"""The body of a response as it arrives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from providers.outbound.errors import broken_answer
from providers.outbound.wire.connection import Connection
from providers.outbound.wire.pool import Pool
from providers.outbound.wire.reader import BODY, DONE, FAILED


class Body:
    """An asynchronous iterator over all that has arrived since it was last asked, joined."""

    __slots__ = ("_connection", "_pool")

    def __init__(self, connection: Connection, pool: Pool) -> None:
        self._connection: Connection | None = connection
        self._pool = pool

    def __aiter__(self) -> Body:
        return self

    async def __anext__(self) -> bytes:
        """Waits only where nothing has arrived. Raises UpstreamError(CONNECTION_LOST) where no more will."""
        connection = self._connection
        while connection is not None:
            if connection.parts:
                return connection.take()
            phase = connection.phase
            if phase == DONE:
                break
            if phase == FAILED:
                raise broken_answer()
            try:
                await connection.wait()
            except BaseException:
                connection.abort()
                raise
        raise StopAsyncIteration

    def push_to(self, take: Callable[[bytes], bool]) -> Awaitable[None] | None:
        """See response.Body."""
        connection = self._connection
        if connection is None or connection.phase != BODY or connection.parts:
            return None
        return connection.push(take)

    def is_over(self) -> bool:
        """See response.Body."""
        connection = self._connection
        return connection is None or (connection.phase == DONE and not connection.parts)

    async def aclose(self) -> None:
        """Gives the connection back if the body has ended, else closes it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.give_back(connection)
