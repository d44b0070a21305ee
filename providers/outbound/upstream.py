"""The connections to a provider: `open`, `chunks` and `close`, over an httpx transport called directly.

The guarded client makes the connections. Redirects and cookies are not followed; failures become UpstreamError.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from providers.config import ProviderConfig
from providers.dialects.contract import Decoder, UpstreamRequest
from providers.errors import ErrorKind, UpstreamError
from providers.events import Event
from providers.outbound.addresses import refusal_of_host
from providers.outbound.compression import compressed_by, unreadable_compression
from providers.outbound.connection import OpenTrace, TracedConnector, open_trace
from providers.outbound.errors import address_refused, connection_error, invalid_base_url, is_connection_lost
from providers.outbound.guard import USER_AGENT, ssl_context
from usage.sentence import Sentence

ERROR_BODY_BYTES = 64 * 1024
"""How much of an error's body is read."""
_DRAIN = 1.0
"""Seconds to keep reading after an answer's end."""
_RESENDS = 2
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


class Response:
    """A provider's response whose body is still arriving. Always close it."""

    __slots__ = ("_compressed", "_plain", "_stream", "_unreadable", "headers", "status")

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        # Each look into httpx's own headers goes through all of them.
        self._plain = {name.lower(): value for name, value in response.headers.raw}
        # The httpx response is held only if it must decompress: it references the request and its body.
        self._compressed = response if b"content-encoding" in self._plain else None
        self._unreadable = "" if self._compressed is None else unreadable_compression(response.headers)
        self._stream: Any = response.stream

    @property
    def request_id(self) -> str:
        """The provider's id of the request, "" when it sends none."""
        for name in _REQUEST_ID_HEADERS:
            value = self._plain.get(name)
            if value:
                return value.decode("latin-1")[:120]
        return ""

    @property
    def content_type(self) -> str:
        """What the body is, "" where the provider does not say."""
        return self._plain.get(b"content-type", b"").decode("latin-1")

    def chunks(self) -> AsyncIterator[bytes]:
        """Yields the body as it arrives. Raises UpstreamError(CONNECTION_LOST)."""
        return self._read()

    async def _read(self) -> AsyncIterator[bytes]:
        if self._unreadable:
            raise UpstreamError(ErrorKind.MALFORMED, compressed_by(self._unreadable), status=self.status)
        source = self._stream if self._compressed is None else self._compressed.aiter_bytes()
        try:
            async for data in source:
                yield data
        except (httpx.HTTPError, aiohttp.ClientError) as error:
            raise UpstreamError(
                ErrorKind.CONNECTION_LOST, "The provider's connection broke in the middle of its answer."
            ) from error

    async def read(self, limit: int = ERROR_BODY_BYTES) -> bytes:
        """Returns the body up to `limit` bytes, for responses that are not streams.

        An error whose compression cannot be read keeps its status: its text says so.
        """
        if self._unreadable and self.status >= 400:
            return compressed_by(self._unreadable).encode()
        parts: list[bytes] = []
        size = 0
        async for data in self._read():
            parts.append(data)
            size += len(data)
            if size >= limit:
                break
        return b"".join(parts)[:limit]

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

    async def close(self) -> None:
        """Returns the connection to the pool if the body was read to its end, else closes it."""
        try:
            await self._stream.aclose()
        except (httpx.HTTPError, aiohttp.ClientError, OSError):
            # The connection is closed already.
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
            # With a proxy, only the proxy's address is connected to: the administrator's choice.
            connector=TracedConnector(local=self.is_local or bool(self.proxy_url)),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            skip_auto_headers=("user-agent", "accept", "accept-encoding", "content-type"),
        )
        self._transport: httpx.AsyncBaseTransport = AiohttpTransport(
            verify=ssl_context(), client=session, proxy=httpx.Proxy(self.proxy_url) if self.proxy_url else None
        )

    def serves(self, provider: ProviderConfig) -> bool:
        """Returns whether these connections match the provider's present address."""
        return (self.base_url, self.proxy_url, self.is_local) == (
            provider.base_url,
            provider.proxy_url,
            provider.is_local,
        )

    async def open(
        self, request: UpstreamRequest, *, connect_timeout: float, connected: Callable[[], None]
    ) -> Response:
        """Sends a request and returns when the status has arrived.

        `connected` is called once a connection is established. Raises UpstreamError of the connection kinds.
        """
        trace = OpenTrace(connected)
        token = open_trace.set(trace)
        try:
            for resend in range(_RESENDS + 1):
                try:
                    sent = await self._transport.handle_async_request(self._http(request, connect_timeout))
                except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
                    # Only what the server cannot have processed is sent again under the same id.
                    again = resend < _RESENDS and is_connection_lost(error) and trace.surely_unseen(request.body)
                    if not again:
                        raise connection_error(error) from error
                else:
                    return await _refuse_redirect(Response(sent))
        finally:
            open_trace.reset(token)
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
        """Checks a URL once per path: names are checked when they are resolved, but a proxy's target only here."""
        try:
            url = httpx.URL(self.base_url + path)
        except httpx.InvalidURL as error:
            raise invalid_base_url() from error
        if url.scheme not in ("http", "https") or not url.host:
            raise invalid_base_url()
        refusal = refusal_of_host(url.host, local=self.is_local)
        if refusal is not None:
            raise address_refused(refusal)
        return url

    async def close(self) -> None:
        """Close every connection."""
        self.closed = True
        await self._transport.aclose()


class Upstreams:
    """One Upstream per provider; a replaced one is closed after its last stream."""

    def __init__(self) -> None:
        self._by_provider: dict[int, Upstream] = {}
        self._retired: set[Upstream] = set()

    def acquire(self, provider: ProviderConfig) -> Upstream:
        """Returns the provider's connections, in use until `release`."""
        upstream = self._by_provider.get(provider.id)
        if upstream is None or not upstream.serves(provider):
            if upstream is not None:
                self._retire(upstream)
            upstream = self._by_provider[provider.id] = Upstream(provider)
        upstream.users += 1
        return upstream

    async def release(self, upstream: Upstream) -> None:
        """Ends the use that `acquire` began."""
        upstream.users -= 1
        if upstream.retired and upstream.users == 0:
            self._retired.discard(upstream)
            await upstream.close()

    async def keep_only(self, providers: Mapping[int, ProviderConfig]) -> None:
        """Retires the connections to removed or changed providers, after a configuration change."""
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


async def _refuse_redirect(response: Response) -> Response:
    """Returns the response unless it is a redirect, whose target has not been checked."""
    if not 300 <= response.status < 400:
        return response
    await response.close()
    raise UpstreamError(
        ErrorKind.MALFORMED,
        Sentence(
            "The provider redirects to another address, and redirects are not followed: "
            "an administrator must set its base URL to the new address.",
            code="provider_redirects",
        ),
        status=response.status,
    )
