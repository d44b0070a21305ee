"""An answer's head leaves with the first part of its body, in one write; what HTTP does not have does not leave."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, cast

import pytest

from proxysite.http.connections import GatewayState
from proxysite.http.protocol import GatewayProtocol
from proxysite.server import configuration


class Now(NamedTuple):
    """A part for which nobody waits, and whether it leaves."""

    body: bytes
    taken: bool


Messages = list[Any]
START: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": [(b"Content-Type", b"text/plain")]}


def part(body: bytes, more: bool = True) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


class Recorded(asyncio.Transport):
    """A transport that keeps what is written, and writes it."""

    def __init__(self, inner: asyncio.Transport, writes: list[bytes]) -> None:
        super().__init__()
        self._inner, self._writes = inner, writes

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._writes.append(bytes(data))
        self._inner.write(data)

    def __getattribute__(self, name: str) -> Any:
        if name in ("write", "_inner", "_writes"):
            return object.__getattribute__(self, name)
        return getattr(object.__getattribute__(self, "_inner"), name)


def ask(messages: Messages, request: bytes = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") -> tuple[list[bytes], bytes]:
    """Answers a request with the messages; returns the writes, and what the client read until the connection ended."""

    async def application(scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        for message in messages:
            if isinstance(message, Now):
                assert cast(Any, send).__self__.send_now(message.body) is message.taken
            else:
                await send(message)

    async def asked() -> tuple[list[bytes], bytes]:
        config, state, writes = configuration(application, "127.0.0.1", 0), GatewayState(), list[bytes]()
        config.load()

        class Protocol(GatewayProtocol):
            def connection_made(self, transport: Any) -> None:
                super().connection_made(Recorded(transport, writes))

        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Protocol(config, state, {}), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(request)
        writer.write_eof()
        try:
            return writes, await asyncio.wait_for(reader.read(), 10)
        finally:
            writer.close()
            server.close()

    return asyncio.run(asked())


CLOSING = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def test_head_and_first_chunk_are_one_write() -> None:
    writes, read = ask([START, part(b"one"), part(b""), part(b"two"), part(b"", more=False)], CLOSING)
    assert len(writes) == 3
    assert writes[0].startswith(b"HTTP/1.1 200 OK\r\n")
    assert writes[0].endswith(b"\r\n\r\n3\r\none\r\n")
    assert b"content-type: text/plain\r\n" in writes[0]
    assert b"transfer-encoding: chunked\r\n" in writes[0]
    assert writes[1:] == [b"3\r\ntwo\r\n", b"0\r\n\r\n"]
    assert read == b"".join(writes)


def test_parts_for_which_nobody_waits_are_chunks_of_a_stream_that_has_begun() -> None:
    messages = [Now(b"0", False), START, Now(b"0", False), part(b"one"), Now(b"two", True), part(b"3", more=False)]
    writes, read = ask([*messages, Now(b"4", False)], CLOSING)
    assert writes[1:] == [b"3\r\ntwo\r\n", b"1\r\n3\r\n0\r\n\r\n"]
    assert read == b"".join(writes)
    start = {**START, "headers": [(b"content-length", b"5")]}
    ask([start, part(b"on"), Now(b"two", False), part(b"two", more=False)], CLOSING)


def test_an_answer_in_one_piece_is_one_write() -> None:
    start = {**START, "headers": [(b"content-length", b"5")]}
    writes, _ = ask([start, part(b"whole", more=False)], CLOSING)
    assert len(writes) == 1
    assert writes[0].endswith(b"connection: close\r\n\r\nwhole")


def test_head_alone_has_the_headers_and_no_body() -> None:
    start = {**START, "headers": [(b"content-length", b"5")]}
    _, read = ask([start, part(b"whole", more=False)], CLOSING.replace(b"GET", b"HEAD"))
    assert b"content-length: 5\r\n" in read
    assert read.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "messages",
    [
        [{**START, "headers": [(b"x-a", b"1\r\nx-b: 2")]}, part(b"", more=False)],
        [{**START, "headers": [(b"x a", b"1")]}, part(b"", more=False)],
        [{**START, "headers": [(b"content-length", b"2")]}, part(b"three", more=False)],
        [part(b"no head", more=False)],
    ],
    ids=["value", "name", "longer", "no head"],
)
def test_what_is_no_http_does_not_leave(messages: Messages, caplog: pytest.LogCaptureFixture) -> None:
    writes, read = ask(messages)
    assert b"x-b" not in read
    assert b"x a" not in read
    assert b"three" not in read
    assert b"no head" not in read
    assert not writes or writes[0].startswith(b"HTTP/1.1 500")
    assert "Exception in ASGI application" in caplog.text


@pytest.mark.parametrize("code", [0, 8, 9, 10, 13, 31, 32, 127, 128, 255])
def test_every_line_of_a_head_is_one_header(code: int) -> None:
    start = {**START, "headers": [(b"X-A", b"1%c" % code), (b"x-b", b"2"), (b"Connection", b"keep-alive, Close")]}
    _, read = ask([start, part(b"", more=False)])
    if (code < 32 and code != 9) or code == 127:
        assert not read or read.startswith(b"HTTP/1.1 500")
        assert b"x-" not in read
    else:
        lines = read.partition(b"\r\n\r\n")[0].split(b"\r\n")
        assert lines[-4:-1] == [b"x-a: 1%c" % code, b"x-b: 2", b"connection: keep-alive, Close"]


def test_a_connection_that_is_over_needs_no_garbage_collector() -> None:
    made: list[weakref.ref[GatewayProtocol]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        for message in (START, part(b"", more=False)):
            await send(message)

    def make(config: Any, state: GatewayState) -> GatewayProtocol:
        protocol = GatewayProtocol(config, state, {})
        made.append(weakref.ref(protocol))
        return protocol

    async def over() -> bool:
        config, state = configuration(application, "127.0.0.1", 0), GatewayState()
        config.load()
        server = await asyncio.get_running_loop().create_server(lambda: make(config, state), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for _ in range(3):
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1")
            await reader.readuntil(b"0\r\n\r\n")
        writer.close()
        server.close()
        while state.connections:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        return made[0]() is None

    gc.disable()
    try:
        assert asyncio.run(over())
    finally:
        gc.enable()
