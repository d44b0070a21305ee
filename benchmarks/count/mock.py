"""The whole server's other ends, both in one process: the upstream and the client, in step with each other.

The upstream sends a chunk when the client has the one before. So every chunk arrives alone, however slow the gateway.
"""

from __future__ import annotations

import asyncio
import ssl

from benchmarks import answers
from benchmarks.count.workloads import Workload

_PATIENCE = 300.0
"""Seconds that anything may take: under valgrind on a busy machine a request takes some."""
_DELTA = b'"text_delta"'
_LAST = b"0\r\n\r\n"


class Wrong(Exception):
    """The gateway answered something else than it should have."""


class Mock:
    """An upstream on a port of 127.0.0.1 that answers as `workload` says; `saw` counts the chunks the client has."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.workload: Workload | None = None
        self.port = 0
        self._seen = asyncio.Condition()
        self._chunks = 0
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more, and let every connection end."""
        if self._server is not None:
            self._server.close()
        for writer in self._connections.values():
            writer.close()
        await asyncio.gather(*self._connections)

    async def saw(self, chunks: int) -> None:
        """The client has so many chunks of the current answer."""
        async with self._seen:
            self._chunks = chunks
            self._seen.notify_all()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))
                await self._answer(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()  # the gateway is gone, or `stop` was called

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        assert self.workload is not None
        head = answers.OPENAI.head.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        reads = [b"%x\r\n%b\r\n" % (len(data), data) for data in self.workload.reads]
        reads[0] = head + reads[0]
        reads[-1] += _LAST
        for number, data in enumerate(reads):
            async with self._seen:
                await self._seen.wait_for(lambda least=number: self._chunks >= least)  # type: ignore[misc]
            writer.write(data)
            await writer.drain()


class Client:
    """One kept connection to the gateway."""

    def __init__(self, port: int, key: str, mock: Mock) -> None:
        self._port = port
        self._key = key
        self._mock = mock

    async def connect(self) -> None:
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    async def ask(self, body: bytes, workload: Workload) -> None:
        """Send a request and read its whole answer. Raises Wrong."""
        await self._mock.saw(0)
        self._writer.write(
            b"POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nuser-agent: benchmarks/1.0\r\n"
            b"content-type: application/json\r\nx-api-key: %b\r\ncontent-length: %d\r\n\r\n%b"
            % (self._port, self._key.encode(), len(body), body)
        )
        async with asyncio.timeout(_PATIENCE):
            head = await self._reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200 "):
                raise Wrong(f"{workload.key} was answered with {head!r}")
            if workload.stream:
                await self._stream(workload)
            else:
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                await self._reader.readexactly(length)

    async def _stream(self, workload: Workload) -> None:
        answer = b""
        while not answer.endswith(_LAST):
            data = await self._reader.read(65_536)
            if not data:
                raise Wrong(f"{workload.key} broke off: {answer[-500:]!r}")
            answer += data
            await self._mock.saw(answer.count(_DELTA))
        if answer.count(_DELTA) != workload.chunks or b"message_stop" not in answer:
            raise Wrong(f"{workload.key} was answered with {answer!r}")

    def close(self) -> None:
        """Disconnect."""
        self._writer.close()
