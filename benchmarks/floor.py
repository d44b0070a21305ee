"""The floor under every gateway: a relay that copies bytes between a client and the upstream, and understands nothing.

`python -m benchmarks.floor UPSTREAM_PORT` prints its own port; ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop


class Side(asyncio.Protocol):
    """One end of a pair of connections; what comes here goes out on the other end."""

    def __init__(self, other: Side | None, upstream_port: int) -> None:
        self._other = other
        self._upstream_port = upstream_port
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._other is None:
            self._other = other = Side(self, self._upstream_port)
            loop = asyncio.get_running_loop()
            self._dialling = loop.create_task(loop.create_connection(lambda: other, "127.0.0.1", self._upstream_port))
        for data in self._early:
            self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        if self._other is not None:
            self._other.write(data)

    def write(self, data: bytes) -> None:
        """Send on this end, or keep it until the connection stands."""
        if self._transport is None:
            self._early.append(data)
        else:
            self._transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._other is not None and self._other._transport is not None:
            self._other._transport.close()

    def pause_writing(self) -> None:
        if self._other is not None and self._other._transport is not None:
            self._other._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._other is not None and self._other._transport is not None:
            self._other._transport.resume_reading()


async def _serve(upstream_port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Side(None, upstream_port), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
