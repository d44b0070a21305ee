"""Both transports against servers with manners: the same answers, and the same errors in the same words."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from tests.transport.calling import Called, names, provider, run
from tests.transport.servers import HI, always, request, serving

pytestmark = pytest.mark.usefixtures("each_transport")
LOST = ("connection_lost", "provider_no_answer")
NOT_HTTP = ("malformed", "provider_not_http")
BROKEN = ("connection_lost", None)


def url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("raw", "failure"),
    [
        (b"", LOST),
        (b"HTTP/1.1 200 OK\r\ncontent-le", LOST),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", NOT_HTTP),
        (b"HTTP/1.1 200 OK\r\nx: " + b"a" * 1_000_000, NOT_HTTP),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc", NOT_HTTP),
        (b"HTTP/1.1 101 Switching\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n", NOT_HTTP),
        (b"HTTP/1.1 103 Hints\r\n\r\n" * 11 + HI, ("malformed", "provider_too_many_heads")),
        (b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n", ("malformed", "provider_redirects")),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", BROKEN),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n", BROKEN),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nhalf", BROKEN),
        (
            b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 4\r\n\r\nhalf",
            ("malformed", "provider_compressed"),
        ),
    ],
)
def test_what_goes_wrong_has_the_same_name(raw: bytes, failure: tuple[str, str | None], loop_kind: str) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(raw)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def test() -> None:
        async with serving(handler) as port, Called(provider(url(port))) as called:
            assert await called.failure() == failure

    run(loop_kind, test)


def test_a_chunk_without_a_size_breaks_an_answer(loop_kind: str, each_transport: str) -> None:
    async def test() -> None:
        raw = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhalf\r\n"
        async with serving(always(raw)) as port, Called(provider(url(port))) as called:
            # aiohttp drops a head whose body breaks in the same read.
            assert await called.failure() == (BROKEN if each_transport == "wire" else NOT_HTTP)

    run(loop_kind, test)


def test_a_reset_in_an_answer_breaks_it(loop_kind: str) -> None:
    for framing in (b"content-length: 9\r\n", b"transfer-encoding: chunked\r\n"):

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, framing: bytes = framing) -> None:
            await request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n4\r\nhalf\r\n"[:-1])
            await writer.drain()
            await asyncio.sleep(0.05)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        async def test() -> None:
            async with serving(handler) as port, Called(provider(url(port))) as called:
                assert await called.failure() == BROKEN

        run(loop_kind, test)


def test_a_server_that_sends_no_more_but_listens_has_answered(loop_kind: str) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nall of it")
        writer.write_eof()
        await reader.read()

    async def test() -> None:
        async with serving(handler) as port, Called(provider(url(port))) as called:
            assert await called.whole() == b"all of it"

    run(loop_kind, test)


def test_a_head_that_comes_byte_by_byte_is_read(loop_kind: str) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        for byte in b"HTTP/1.1 100 Continue\r\n\r\n" + HI:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read()

    async def test() -> None:
        async with serving(handler) as port, Called(provider(url(port))) as called:
            assert await called.whole() == b"hi"

    run(loop_kind, test)


# aiohttp warns of what the gateway does on purpose.
@pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")
def test_a_large_request_arrives_whole_and_one_that_is_refused_early_has_its_answer(loop_kind: str) -> None:
    body = bytes(range(256)) * 40_000
    sizes: list[int] = []

    async def takes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            _, got = await request(reader)
            assert got == body
            sizes.append(len(got))
            writer.write(HI)

    async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")
        await writer.drain()
        await asyncio.sleep(0.3)

    async def test() -> None:
        async with serving(takes) as port, Called(provider(url(port))) as called:
            assert [await called.whole(body), await called.whole(body)] == [b"hi", b"hi"]
        async with serving(refuses) as port, Called(provider(url(port))) as called:
            response = await called.response(body)
            assert (response.status, await response.read()) == (413, b"no")
            await response.close()

    run(loop_kind, test)
    assert sizes == [len(body)] * 2


def test_a_body_that_nobody_takes_is_not_read_ahead(loop_kind: str) -> None:
    size = 64 * 1024 * 1024
    sent = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.transport.set_write_buffer_limits(high=0)
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        for _ in range(size // 65_536):
            writer.write(bytes(65_536))
            await writer.drain()
            sent += 65_536

    async def test() -> None:
        async with serving(handler) as port, Called(provider(url(port))) as called:
            response = await called.response()
            before = -1
            while before != sent:
                before = sent
                await asyncio.sleep(0.2)
            # What the kernel holds on both sides is not ours to say.
            assert sent < 24 * 1024 * 1024
            taken = 0
            async for data in response.chunks():
                taken += len(data)
            assert taken == size
            await response.close()

    run(loop_kind, test)


def test_addresses_are_tried_side_by_side(loop_kind: str) -> None:
    async def test() -> None:
        async with serving(always(), "127.0.0.1") as port:
            names(asyncio.get_running_loop(), many_example=["::1", "127.0.0.1"])
            async with Called(provider(f"http://many.example:{port}")) as called:
                assert await called.whole() == b"hi"

    run(loop_kind, test)


def test_ipv6_is_spoken(loop_kind: str) -> None:
    seen: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await request(reader))[0])
        writer.write(HI)

    async def test() -> None:
        async with serving(handler, "::1") as port, Called(provider(f"http://[::1]:{port}")) as called:
            assert await called.whole() == b"hi"
            assert b"\r\nhost: [::1]:%d\r\n" % port in seen[0]

    run(loop_kind, test)


def test_a_server_that_does_not_accept_is_not_reached_in_time(loop_kind: str) -> None:
    async def test() -> None:
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(0)
            port = deaf.getsockname()[1]
            full = [socket.socket() for _ in range(4)]
            for one in full:
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
            async with Called(provider(url(port))) as called:
                assert await called.failure(seconds=0.3) == ("connect_timeout", "provider_connect_timeout")
            for one in full:
                one.close()

    run(loop_kind, test)
