"""TLS proves the name of the server, also through a proxy; a proxy is asked as its kind of target wants."""

from __future__ import annotations

import asyncio
import base64
import ssl

import pytest

from providers.outbound.common import ssl_context
from tests.transport.calling import Called, names, provider, run
from tests.transport.servers import HI, Certificates, Handler, always, request, serving

pytestmark = [
    pytest.mark.usefixtures("each_transport"),
    # httpx-aiohttp's way to log in at a proxy.
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'proxy_auth' parameter:DeprecationWarning"),
]
TLS_FAILED = ("connect", "provider_tls_failed")
NOT_HTTP = ("malformed", "provider_not_http")
LOGIN = base64.b64encode(b"us@er:pass word").decode()


def test_a_server_is_asked_for_by_its_name_and_proves_it(loop_kind: str, certificates: Certificates) -> None:
    asked: list[str | None] = []

    async def test() -> None:
        names(asyncio.get_running_loop(), api_example=["127.0.0.1"])
        tls = certificates.server("api.example", asked)
        async with serving(always(), tls=tls) as port, Called(provider(f"https://api.example:{port}")) as called:
            assert [await called.whole(), await called.whole()] == [b"hi", b"hi"]

    run(loop_kind, test)
    assert asked == ["api.example"]


def test_a_certificate_for_another_name_is_refused(loop_kind: str, certificates: Certificates) -> None:
    async def test() -> None:
        names(asyncio.get_running_loop(), api_example=["127.0.0.1"])
        async with serving(always(), tls=certificates.server("other.example")) as port:
            for host in ("api.example", "127.0.0.1"):
                async with Called(provider(f"https://{host}:{port}")) as called:
                    assert await called.failure() == TLS_FAILED

    run(loop_kind, test)


def test_a_certificate_of_somebody_else_is_refused(
    loop_kind: str, authority: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssl_context.cache_clear()

    async def test() -> None:
        names(asyncio.get_running_loop(), api_example=["127.0.0.1"])
        tls = authority.server("api.example")
        async with serving(always(), tls=tls) as port, Called(provider(f"https://api.example:{port}")) as called:
            assert await called.failure() == TLS_FAILED

    run(loop_kind, test)
    ssl_context.cache_clear()


def test_a_long_answer_over_tls_arrives_whole_and_one_that_is_cut_does_not(
    loop_kind: str, certificates: Certificates
) -> None:
    body = bytes(range(256)) * 8_000

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
        await writer.drain()
        await asyncio.sleep(0.05)

    async def until_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nall of it")
        writer.close()
        await writer.wait_closed()

    async def test() -> None:
        names(asyncio.get_running_loop(), api_example=["127.0.0.1"])
        tls = certificates.server("api.example")
        whole = always(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        for handler, wanted in ((whole, body), (until_closed, b"all of it")):
            async with serving(handler, tls=tls) as port, Called(provider(f"https://api.example:{port}")) as called:
                assert await called.whole(b"x" * 300) == wanted
        async with serving(cut, tls=tls) as port, Called(provider(f"https://api.example:{port}")) as called:
            assert await called.failure() == ("connection_lost", None)

    run(loop_kind, test)


class Proxy:
    """An HTTP proxy, whatever name it is asked for; `seen` are the heads of its requests."""

    def __init__(self, refusal: bytes = b"") -> None:
        self.seen: list[bytes] = []
        self._refusal = refusal

    def to(self, port: int) -> Handler:
        """The handler of a proxy that leads to a port of this machine."""

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head, body = await request(reader)
            self.seen.append(head)
            if self._refusal:
                writer.write(self._refusal)
                await writer.drain()
                return
            there, back = await asyncio.open_connection("127.0.0.1", port)
            try:
                if head.startswith(b"CONNECT "):
                    writer.write(b"HTTP/1.1 200 Connection established\r\nvia: tests\r\n\r\n")
                else:
                    back.write(head + body)
                await asyncio.gather(_copy(reader, back), _copy(there, writer))
            finally:
                back.transport.abort()

        return handler


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65_536):
        sink.write(data)
        await sink.drain()
    sink.transport.abort()


def test_a_plain_server_is_named_to_the_proxy_in_full(loop_kind: str) -> None:
    proxy = Proxy()

    async def test() -> None:
        async with serving(always()) as port, serving(proxy.to(port)) as there:
            through = f"http://us%40er:pass%20word@127.0.0.1:{there}"
            async with Called(provider("http://api.example/v1", through)) as called:
                assert await called.whole() == b"hi"

    run(loop_kind, test)
    line, _, rest = proxy.seen[0].partition(b"\r\n")
    assert line == b"POST http://api.example/v1/chat HTTP/1.1"
    assert b"host: api.example\r\n" in rest
    assert f"proxy-authorization: basic {LOGIN}".lower().encode() in rest


@pytest.mark.parametrize("secure_proxy", [False, True], ids=["plain proxy", "proxy over TLS"])
def test_a_tunnel_leads_to_a_server_that_proves_its_name(
    secure_proxy: bool, loop_kind: str, certificates: Certificates
) -> None:
    proxy = Proxy()
    heads: list[bytes] = []
    # Python 3.11's asyncio stumbles over TLS that fails within TLS.
    others = loop_kind == "uvloop" or not secure_proxy

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            heads.append((await request(reader))[0])
            writer.write(HI)

    async def test() -> None:
        names(asyncio.get_running_loop(), proxy_example=["127.0.0.1"])
        tls: ssl.SSLContext | None = certificates.server("proxy.example") if secure_proxy else None
        start = "https" if secure_proxy else "http"
        api = certificates.server("api.example")
        async with serving(handler, tls=api) as port, serving(proxy.to(port), tls=tls) as there:
            through = f"{start}://us%40er:pass%20word@proxy.example:{there}"
            async with Called(provider("https://api.example", through)) as called:
                assert [await called.whole(), await called.whole()] == [b"hi", b"hi"]
            if others:
                async with Called(provider("https://other.example", through)) as called:
                    assert await called.failure() == TLS_FAILED

    run(loop_kind, test)
    asked = [b"CONNECT api.example:443 HTTP/1.1", *[b"CONNECT other.example:443 HTTP/1.1"] * others]
    assert [head.split(b"\r\n")[0] for head in proxy.seen] == asked
    assert all(f"proxy-authorization: basic {LOGIN}".lower().encode() in head for head in proxy.seen)
    # The server learns nothing of the proxy, and the login stays with it.
    assert [head.split(b"\r\n")[0] for head in heads] == [b"POST /chat HTTP/1.1"] * 2
    assert not any(b"proxy-authorization" in head for head in heads)


@pytest.mark.parametrize("status", [b"407 Proxy Authentication Required", b"502 Bad Gateway", b"301 Moved"])
def test_a_proxy_that_opens_no_tunnel_is_an_error(status: bytes, loop_kind: str, certificates: Certificates) -> None:
    proxy = Proxy(b"HTTP/1.1 " + status + b"\r\ncontent-length: 4\r\n\r\nhalf")

    async def test() -> None:
        async with serving(proxy.to(1)) as there:
            called = Called(provider("https://api.example", f"http://127.0.0.1:{there}"))
            assert await called.failure() == NOT_HTTP
            await called.close()

    run(loop_kind, test)
    assert len(proxy.seen) == 1


def test_a_proxy_that_is_not_there_refuses_the_connection(loop_kind: str) -> None:
    async def test() -> None:
        for target in ("http://api.example", "https://api.example"):
            async with Called(provider(target, "http://127.0.0.1:1")) as called:
                assert await called.failure() == ("connect", "provider_connection_refused")

    run(loop_kind, test)
