"""Connections of the gateway's own transport: kept, given up, never shared, and closed when nobody waits any more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from providers.config import ProviderConfig
from providers.errors import UpstreamError
from providers.outbound.upstream import Upstreams
from providers.outbound.wire import limits
from tests.transport.calling import Called, asking, counted_descriptors, provider, run
from tests.transport.servers import HI, always, request, serving

SLOW = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"


@pytest.fixture(autouse=True)
def _wire(settings: Any) -> None:
    settings.UPSTREAM_TRANSPORT = "wire"


class Seen:
    """A server that answers and counts: `ports` are those of the requests' connections."""

    def __init__(self, *answers: bytes) -> None:
        self.ports: list[int] = []
        self._answers = answers or (HI,)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await request(reader)
            self.ports.append(writer.get_extra_info("peername")[1])
            writer.write(self._answers[min(len(self.ports), len(self._answers)) - 1])


def url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (HI, True),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-sum: 1\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nkeep-alive: timeout=5, max=9\r\ncontent-length: 2\r\n\r\nhi", True),
        (b"HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\ncontent-length: 2\r\n\r\nhi", False),
        (b"HTTP/1.1 200 OK\r\nconnection: x, close\r\ncontent-length: 2\r\n\r\nhi", False),
        (b"HTTP/1.1 200 OK\r\nconnection: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi", False),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", False),
        (b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nhi", True),
        (HI + b"more", False),
        (HI + b"\r\n", False),
        (HI + HI, False),
        (b"HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nhi", True),
    ],
)
def test_a_connection_is_kept_where_its_answer_allows_it(answer: bytes, kept: bool, loop_kind: str) -> None:
    seen = Seen(answer)

    async def test() -> None:
        async with serving(seen) as port, Called(provider(url(port))) as called:
            assert [await called.whole(), await called.whole()] == [b"hi", b"hi"]

    run(loop_kind, test)
    assert (seen.ports[0] == seen.ports[1]) is kept


def test_connections_that_waited_too_long_are_closed(loop_kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SWEEP_SECONDS", 0.05)
    seen = Seen(b"HTTP/1.1 200 OK\r\nkeep-alive: timeout=2\r\ncontent-length: 2\r\n\r\nhi")
    closed = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await seen(reader, writer)
        finally:
            closed.set()

    async def test() -> None:
        async with serving(handler) as port, Called(provider(url(port))) as called:
            await called.whole()
            # No request comes that would notice.
            await closed.wait()

    run(loop_kind, test)


def test_no_more_than_so_many_wait(loop_kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IDLE_CONNECTIONS", 3)
    seen, open_now = Seen(), 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now
        open_now += 1
        try:
            await seen(reader, writer)
        finally:
            open_now -= 1

    async def test() -> None:
        async with serving(handler) as port, Called(provider(url(port))) as called:
            responses = [await called.response() for _ in range(8)]
            for response in responses:
                await response.read()
                await response.close()
            while open_now != 3:
                await asyncio.sleep(0.01)

    run(loop_kind, test)


def test_no_provider_and_no_proxy_gets_the_connections_of_another(loop_kind: str) -> None:
    seen = Seen()

    async def test() -> None:
        async with serving(seen) as port:
            upstreams = Upstreams()
            proxies = (None, None, url(port), f"http://x:y@127.0.0.1:{port}")
            providers = [
                ProviderConfig(number, "p", "openai_chat", url(port), is_local=True, proxy_url=proxy)
                for number, proxy in enumerate(proxies)
            ]
            for _ in range(2):
                for one in providers:
                    upstream = upstreams.acquire(one)
                    response = await upstream.open(asking(), connect_timeout=9, connected=lambda: None)
                    assert await response.read() == b"hi"
                    await response.close()
                    await upstreams.release(upstream)
            await upstreams.close()

    run(loop_kind, test)
    assert seen.ports[:4] == seen.ports[4:]
    assert len(set(seen.ports)) == 4


def test_ten_thousand_requests_leave_no_descriptor_open() -> None:
    answers = Seen(HI, HI, HI, HI, HI + b"more", HI, SLOW)

    async def test() -> None:
        async with serving(always()) as port, serving(answers) as other:
            with counted_descriptors() as count:
                before = count()
                async with Called(provider(url(port))) as called, Called(provider(url(other))) as second:

                    async def client() -> None:
                        for _ in range(990):
                            await called.whole()

                    await asyncio.gather(*(client() for _ in range(10)))
                    for _ in range(100):
                        response = await second.response()
                        await anext(response.chunks())
                        await response.close()
                for _ in range(200):
                    if count() <= before:
                        break
                    await asyncio.sleep(0.01)
                assert count() <= before

    run("uvloop", test)


@pytest.mark.parametrize("where", ["head", "body", "a large request"])
def test_who_is_cancelled_leaves_no_connection(where: str, loop_kind: str) -> None:
    reached, cancelled, closed = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            if where == "body":
                writer.write(SLOW)
            transport: Any = writer.transport
            transport.pause_reading()  # A large request is still being written.
            reached.set()
            await cancelled.wait()
            transport.resume_reading()
            while await reader.read(65_536):
                pass
        finally:
            closed.set()

    async def test() -> None:
        async with serving(handler) as port, Called(provider(url(port))) as called:
            task = asyncio.create_task(called.whole(b"x" * 30_000_000 if where == "a large request" else b""))
            await reached.wait()
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            cancelled.set()
            await closed.wait()

    run(loop_kind, test)


def test_who_is_cancelled_while_a_name_is_looked_up_leaves_nothing(loop_kind: str) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def never(*_: Any, **__: Any) -> Any:
        asked.set()
        await answer.wait()

    async def test() -> None:
        asyncio.get_running_loop().getaddrinfo = never  # type: ignore[method-assign]
        called = Called(provider("http://api.example"))
        task = asyncio.create_task(called.whole())
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await called.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(loop_kind, test)


def test_a_closed_pool_closes_what_is_in_use(loop_kind: str) -> None:
    async def test() -> None:
        async with serving(Seen(SLOW)) as port:
            called = Called(provider(url(port)))
            response = await called.response()
            chunks = response.chunks()
            assert await anext(chunks) == b"half"
            await called.close()
            with pytest.raises(UpstreamError):
                await anext(chunks)
            await response.close()

    run(loop_kind, test)
