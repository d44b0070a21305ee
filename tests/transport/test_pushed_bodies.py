"""Bodies that are pushed: who reads gets what arrives in the call by which it came, until it has enough."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from providers.errors import UpstreamError
from tests.transport.calling import Called, provider, run
from tests.transport.servers import request, serving


@pytest.fixture(autouse=True)
def _wire(settings: Any) -> None:
    settings.UPSTREAM_TRANSPORT = "wire"


def parts(*texts: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(text), text) for text in texts)


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("ending", [parts(b""), b"broken\r\n", b""], ids=["ends", "malformed", "closed"])
def test_a_body_is_pushed_as_it_arrives_and_its_end_is_read(ending: bytes, loop_kind: str) -> None:
    """What comes with the end is read; what arrives before anybody asks for a push is, too."""
    steps: asyncio.Queue[bytes] = asyncio.Queue()
    taken: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(CHUNKED + parts(b"first"))
        while step := await steps.get():
            writer.write(step)

    def take(data: bytes) -> bool:
        taken.append(data)
        steps.put_nowait({1: parts(b"c", b"d"), 2: parts(b"last") + ending}.get(len(taken), b""))
        if len(taken) == 2 and not ending:
            steps.put_nowait(b"")
        return len(taken) < 3

    async def test() -> None:
        async with serving(handler) as port, Called(provider(f"http://127.0.0.1:{port}")) as called:
            response = await called.response()
            assert await anext(response.chunks()) == b"first"
            steps.put_nowait(parts(b"b"))
            pushing = response.push_to(take)
            assert pushing is not None
            await pushing
            assert taken[:2] == [b"b", b"cd"]
            rest, kind = b"", ""
            try:
                async for data in response.chunks():
                    rest += data
            except UpstreamError as error:
                kind = error.kind.value
            assert b"".join(taken[2:]) + rest == b"last"
            assert kind == ("" if ending == parts(b"") else "connection_lost")
            assert response.push_to(take) is None
            await response.close()

    run(loop_kind, test)


@pytest.mark.parametrize("ended", ["enough", "raised", "cancelled"])
def test_a_push_ends_where_nobody_takes_more(ended: str, loop_kind: str) -> None:
    more = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(CHUNKED + parts(b"first"))
        await more.wait()
        writer.write(parts(b"second"))
        await asyncio.sleep(0.05)
        writer.write(parts(b"third", b""))

    async def test() -> None:
        async with serving(handler) as port, Called(provider(f"http://127.0.0.1:{port}")) as called:
            response = await called.response()
            chunks = response.chunks()
            assert await anext(chunks) == b"first"
            taken: list[bytes] = []

            def take(data: bytes) -> bool:
                taken.append(data)
                if ended == "raised":
                    raise ZeroDivisionError
                return False

            pushing = response.push_to(take)
            assert pushing is not None
            if ended == "cancelled":
                task = asyncio.ensure_future(pushing)
                task.cancel()
            more.set()
            if ended == "raised":
                with pytest.raises(ZeroDivisionError):
                    await pushing
            elif ended == "enough":
                await pushing
            rest = b"".join([data async for data in chunks])
            assert b"".join(taken) + rest == b"secondthird"
            assert taken == ([] if ended == "cancelled" else [b"second"])
            await response.close()

    run(loop_kind, test)
