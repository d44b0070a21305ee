"""A provider's connections, as Upstream uses them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from providers.dialects.contract import UpstreamRequest
from providers.outbound import errors
from providers.outbound.response import OWN_HEADERS, Response
from providers.outbound.wire.body import Body
from providers.outbound.wire.connection import Connection
from providers.outbound.wire.dial import Dialler
from providers.outbound.wire.pool import Pool
from providers.outbound.wire.target import Origin, Proxy, Target, split


class Route:
    """The way to one provider, whose base URL names one server."""

    def __init__(self, check: Callable[[str], None], base_url: str, proxy_url: str | None, *, local: bool) -> None:
        """`check` gets each URL once, and raises UpstreamError for one that is not called."""
        self._check = check
        self._base_url = base_url
        self._proxy_url = proxy_url
        self._local = local
        self._targets: dict[str, Target] = {}
        self._origin: Origin | None = None
        self._pool: Pool | None = None

    def open(
        self, request: UpstreamRequest, *, connect_timeout: float, connected: Callable[[], None]
    ) -> Coroutine[Any, Any, Response]:
        """See Upstream.open."""
        target = self._targets.get(request.path) or self._target(request.path)
        body = request.body
        assert self._pool is not None
        return self._pool.ask(
            target.head(request.headers, len(body)),
            body,
            connect_timeout=connect_timeout,
            connected=connected,
            made=self._response,
        )

    async def close(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            await self._pool.close()

    def _target(self, path: str) -> Target:
        url = self._base_url + path
        self._check(url)
        try:
            origin, wanted = split(url)
            proxy = None if self._proxy_url is None else Proxy(self._proxy_url)
        except ValueError as error:
            raise errors.invalid_base_url() from error
        if self._pool is None:
            self._origin, self._pool = origin, Pool(Dialler(origin, proxy, local=self._local))
        if origin != self._origin:
            raise errors.invalid_base_url()
        target = self._targets[path] = Target(origin, wanted, OWN_HEADERS, proxy)
        return target

    def _response(self, connection: Connection) -> Response:
        head, pool = connection.head, self._pool
        assert head is not None
        assert pool is not None
        if 300 <= head.status < 400:
            pool.give_back(connection)
            raise errors.redirected(head.status)
        return Response(head.status, head.fields, Body(connection, pool))
