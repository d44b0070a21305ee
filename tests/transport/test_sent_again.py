"""What is sent a second time: by aiohttp nothing, by the gateway's own transport what surely never left whole."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from providers.errors import ErrorKind, UpstreamError
from tests.transport.calling import Called, provider, run
from tests.transport.servers import HI, request, serving

pytestmark = pytest.mark.usefixtures("each_transport")
LOST = ("connection_lost", "provider_no_answer")


def url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def test_a_server_that_closes_idle_connections_at_random_gets_no_request_twice(loop_kind: str) -> None:
    chance = random.Random(7)
    seen: Counter[bytes] = Counter()
    answered: list[bytes] = []
    failed: set[ErrorKind] = set()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        idle = None
        while True:
            try:
                async with asyncio.timeout(idle):
                    await reader.readuntil(b"\r\n\r\n")
            except TimeoutError:
                return
            seen[await reader.readexactly(6)] += 1
            if chance.random() < 0.05:
                return  # It was read, and is lost without an answer.
            writer.write(HI)
            idle = chance.choice([None, 0.001, 0.002, 0.004])
            if chance.random() < 0.1:
                await writer.drain()
                return

    async def test() -> None:
        async with serving(handler) as port, Called(provider(url(port))) as called:

            async def client(first: int) -> None:
                for number in range(first, first + 60):
                    name = b"%06d" % number
                    try:
                        assert await called.whole(name) == b"hi"
                        answered.append(name)
                    except UpstreamError as error:
                        failed.add(error.kind)
                    await asyncio.sleep(chance.choice([0, 0.001, 0.002, 0.003]))

            await asyncio.gather(*(client(1_000 * number) for number in range(8)))

    run(loop_kind, test)
    assert set(seen.values()) == {1}
    assert set(answered) <= set(seen)
    assert len(answered) > 240
    assert failed == {ErrorKind.CONNECTION_LOST}


class _Listener:
    """A server without a loop of its own: what it closes is with the other side at once. One answer each."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self._connections: list[socket.socket] = []

    async def serve(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._connections.append((await loop.sock_accept(listener))[0])
            data = b""
            while not data.endswith((b"one", b"two")):
                data += await loop.sock_recv(self._connections[-1], 65_536)
            self.bodies.append(data[-3:])
            await loop.sock_sendall(self._connections[-1], HI)

    def close(self, *, resets: bool = False) -> None:
        """Closes the connections there are; `resets` them."""
        for connection in self._connections:
            if resets:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        self._connections.clear()


@asynccontextmanager
async def _listening() -> AsyncIterator[tuple[_Listener, Called]]:
    server = _Listener()
    with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.closing(server):
        listener.setblocking(False)
        task = asyncio.create_task(server.serve(listener))
        async with Called(provider(url(listener.getsockname()[1]))) as called:
            yield server, called
        task.cancel()


@pytest.mark.parametrize("resets", [False, True], ids=["closed", "reset"])
def test_a_connection_whose_end_the_loop_has_not_read_is_not_written_to(resets: bool, loop_kind: str) -> None:
    async def test() -> None:
        async with _listening() as (server, called):
            assert await called.whole(b"one") == b"hi"
            server.close(resets=resets)
            assert await called.whole(b"two") == b"hi"
            assert server.bodies == [b"one", b"two"]

    run(loop_kind, test)


@pytest.mark.parametrize("resets", [False, True], ids=["closed", "reset"])
def test_of_what_is_lost_between_the_look_and_the_write_only_a_refused_write_is_repeated(
    resets: bool, loop_kind: str, each_transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("wire.connection.Connection", "connection"):
        monkeypatch.setattr(f"providers.outbound.{place}.is_silent", lambda _: True)

    async def test() -> None:
        async with _listening() as (server, called):
            assert await called.whole(b"one") == b"hi"
            server.close(resets=resets)
            if resets and each_transport == "wire":
                assert await called.whole(b"two") == b"hi"
                assert server.bodies == [b"one", b"two"]
            else:
                assert await called.failure(b"two") == LOST
                assert server.bodies == [b"one"]

    run(loop_kind, test)


@pytest.mark.parametrize("resets", [False, True], ids=["closed", "reset"])
def test_what_was_written_to_its_end_is_not_sent_again_however_soon_it_is_lost(resets: bool, loop_kind: str) -> None:
    bodies: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bodies.append((await request(reader))[1])
        writer.write(HI)
        bodies.append((await request(reader))[1])
        if resets:
            held = writer.get_extra_info("socket")
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async def test() -> None:
        async with serving(handler) as port, Called(provider(url(port))) as called:
            assert await called.whole(b"one") == b"hi"
            assert await called.failure(b"two") == LOST

    run(loop_kind, test)
    assert bodies == [b"one", b"two"]


@pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")
@pytest.mark.parametrize("is_kept", [True, False], ids=["kept", "new"])
def test_a_request_of_which_slices_never_left_is_sent_again_once_where_the_connection_was_kept(
    is_kept: bool, loop_kind: str, each_transport: str
) -> None:
    begun: list[int] = []
    bodies: list[int] = []
    body = b"x" * 30_000_000
    again = is_kept and each_transport == "wire"

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if is_kept and not begun:
            await request(reader)
            writer.write(HI)
        begun.append(0)
        if len(begun) == 1:
            await reader.readuntil(b"\r\n\r\n")  # Of the long one; the rest of it cannot leave.
            return
        bodies.append(len((await request(reader))[1]))
        writer.write(HI)
        await reader.read()

    async def test() -> None:
        async with serving(handler) as port, Called(provider(url(port))) as called:
            if is_kept:
                assert await called.whole() == b"hi"
            if again:
                assert await called.whole(body) == b"hi"
            else:
                assert await called.failure(body) == LOST

    run(loop_kind, test)
    assert (len(begun), bodies) == ((2, [len(body)]) if again else (1, []))
