"""The connections to a provider: `open`, `chunks` and `close`, over the transport that UPSTREAM_TRANSPORT names.

Redirects and cookies are not followed; failures become UpstreamError.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from django.conf import settings

from providers.config import ProviderConfig
from providers.dialects.contract import UpstreamRequest
from providers.outbound.addresses import refusal_of_host
from providers.outbound.errors import address_refused, invalid_base_url
from providers.outbound.response import OWN_HEADERS, Response
from providers.outbound.wire.route import Route as WireRoute

__all__ = ["OWN_HEADERS", "Response", "Upstream", "Upstreams"]


class _Route(Protocol):
    def open(
        self, request: UpstreamRequest, *, connect_timeout: float, connected: Callable[[], None]
    ) -> Coroutine[Any, Any, Response]: ...

    async def close(self) -> None: ...


class Upstream:
    """The connections to one provider."""

    def __init__(self, provider: ProviderConfig) -> None:
        self.base_url = provider.base_url
        self.proxy_url = provider.proxy_url
        self.is_local = provider.is_local
        self.users = 0
        self.retired = False
        self.closed = False
        self._route: _Route = _transport()(self._check, self.base_url, self.proxy_url, local=self.is_local)

    def serves(self, provider: ProviderConfig) -> bool:
        """Returns whether these connections match the provider's present address."""
        return (self.base_url, self.proxy_url, self.is_local) == (
            provider.base_url,
            provider.proxy_url,
            provider.is_local,
        )

    def open(
        self, request: UpstreamRequest, *, connect_timeout: float, connected: Callable[[], None]
    ) -> Coroutine[Any, Any, Response]:
        """Sends a request and returns, once awaited, when the status has arrived.

        `connected` is called once a connection is established. Raises UpstreamError of the connection kinds.
        """
        return self._route.open(request, connect_timeout=connect_timeout, connected=connected)

    def _check(self, url: str) -> None:
        """Checks a URL once per path: names are checked when they are resolved, but a proxy's target only here."""
        try:
            parts = urlsplit(url)
            host = parts.hostname
        except ValueError as error:
            raise invalid_base_url() from error
        if parts.scheme not in ("http", "https") or not host:
            raise invalid_base_url()
        refusal = refusal_of_host(host, local=self.is_local)
        if refusal is not None:
            raise address_refused(refusal)

    async def close(self) -> None:
        """Close every connection."""
        self.closed = True
        await self._route.close()


def _transport() -> Callable[..., _Route]:
    if settings.UPSTREAM_TRANSPORT == "wire":
        return WireRoute
    # Its libraries are loaded where they are used.
    from providers.outbound.by_aiohttp import Route as AiohttpRoute

    return AiohttpRoute


class Upstreams:
    """One Upstream per provider; a replaced one is closed after its last stream."""

    def __init__(self) -> None:
        _transport()  # Loaded before the first request.
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
