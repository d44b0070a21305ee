"""What comes back from a provider, whatever transport brought it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Protocol

from providers.dialects.contract import Decoder
from providers.errors import ErrorKind, UpstreamError
from providers.events import Event
from providers.outbound.common import USER_AGENT
from providers.outbound.compression import Inflated, compressed_by, unreadable_compression

ERROR_BODY_BYTES = 64 * 1024
"""How much of an error's body is read."""
_DRAIN = 1.0
"""Seconds to keep reading after an answer's end."""
_REQUEST_ID_HEADERS = (
    *(b"request-id", b"x-request-id", b"x-generation-id", b"x-amzn-requestid", b"apim-request-id", b"x-ms-request-id"),
    b"cf-ray",
)
OWN_HEADERS = (
    ("user-agent", USER_AGENT),
    # Compressed event streams arrive in bursts, so they are not requested.
    ("accept-encoding", "identity"),
)
"""The headers of every request to a provider, before the dialect's."""


class Body(Protocol):
    """The bytes of a body as they arrive: an asynchronous iterator. Raises UpstreamError(CONNECTION_LOST)."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def __anext__(self) -> bytes: ...

    def push_to(self, take: Callable[[bytes], bool]) -> Awaitable[None] | None:
        """Calls `take` with what arrives, where it arrives and before anybody is woken, until it returns False or the
        body ends: what is awaited returns then, and raises what `take` raised. None where that cannot be now."""

    def is_over(self) -> bool:
        """Whether the end has come, and all before it was taken; False where that is not known."""

    def aclose(self) -> Awaitable[None]:
        """Returns the connection to its pool if the body was read to its end, else closes it."""


class Response:
    """A provider's response whose body is still arriving. Always close it.

    `plain` are its headers by name in lower case, repeated ones joined by a comma.
    """

    __slots__ = ("_body", "_compression", "_plain", "_unreadable", "status")

    def __init__(self, status: int, plain: Mapping[bytes, bytes], body: Body) -> None:
        self.status = status
        self._plain = plain
        self._body = body
        self._compression = compression = plain.get(b"content-encoding", b"").decode("latin-1")
        self._unreadable = unreadable_compression(compression) if compression else ""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, their names in lower case."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self._plain.items()}

    @property
    def request_id(self) -> str:
        """The provider's id of the request, "" when it sends none."""
        plain = self._plain
        for name in _REQUEST_ID_HEADERS:
            value = plain.get(name)
            if value:
                return value.rpartition(b", ")[2].decode("latin-1")[:120]
        return ""

    @property
    def content_type(self) -> str:
        """What the body is, "" where the provider does not say."""
        return self._plain.get(b"content-type", b"").decode("latin-1")

    def chunks(self) -> AsyncIterator[bytes]:
        """Yields the body as it arrives. Raises UpstreamError(CONNECTION_LOST)."""
        if self._unreadable:
            return _Unreadable(UpstreamError(ErrorKind.MALFORMED, compressed_by(self._unreadable), status=self.status))
        return Inflated.all(self._body, self._compression) if self._compression else self._body

    def push_to(self, take: Callable[[bytes], bool]) -> Awaitable[None] | None:
        """See Body. What follows comes out of `chunks`."""
        return None if self._compression else self._body.push_to(take)

    async def read(self, limit: int = ERROR_BODY_BYTES) -> bytes:
        """Returns the body up to `limit` bytes, for responses that are not streams.

        An error whose compression cannot be read keeps its status: its text says so.
        """
        if self._unreadable and self.status >= 400:
            return compressed_by(self._unreadable).encode()
        parts: list[bytes] = []
        size = 0
        async for data in self.chunks():
            parts.append(data)
            size += len(data)
            if size >= limit:
                break
        return b"".join(parts)[:limit]

    def is_over(self) -> bool:
        """See Body."""
        return self._body.is_over()

    async def drain(self, chunks: AsyncIterator[bytes]) -> None:
        """Reads what follows an answer's end (usually nothing), so that the connection can be reused."""
        try:
            async with asyncio.timeout(_DRAIN):
                async for _ in chunks:
                    pass
        except (TimeoutError, UpstreamError):
            # The answer is complete; the connection is closed instead of reused.
            return

    async def arrived(self, chunks: AsyncIterator[bytes], decoder: Decoder) -> list[Event]:
        """Returns what has arrived by now and waits for nothing; nothing can be read after it."""
        events: list[Event] = []
        try:
            async with asyncio.timeout(0):
                async for data in chunks:
                    events += decoder.feed(data)
        except (TimeoutError, UpstreamError):
            # Whatever follows is not wanted.
            return events
        return events

    def close(self) -> Awaitable[None]:
        """Returns the connection to the pool if the body was read to its end, else closes it."""
        return self._body.aclose()


class _Unreadable(AsyncIterator[bytes]):
    """A body of which nothing can be read."""

    def __init__(self, error: UpstreamError) -> None:
        self._error = error

    async def __anext__(self) -> bytes:
        raise self._error
