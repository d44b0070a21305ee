"""The guarded client: it checks the address of every connection that the gateway makes.

The check is where the socket is created, so the checked address is the one that is connected to, however the name
resolves the next time. An open connection is not checked again. Proxy variables of the environment are ignored.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import aiohttp
import yarl
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import RawResponseMessage
from aiohttp.http_exceptions import HttpProcessingError

from providers.outbound.addresses import Refusal, refusal_of, refusal_of_host
from providers.outbound.common import USER_AGENT, ssl_context
from providers.outbound.downloads import Fetched, FetchFailed
from providers.outbound.errors import MOST_INFORMATIONAL

MOST_REDIRECTS = 3
_MOVED = frozenset({301, 302, 303, 307, 308})


class AddressRefused(OSError):
    """The connection would go to an address that must not be called."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"The address is {refusal}.")
        self.refusal = refusal


class TooManyHeads(HttpProcessingError):
    """A server went on with informational responses (1xx) in place of an answer."""

    def __init__(self) -> None:
        super().__init__(code=502, message="too many informational responses")


class BoundedHandler(ResponseHandler):
    """A connection that takes a few informational responses (1xx) before an answer, and no more."""

    informational = 0

    def feed_data(self, data: tuple[RawResponseMessage, Any], size: int = 0) -> None:
        """Called with each head of a response, informational ones too."""
        if data[0].code < 200:
            self.informational += 1
        if self.informational > MOST_INFORMATIONAL:
            if self.transport is not None and not self.transport.is_closing():
                self.set_exception(TooManyHeads())
                self.transport.abort()
            return
        if data[0].code >= 200:
            self.informational = 0
        super().feed_data(data, size)


class GuardedConnector(aiohttp.TCPConnector):
    """A connector that opens sockets to allowed addresses only; `local` allows private ones."""

    handler: type[ResponseHandler] = BoundedHandler

    def __init__(self, *, local: bool, **options: Any) -> None:
        # limit=0: admission bounds the number of streams, never a pool that makes others wait.
        super().__init__(limit=0, ssl=ssl_context(), socket_factory=partial(_checked_socket, local), **options)
        self._factory = partial(self.handler, self._loop)


def refusal_in(error: BaseException | None) -> Refusal | None:
    """Returns why the guard refused the connection that failed with `error`, or None for any other failure."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return cause.refusal if isinstance(cause, AddressRefused) else None


async def fetch(
    url: str,
    most_bytes: int,
    seconds: float,
    local: bool,
    headers: Mapping[str, str] | None,
    proxy: str | None,
    arrived: Callable[[int], None],
) -> Fetched:
    """See downloads.fetch."""
    connector = GuardedConnector(local=local or proxy is not None, force_close=True)
    jar = aiohttp.DummyCookieJar()
    try:
        async with (
            asyncio.timeout(seconds),
            aiohttp.ClientSession(
                connector=connector, cookie_jar=jar, trust_env=False, auto_decompress=False, proxy=proxy
            ) as session,
        ):
            target = checked_url(url, local)
            for _ in range(MOST_REDIRECTS + 1):
                fetched = await _hop(session, target, most_bytes, local, headers or {}, arrived)
                if isinstance(fetched, Fetched):
                    return fetched
                if headers:
                    raise FetchFailed("its server redirects to another address")
                target = fetched
    except TimeoutError as error:
        raise FetchFailed(f"its server did not send it within {seconds:g} s") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        refusal = refusal_in(error)
        raise FetchFailed(
            "its server could not be reached" if refusal is None else f"its address is {refusal}"
        ) from error
    raise FetchFailed(f"its server redirected more than {MOST_REDIRECTS} times")


async def _hop(
    session: aiohttp.ClientSession,
    url: yarl.URL,
    most_bytes: int,
    local: bool,
    headers: Mapping[str, str],
    arrived: Callable[[int], None],
) -> Fetched | yarl.URL:
    """Sends one request; returns the file, or the URL it redirects to."""
    ours = {"user-agent": USER_AGENT, "accept-encoding": "identity"}
    async with session.get(url, headers={**ours, **headers}, allow_redirects=False) as response:
        if response.status in _MOVED and "location" in response.headers:
            return checked_url(str(url.join(yarl.URL(response.headers["location"]))), local)
        if response.status != 200:
            raise FetchFailed(f"its server answered HTTP {response.status}", response.status)
        if (response.content_length or 0) > most_bytes:
            raise FetchFailed(_too_large(most_bytes))
        content = bytearray()
        async for data in response.content.iter_any():
            content += data
            arrived(len(data))
            if len(content) > most_bytes:
                raise FetchFailed(_too_large(most_bytes))
        content_type = response.headers.get("content-type", "")
        return Fetched(bytes(content), content_type.partition(";")[0].strip().lower())


def checked_url(url: str, local: bool) -> yarl.URL:
    """Returns a URL that may be called. What its name resolves to is checked when the socket is created."""
    try:
        parsed = yarl.URL(url)
        host = parsed.host
    except ValueError as error:
        raise FetchFailed("its address is not a URL") from error
    if parsed.scheme not in ("http", "https") or not host:
        raise FetchFailed("its address does not start with https:// or http://")
    if parsed.user is not None or parsed.password is not None:
        raise FetchFailed("its address holds a user or a password")
    refusal = refusal_of_host(host, local=local)
    if refusal is not None:
        raise FetchFailed(f"its address is {refusal}")
    return parsed


def _too_large(most_bytes: int) -> str:
    return f"it is larger than {most_bytes // 1_000_000} MB"


def _checked_socket(local: bool, info: tuple[Any, ...]) -> socket.socket:
    """Returns a socket for one address of a name. Raises AddressRefused."""
    family, kind, protocol, _, address = info
    refusal = refusal_of(address[0], local=local)
    if refusal is not None:
        raise AddressRefused(refusal)
    return socket.socket(family=family, type=kind, proto=protocol)
