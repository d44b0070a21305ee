"""The way to a provider: `open`, `chunks` and `close`, over an httpx transport that is handed requests directly.

Connections are made by the guarded client. Redirects and cookies are not followed; failures become UpstreamError.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Callable, Mapping
from contextvars import ContextVar
from typing import Any

import aiohttp
import httpx
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from httpx_aiohttp import AiohttpTransport

from providers.config import ProviderConfig
from providers.dialects.contract import UpstreamRequest
from providers.errors import ErrorKind, UpstreamError
from providers.outbound.addresses import refusal_of_host
from providers.outbound.failures import cannot_be_called, classified, is_lost, refused
from providers.outbound.guard import USER_AGENT, GuardedConnector, ssl_context

ERROR_BODY_BYTES = 64 * 1024
"""How much of an error's body is read; the rest says nothing new."""
_KEEP_ALIVE = 75.0
_DRAIN = 1.0
"""Seconds to read on after an answer's end."""
_RESENDS = 2
_REQUEST_ID_HEADERS = (
    *("request-id", "x-request-id", "x-generation-id", "x-amzn-requestid", "apim-request-id", "x-ms-request-id"),
    "cf-ray",
)
OWN_HEADERS = (
    ("user-agent", USER_AGENT),
    # Compressed event streams arrive in lumps, so they are not asked for.
    ("accept-encoding", "identity"),
)
"""What every request to a provider says beside the dialect's headers."""


class Trip:
    """What one `open` learns on its way: whether a connection stood already, and whom to tell once one stands."""

    __slots__ = ("connected", "reused")

    def __init__(self, connected: Callable[[], None]) -> None:
        self.connected = connected
        self.reused = False


_trip: ContextVar[Trip | None] = ContextVar("trip", default=None)


class _Connector(GuardedConnector):
    """Notes on the current trip that a connection stands and whether it had been used before."""

    def __init__(self, *, local: bool) -> None:
        super().__init__(local=local, keepalive_timeout=_KEEP_ALIVE, ttl_dns_cache=30)
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

    @property
    def request_id(self) -> str:
        """The provider's id of the request, "" when it sends none."""
        for name in _REQUEST_ID_HEADERS:
            value = self.headers.get(name)
            if value:
                return value[:120]
        return ""

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

    async def drain(self, chunks: AsyncIterator[bytes]) -> None:
        """Read what follows an answer's end (usually nothing), or the connection could not be used again."""
        try:
            async with asyncio.timeout(_DRAIN):
                async for _ in chunks:
                    pass
        except (TimeoutError, UpstreamError):
            # Whoever asked has the whole answer; the connection is closed instead of kept.
            return

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
        self.is_local = provider.is_local
        self._urls: dict[str, httpx.URL] = {}
        self.users = 0
        self.retired = False
        self.closed = False
        session = aiohttp.ClientSession(
            # The only address that is connected to for a proxied provider is the proxy's: the administrator's choice.
            connector=_Connector(local=self.is_local or bool(self.proxy_url)),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            skip_auto_headers=("user-agent", "accept", "accept-encoding", "content-type"),
        )
        self._transport: httpx.AsyncBaseTransport = AiohttpTransport(
            verify=ssl_context(), client=session, proxy=httpx.Proxy(self.proxy_url) if self.proxy_url else None
        )

    def serves(self, provider: ProviderConfig) -> bool:
        """Whether these connections are still the right ones for the provider."""
        return (self.base_url, self.proxy_url, self.is_local) == (
            provider.base_url,
            provider.proxy_url,
            provider.is_local,
        )

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
                    sent = await self._transport.handle_async_request(self._http(request, connect_timeout))
                except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
                    # A kept connection that the server closed in the meantime: nothing was processed on it.
                    if not (trip.reused and is_lost(error) and resend < _RESENDS):
                        raise classified(error) from error
                else:
                    return await _not_moved(Response(sent))
        finally:
            _trip.reset(token)
        raise AssertionError("unreachable: the last try returns or raises")

    def _http(self, request: UpstreamRequest, connect_timeout: float) -> httpx.Request:
        url = self._urls.get(request.path)
        if url is None:
            url = self._urls[request.path] = self._checked_url(request.path)
        return httpx.Request(
            "POST",
            url,
            headers=[*OWN_HEADERS, *request.headers],
            content=request.body,
            extensions={"timeout": {"connect": connect_timeout}},
        )

    def _checked_url(self, path: str) -> httpx.URL:
        """Once a path: names are looked at when they are resolved, but what a proxy is asked for only here."""
        try:
            url = httpx.URL(self.base_url + path)
        except httpx.InvalidURL as error:
            raise cannot_be_called() from error
        if url.scheme not in ("http", "https") or not url.host:
            raise cannot_be_called()
        refusal = refusal_of_host(url.host, local=self.is_local)
        if refusal is not None:
            raise refused(refusal)
        return url

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


async def _not_moved(response: Response) -> Response:
    """The response, unless it sends us elsewhere: nobody has looked at where."""
    if not 300 <= response.status < 400:
        return response
    await response.close()
    raise UpstreamError(
        ErrorKind.MALFORMED,
        "The provider redirects to another address, and redirects are not followed: "
        "an administrator must set its base URL to where it has moved.",
        status=response.status,
    )
