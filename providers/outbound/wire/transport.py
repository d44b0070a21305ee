"""The same transport as httpx knows transports: for an httpx client, or whatever else calls one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

from providers.errors import ErrorKind, UpstreamError
from providers.outbound.addresses import refusal_of_host
from providers.outbound.errors import address_refused
from providers.outbound.wire.body import Body
from providers.outbound.wire.connection import Connection
from providers.outbound.wire.dial import Dialler
from providers.outbound.wire.pool import Pool
from providers.outbound.wire.target import Origin, Proxy, Target, split

_RAISED: dict[ErrorKind, type[httpx.TransportError]] = {
    ErrorKind.CONNECT: httpx.ConnectError,
    ErrorKind.CONNECT_TIMEOUT: httpx.ConnectTimeout,
    ErrorKind.MALFORMED: httpx.RemoteProtocolError,
    ErrorKind.CONNECTION_LOST: httpx.ReadError,
}
_FRAMING = frozenset({b"host", b"content-length", b"transfer-encoding"})


class WireTransport(httpx.AsyncBaseTransport):
    """Pools by server. Of a request's time-outs `connect` alone is kept; a request is sent once its body is whole.

    `local` allows private addresses. Requests by HEAD and CONNECT are not sent.
    """

    def __init__(self, *, local: bool, proxy_url: str | None = None) -> None:
        self._local = local
        self._proxy = None if proxy_url is None else Proxy(proxy_url)
        self._pools: dict[Origin, Pool] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises httpx.TransportError, whose cause is the UpstreamError."""
        body = await request.aread()
        try:
            origin, path = split(str(request.url))
            target = Target(origin, path, (), self._proxy, request.method)
            headers = [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in request.headers.raw
                if name.lower() not in _FRAMING
            ]
            head = target.head(headers, len(body))
        except ValueError as error:
            raise httpx.UnsupportedProtocol(str(error)) from error
        if request.method in ("HEAD", "CONNECT"):
            raise httpx.UnsupportedProtocol(f"{request.method} is not sent")
        try:
            refusal = refusal_of_host(origin.host, local=self._local)
            if refusal is not None:
                raise address_refused(refusal)
            pool = self._pool(origin)
            connection = await pool.ask(
                head,
                body,
                connect_timeout=request.extensions.get("timeout", {}).get("connect"),
                connected=lambda: None,
                made=_same,
            )
        except UpstreamError as error:
            raise _RAISED[error.kind](error.message) from error
        found = connection.head
        assert found is not None
        return httpx.Response(
            found.status,
            headers=list(found.fields.items()),
            stream=_Stream(Body(connection, pool)),
            request=request,
            extensions={"http_version": b"HTTP/1.1"},
        )

    async def aclose(self) -> None:
        """Closes every connection."""
        for pool in self._pools.values():
            await pool.close()

    def _pool(self, origin: Origin) -> Pool:
        pool = self._pools.get(origin)
        if pool is None:
            pool = self._pools[origin] = Pool(Dialler(origin, self._proxy, local=self._local))
        return pool


class _Stream(httpx.AsyncByteStream):
    def __init__(self, body: Body) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for data in self._body:
                yield data
        except UpstreamError as error:
            raise _RAISED[error.kind](error.message) from error

    async def aclose(self) -> None:
        await self._body.aclose()


def _same(connection: Connection) -> Connection:
    return connection
