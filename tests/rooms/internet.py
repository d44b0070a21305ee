"""A pretended internet for one event loop: names resolve as a test says, public addresses lead to a server of its own.

Only the loop's two system calls are replaced, so that everything above them is the real thing.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

PUBLIC = "93.184.216.34"
PUBLIC_TOO = "93.184.216.35"


class Internet:
    """What names resolve to (one answer after the other, the last one again and again) and who was connected to."""

    def __init__(self, **names: list[list[str]]) -> None:
        self.asked: list[str] = []
        self.called: list[str] = []
        self._names = {name.replace("_", "."): list(answers) for name, answers in names.items()}
        self._port = 0

    def replace(self, port: int) -> None:
        """Stand between the running loop and the world; what is public is the server at `port` of this machine."""
        loop: Any = asyncio.get_running_loop()
        self._port = port
        self._connect = loop.sock_connect
        loop.getaddrinfo = self._resolved
        loop.sock_connect = self._connected

    async def _resolved(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked.append(host)
        answers = self._names[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (a, port)) for a in addresses]

    async def _connected(self, sock: socket.socket, address: tuple[str, int]) -> None:
        self.called.append(address[0])
        if address[0] in (PUBLIC, PUBLIC_TOO):
            address = ("127.0.0.1", self._port)
        assert address[0] == "127.0.0.1", f"a test would have called {address[0]}"
        await self._connect(sock, address)
