"""The way to a provider: `open`, `chunks` and `close`, over an httpx transport that is handed requests directly.

Redirects, cookies and environment proxies are not followed here; HTTP's failures become UpstreamError.
"""

from __future__ import annotations

import ssl
import weakref
from collections.abc import AsyncIterator, Callable, Mapping
from contextvars import ContextVar
from functools import cache
from typing import Any

import aiohttp
import httpx
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from httpx_aiohttp import AiohttpTransport

from providers.config import ProviderConfig
from providers.dialects.contract import UpstreamRequest
from providers.errors import ErrorKind, UpstreamError

USER_AGENT = "proxysite/0.1"
ERROR_BODY_BYTES = 64 * 1024
"""How much of an error's body is read; the rest says nothing new."""
_KEEP_ALIVE = 75.0
_RESENDS = 2
_OURS = (
    ("user-agent", USER_AGENT),
    # Compressed event streams arrive in lumps, so they are not asked for.
    ("accept-encoding", "identity"),
)


class Trip:
    """What one `open` learns on its way: whether a connection stood already, and whom to tell once one stands."""

    __slots__ = ("connected", "reused")

    def __init__(self, connected: Callable[[], None]) -> None:
        self.connected = connected
        self.reused = False


_trip: ContextVar[Trip | None] = ContextVar("trip", default=None)


class _Connector(aiohttp.TCPConnector):
    """Notes on the current trip that a connection stands and whether it had been used before."""

    def __init__(self) -> None:
        # limit=0: the number of streams is bounded by who is let in, never by a pool that makes others wait.
        super().__init__(limit=0, ssl=_ssl_context(), keepalive_timeout=_KEEP_ALIVE, ttl_dns_cache=30)
        self._known: weakref.WeakSet[Any] = weakref.WeakSet()

    async def connect(
        self, req: ClientRequest, traces: list[aiohttp.tracing.Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        trip = _trip.get()
        if trip is not None:
            trip.reused = connection.protocol in self._known
            self._known.add(connection.protocol)
            trip.connected()
        return connection


class Response:
    """A provider's answer whose body is still coming. Close it, however it ends."""

    __slots__ = ("_compressed", "_stream", "headers", "status")

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        # The httpx response is kept only if it must decompress: it holds the request and with it the whole body.
        self._compressed = response if "content-encoding" in response.headers else None
        self._stream: Any = response.stream

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises UpstreamError(CONNECTION_LOST)."""
        return self._read()

    async def _read(self) -> AsyncIterator[bytes]:
        source = self._stream if self._compressed is None else self._compressed.aiter_bytes()
        try:
            async for data in source:
                yield data
        except (httpx.HTTPError, aiohttp.ClientError) as error:
            raise UpstreamError(
                ErrorKind.CONNECTION_LOST, "The provider's connection broke in the middle of its answer."
            ) from error

    async def read(self, limit: int = ERROR_BODY_BYTES) -> bytes:
        """The body up to `limit` bytes, for answers that are not streams."""
        parts: list[bytes] = []
        size = 0
        async for data in self._read():
            parts.append(data)
            size += len(data)
            if size >= limit:
                break
        return b"".join(parts)[:limit]

    async def close(self) -> None:
        """Give the connection back if the body was read to its end, close it otherwise."""
        try:
            await self._stream.aclose()
        except (httpx.HTTPError, aiohttp.ClientError, OSError):
            # The connection is gone already, which is what closing is for.
            return


class Upstream:
    """The connections to one provider."""

    def __init__(self, provider: ProviderConfig) -> None:
        self.base_url = provider.base_url
        self.proxy_url = provider.proxy_url
        self._urls: dict[str, httpx.URL] = {}
        self.users = 0
        self.retired = False
        self.closed = False
        session = aiohttp.ClientSession(
            connector=_Connector(),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            skip_auto_headers=("user-agent", "accept", "accept-encoding", "content-type"),
        )
        self._transport: httpx.AsyncBaseTransport = AiohttpTransport(
            verify=_ssl_context(), client=session, proxy=httpx.Proxy(self.proxy_url) if self.proxy_url else None
        )

    def serves(self, provider: ProviderConfig) -> bool:
        """Whether these connections are still the right ones for the provider."""
        return self.base_url == provider.base_url and self.proxy_url == provider.proxy_url

    async def open(
        self, request: UpstreamRequest, *, connect_timeout: float, connected: Callable[[], None]
    ) -> Response:
        """Send a request and return when the status is there.

        `connected` is called as soon as a connection stands. Raises UpstreamError of a connection's kinds.
        """
        trip = Trip(connected)
        token = _trip.set(trip)
        try:
            for resend in range(_RESENDS + 1):
                try:
                    return Response(await self._transport.handle_async_request(self._http(request, connect_timeout)))
                except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
                    # A kept connection that the server closed in the meantime: nothing was processed on it.
                    if not (trip.reused and _is_lost(error) and resend < _RESENDS):
                        raise _classified(error) from error
        finally:
            _trip.reset(token)
        raise AssertionError("unreachable: the last try returns or raises")

    def _http(self, request: UpstreamRequest, connect_timeout: float) -> httpx.Request:
        url = self._urls.get(request.path)
        if url is None:
            url = self._urls[request.path] = httpx.URL(self.base_url + request.path)
        return httpx.Request(
            "POST",
            url,
            headers=[*_OURS, *request.headers],
            content=request.body,
            extensions={"timeout": {"connect": connect_timeout}},
        )

    async def close(self) -> None:
        """Close every connection."""
        self.closed = True
        await self._transport.aclose()


class Upstreams:
    """One Upstream per provider; a replaced one is closed when its last stream has ended."""

    def __init__(self) -> None:
        self._by_provider: dict[int, Upstream] = {}
        self._retired: set[Upstream] = set()

    def acquire(self, provider: ProviderConfig) -> Upstream:
        """The provider's connections, in use until `release`."""
        upstream = self._by_provider.get(provider.id)
        if upstream is None or not upstream.serves(provider):
            if upstream is not None:
                self._retire(upstream)
            upstream = self._by_provider[provider.id] = Upstream(provider)
        upstream.users += 1
        return upstream

    async def release(self, upstream: Upstream) -> None:
        """The stream that acquired it has ended."""
        upstream.users -= 1
        if upstream.retired and upstream.users == 0:
            self._retired.discard(upstream)
            await upstream.close()

    async def keep_only(self, providers: Mapping[int, ProviderConfig]) -> None:
        """Retire the connections to providers that are gone or have moved, after a configuration change."""
        for identity, upstream in list(self._by_provider.items()):
            provider = providers.get(identity)
            if provider is None or not upstream.serves(provider):
                del self._by_provider[identity]
                self._retire(upstream)
        for upstream in [unused for unused in self._retired if unused.users == 0]:
            self._retired.discard(upstream)
            await upstream.close()

    async def close(self) -> None:
        """Close everything, at the end of the process."""
        for upstream in (*self._by_provider.values(), *self._retired):
            await upstream.close()
        self._by_provider.clear()
        self._retired.clear()

    def _retire(self, upstream: Upstream) -> None:
        upstream.retired = True
        self._retired.add(upstream)


@cache
def _ssl_context() -> ssl.SSLContext:
    # Made once: loading the certificates costs tens of milliseconds.
    return ssl.create_default_context()


def _cause(error: Exception) -> BaseException:
    """aiohttp's own error: the transport wraps most of them, and nearly all as ConnectTimeout."""
    return error if isinstance(error, aiohttp.ClientError) else error.__cause__ or error


def _is_lost(error: Exception) -> bool:
    cause = _cause(error)
    return isinstance(cause, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError) and not isinstance(
        cause, aiohttp.ClientConnectorError
    )


def _classified(error: Exception) -> UpstreamError:
    """What the failure of an `open` means."""
    cause = _cause(error)
    if isinstance(cause, aiohttp.ClientConnectorDNSError):
        return UpstreamError(ErrorKind.CONNECT, "The provider's host name could not be resolved.")
    if isinstance(cause, aiohttp.ClientSSLError | aiohttp.ClientConnectorCertificateError):
        return UpstreamError(ErrorKind.CONNECT, "No trusted TLS connection to the provider could be made.")
    if isinstance(cause, aiohttp.ServerTimeoutError | TimeoutError):
        return UpstreamError(ErrorKind.CONNECT_TIMEOUT, "The provider could not be reached in time.")
    if isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ClientProxyConnectionError):
        return UpstreamError(ErrorKind.CONNECT, "The provider refused the connection.")
    if isinstance(cause, aiohttp.ClientResponseError):
        return UpstreamError(ErrorKind.MALFORMED, "The provider's answer is not HTTP.")
    if isinstance(cause, aiohttp.InvalidURL):
        return UpstreamError(ErrorKind.CONNECT, "The provider's base URL cannot be called.")
    return UpstreamError(ErrorKind.CONNECTION_LOST, "The provider closed the connection without an answer.")
