"""Makes connections: resolves a name, looks at every address, connects to the first that answers, TLS, proxies."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any, NamedTuple

from aiohappyeyeballs import start_connection

from providers.outbound import errors
from providers.outbound.addresses import refusal_of
from providers.outbound.common import ssl_context
from providers.outbound.wire import limits
from providers.outbound.wire.connection import Connection
from providers.outbound.wire.reader import HEAD
from providers.outbound.wire.target import Origin, Proxy

Gone = Callable[[Connection], None]


class _Address(NamedTuple):
    """As getaddrinfo returns them."""

    family: int
    kind: int
    protocol: int
    name: str
    address: Any


class Dialler:
    """Makes connections to `origin`, through `proxy` if there is one; `local` allows private addresses.

    With a proxy only the proxy's address is connected to: the administrator's choice, so it may be private.
    """

    def __init__(self, origin: Origin, proxy: Proxy | None, *, local: bool) -> None:
        self._origin = origin
        self._proxy = proxy
        self._local = local or proxy is not None
        self._found: Sequence[_Address] = ()
        self._found_until = 0.0
        self._asking: asyncio.Task[Sequence[_Address]] | None = None

    async def dial(self, seconds: float | None, gone: Gone) -> Connection:
        """Returns a connection that a request can be sent on. Raises UpstreamError."""
        try:
            async with asyncio.timeout(seconds):
                try:
                    return await self._dial(gone)
                except (ssl.SSLError, ssl.CertificateError) as error:
                    raise errors.tls_failed() from error
                except (OSError, RuntimeError) as error:
                    raise errors.connection_refused() from error
        except TimeoutError as error:
            raise errors.connect_timeout() from error

    def close(self) -> None:
        """Ends what is under way for several callers."""
        if self._asking is not None:
            self._asking.cancel()

    async def _dial(self, gone: Gone) -> Connection:
        hop = self._origin if self._proxy is None else self._proxy.origin
        sock = await start_connection(
            [tuple(one) for one in await self._allowed(hop)], happy_eyeballs_delay=limits.NEXT_ADDRESS
        )
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection = await _over(sock, hop, gone)
        except BaseException:
            sock.close()
            raise
        if self._proxy is None or self._origin.scheme == "http":
            return connection
        try:
            return await self._tunnel(connection, self._proxy, gone)
        except BaseException:
            connection.abort()
            raise

    async def _allowed(self, hop: Origin) -> list[_Address]:
        """The addresses of a host that may be called. Raises UpstreamError where there is none."""
        found = await self._resolved(hop)
        judged = [(one, refusal_of(one.address[0], local=self._local)) for one in found]
        allowed = [one for one, refusal in judged if refusal is None]
        if not allowed:
            refusal = next((refusal for _, refusal in judged if refusal is not None), None)
            raise errors.host_unknown() if refusal is None else errors.address_refused(refusal)
        return allowed

    async def _resolved(self, hop: Origin) -> Sequence[_Address]:
        try:
            version = ip_address(hop.host).version
        except ValueError:
            pass
        else:
            family = socket.AF_INET if version == 4 else socket.AF_INET6
            return [_Address(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (hop.host, hop.port))]
        loop = asyncio.get_running_loop()
        if self._found_until <= loop.time():
            if self._asking is None:
                self._asking = loop.create_task(self._ask(hop))
                self._asking.add_done_callback(self._asked)
            try:
                # The others that wait for it may go on when one of them is cancelled.
                return await asyncio.shield(self._asking)
            except (OSError, UnicodeError) as error:
                raise errors.host_unknown() from error
        return self._found

    async def _ask(self, hop: Origin) -> Sequence[_Address]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(hop.host, hop.port, type=socket.SOCK_STREAM)
        self._found = [_Address(*one) for one in found]
        self._found_until = loop.time() + limits.RESOLVED_SECONDS
        return self._found

    def _asked(self, task: asyncio.Task[Sequence[_Address]]) -> None:
        self._asking = None
        if not task.cancelled():
            task.exception()  # Nobody may be left to look at it.

    async def _tunnel(self, outer: Connection, proxy: Proxy, gone: Gone) -> Connection:
        """TLS to the server through the proxy's connection. Raises UpstreamError where the proxy refuses."""
        outer.send_through(proxy.connect(self._origin))
        while outer.phase == HEAD:
            await outer.wait()
        if outer.head is None and outer.answering is False:
            raise errors.no_answer()
        if outer.head is None or not 200 <= outer.head.status < 300 or outer.transport is None:
            raise errors.not_http()
        loop = asyncio.get_running_loop()
        inner = Connection(loop, gone)
        transport = await loop.start_tls(
            outer.transport, inner, ssl_context(), server_hostname=self._origin.host.rstrip(".")
        )
        if transport is None:
            raise errors.tls_failed()
        inner.connection_made(transport)
        return inner


async def _over(sock: socket.socket, hop: Origin, gone: Gone) -> Connection:
    loop = asyncio.get_running_loop()
    options: dict[str, Any] = {}
    if hop.scheme == "https":
        options = {"ssl": ssl_context(), "server_hostname": hop.host.rstrip(".")}
    _, connection = await loop.create_connection(lambda: Connection(loop, gone), sock=sock, **options)
    return connection
