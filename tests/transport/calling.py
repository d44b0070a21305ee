"""Requests through the connections of a provider, in a loop of the kind that a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvloop

from providers.config import ProviderConfig
from providers.dialects.contract import UpstreamRequest
from providers.errors import UpstreamError
from providers.outbound.upstream import Response, Upstream
from tests.harness.patience import PATIENCE

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


def run(loop: str, test: Callable[[], Awaitable[None]]) -> None:
    """A test in a loop of its own, which must end in time."""

    async def main() -> None:
        async with asyncio.timeout(PATIENCE):
            await test()

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(main())


def provider(base_url: str, proxy_url: str | None = None) -> ProviderConfig:
    """A provider on this machine."""
    return ProviderConfig(1, "p", "openai_chat", base_url, proxy_url=proxy_url, is_local=True)


def asking(body: bytes = b"{}", path: str = "/chat") -> UpstreamRequest:
    """A request."""
    return UpstreamRequest(path, (("content-type", "text/plain"),), body)


class Called(Upstream):
    """The connections to a provider, closed at the end of `async with`."""

    async def __aenter__(self) -> Called:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def response(self, body: bytes = b"{}", *, seconds: float = PATIENCE) -> Response:
        """A response whose body is still to be read."""
        return await self.open(asking(body), connect_timeout=seconds, connected=lambda: None)

    async def whole(self, body: bytes = b"{}", *, limit: int = 1 << 30) -> bytes:
        """The body of a response."""
        response = await self.response(body)
        try:
            return await response.read(limit)
        finally:
            await response.close()

    async def failure(self, body: bytes = b"{}", *, seconds: float = PATIENCE) -> tuple[str, str | None]:
        """The kind of the error that a request ends with, and its code."""
        try:
            response = await self.response(body, seconds=seconds)
            try:
                raise AssertionError(f"answered {response.status} {await response.read(1 << 30)!r}")
            finally:
                await response.close()
        except UpstreamError as error:
            return error.kind.value, getattr(error.message, "code", None)


@contextmanager
def counted_descriptors() -> Iterator[Callable[[], int]]:
    """How many descriptors this process has open."""
    from pathlib import Path

    folder = Path("/proc/self/fd")
    if not folder.exists():
        pytest.skip("only Linux tells")
    yield lambda: len(list(folder.iterdir()))


def names(loop: Any, **addresses: list[str]) -> None:
    """From now on names of the running loop resolve so; `_` stands for a dot."""
    import socket

    known = {name.replace("_", "."): found for name, found in addresses.items()}

    async def resolved(host: str, port: int, **_: Any) -> list[Any]:
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (one, port, 0, 0))
            if ":" in one
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
            for one in known.get(host, [host])  # uvloop looks up addresses as well
        ]

    loop.getaddrinfo = resolved
