"""A provider's connections by aiohttp, behind httpx's transport interface: the other transport, by setting."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from providers.dialects.contract import UpstreamRequest
from providers.outbound import errors
from providers.outbound.causes import connection_error
from providers.outbound.common import ssl_context
from providers.outbound.connection import TracedConnector, when_connected
from providers.outbound.response import OWN_HEADERS, Response


class Body(AsyncIterator[bytes]):
    """The body of an httpx response, which it does not hold: that references the request."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._parts: AsyncIterator[bytes] = aiter(stream)

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._parts)
        except (httpx.HTTPError, aiohttp.ClientError) as error:
            raise errors.broken_answer() from error

    def push_to(self, take: Callable[[bytes], bool]) -> None:
        """It cannot."""

    def is_over(self) -> bool:
        """aiohttp does not tell."""
        return False

    async def aclose(self) -> None:
        """See response.Body."""
        try:
            await self._stream.aclose()
        except (httpx.HTTPError, aiohttp.ClientError, OSError):
            # The connection is closed already.
            return


class Route:
    """The way to one provider, over an httpx transport that is called directly."""

    def __init__(self, check: Callable[[str], None], base_url: str, proxy_url: str | None, *, local: bool) -> None:
        """See wire.route.Route."""
        self._check = check
        self._base_url = base_url
        self._urls: dict[str, httpx.URL] = {}
        session = aiohttp.ClientSession(
            # With a proxy, only the proxy's address is connected to: the administrator's choice.
            connector=TracedConnector(local=local or bool(proxy_url)),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            skip_auto_headers=("user-agent", "accept", "accept-encoding", "content-type"),
        )
        self._transport: httpx.AsyncBaseTransport = AiohttpTransport(
            verify=ssl_context(), client=session, proxy=httpx.Proxy(proxy_url) if proxy_url else None
        )

    async def open(
        self, request: UpstreamRequest, *, connect_timeout: float, connected: Callable[[], None]
    ) -> Response:
        """See Upstream.open."""
        token = when_connected.set(connected)
        try:
            sent = await self._transport.handle_async_request(self._http(request, connect_timeout))
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            raise connection_error(error) from error
        finally:
            when_connected.reset(token)
        return await _response(sent)

    async def close(self) -> None:
        """Close every connection."""
        await self._transport.aclose()

    def _http(self, request: UpstreamRequest, connect_timeout: float) -> httpx.Request:
        url = self._urls.get(request.path)
        if url is None:
            text = self._base_url + request.path
            self._check(text)
            try:
                url = self._urls[request.path] = httpx.URL(text)
            except httpx.InvalidURL as error:
                raise errors.invalid_base_url() from error
        return httpx.Request(
            "POST",
            url,
            headers=[*OWN_HEADERS, *request.headers],
            content=request.body,
            extensions={"timeout": {"connect": connect_timeout}},
        )


async def _response(sent: httpx.Response) -> Response:
    plain: dict[bytes, bytes] = {}
    for name, value in sent.headers.raw:
        name = name.lower()
        plain[name] = b"%b, %b" % (plain[name], value) if name in plain else value
    response = Response(sent.status_code, plain, Body(sent.stream))
    if not 200 <= response.status < 300 and response.status < 400:
        await response.close()
        raise errors.not_http() if response.status < 200 else errors.redirected(response.status)
    return response
