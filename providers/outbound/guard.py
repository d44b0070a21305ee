"""The guarded client: every connection that this gateway makes goes to an address that was looked at.

The check sits where a socket is made, so the address that was checked is the one that is connected to, however a name
resolves the next time. A connection that stands is not looked at again. Proxy variables of the environment are ignored.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import aiohttp
import msgspec
import yarl

from providers.outbound.addresses import Refusal, refusal_of, refusal_of_host

USER_AGENT = "proxysite/0.1"
MOST_REDIRECTS = 3
_MOVED = frozenset({301, 302, 303, 307, 308})


class AddressRefused(OSError):
    """A connection would have led to an address that must not be called."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"The address is {refusal}.")
        self.refusal = refusal


class FetchFailed(Exception):
    """A download that was refused or went wrong; `reason` ends the sentence `It could not be fetched: ...`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Fetched(msgspec.Struct, frozen=True):
    """A small file: its bytes, and what the server says it is, in lower case and without parameters."""

    content: bytes
    content_type: str


class GuardedConnector(aiohttp.TCPConnector):
    """A connector that opens sockets to allowed addresses only; `local` allows private ones."""

    def __init__(self, *, local: bool, **options: Any) -> None:
        # limit=0: the number of streams is bounded by who is let in, never by a pool that makes others wait.
        super().__init__(limit=0, ssl=ssl_context(), socket_factory=partial(_checked_socket, local), **options)


@cache
def ssl_context() -> ssl.SSLContext:
    """Made once: loading the certificates costs tens of milliseconds."""
    return ssl.create_default_context()


def refusal_in(error: BaseException | None) -> Refusal | None:
    """Why the guard refused the connection that failed with `error`, or None if it failed for another reason."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return cause.refusal if isinstance(cause, AddressRefused) else None


async def fetch(
    url: str,
    *,
    most_bytes: int,
    seconds: float,
    local: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Fetched:
    """Download a small file; every redirect is looked at like the first address. `local` allows private addresses.

    With `headers`, which may hold a secret, no redirect is followed.
    Raises FetchFailed, whose reason never repeats the URL: its query may hold secrets.
    """
    connector = GuardedConnector(local=local, force_close=True)
    jar = aiohttp.DummyCookieJar()
    try:
        async with (
            asyncio.timeout(seconds),
            aiohttp.ClientSession(
                connector=connector, cookie_jar=jar, trust_env=False, auto_decompress=False
            ) as session,
        ):
            target = _checked_url(url, local)
            for _ in range(MOST_REDIRECTS + 1):
                fetched = await _hop(session, target, most_bytes, local, headers or {})
                if isinstance(fetched, Fetched):
                    return fetched
                if headers:
                    raise FetchFailed("its server redirects elsewhere")
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
    session: aiohttp.ClientSession, url: yarl.URL, most_bytes: int, local: bool, headers: Mapping[str, str]
) -> Fetched | yarl.URL:
    """One request: the file, or where it has moved to."""
    ours = {"user-agent": USER_AGENT, "accept-encoding": "identity"}
    async with session.get(url, headers={**ours, **headers}, allow_redirects=False) as response:
        if response.status in _MOVED and "location" in response.headers:
            return _checked_url(str(url.join(yarl.URL(response.headers["location"]))), local)
        if response.status != 200:
            raise FetchFailed(f"its server answered HTTP {response.status}")
        if (response.content_length or 0) > most_bytes:
            raise FetchFailed(_too_large(most_bytes))
        content = bytearray()
        async for data in response.content.iter_any():
            content += data
            if len(content) > most_bytes:
                raise FetchFailed(_too_large(most_bytes))
        content_type = response.headers.get("content-type", "")
        return Fetched(bytes(content), content_type.partition(";")[0].strip().lower())


def _checked_url(url: str, local: bool) -> yarl.URL:
    """A URL that may be asked for. What its name resolves to is looked at when the socket is made."""
    try:
        parsed = yarl.URL(url)
        host = parsed.host
    except ValueError as error:
        raise FetchFailed("its address cannot be read") from error
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
    """A socket for one address of a name. Raises AddressRefused."""
    family, kind, protocol, _, address = info
    refusal = refusal_of(address[0], local=local)
    if refusal is not None:
        raise AddressRefused(refusal)
    return socket.socket(family=family, type=kind, proto=protocol)
