"""What a request looks like on the wire: its target as httpx would write it, its headers, and nothing smuggled."""

from __future__ import annotations

import asyncio
import gzip
import zlib

import httpx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as some

from providers.errors import UpstreamError
from providers.outbound.wire.target import Proxy, Target, fields, split
from providers.outbound.wire.transport import WireTransport
from tests.transport.calling import Called, provider, run
from tests.transport.servers import HI, always, request, serving

_SEGMENTS = some.lists(some.sampled_from([*"abcXYZ019-._~!$&'()*+,;=:@ äé/", "%20", "%2F"]), max_size=20).map("".join)


@given(
    some.sampled_from(["http", "https"]),
    some.sampled_from(
        ["api.example.com", "API.Example.com", "10.0.0.1", "[::1]", "localhost", "bücher.example", "a_b.c"]
    ),
    some.sampled_from(["", ":80", ":443", ":8080"]),
    _SEGMENTS,
    some.sampled_from(["", "?alt=sse", "?a=b%20c&d=[e]"]),
)
def test_a_url_is_written_as_httpx_writes_it(scheme: str, host: str, port: str, path: str, query: str) -> None:
    assume(not {".", ".."} & set(path.split("/")))  # httpx resolves them; a path is sent as a dialect made it.
    text = f"{scheme}://{host}{port}/{path.lstrip('/')}{query}"
    origin, target = split(text)
    url = httpx.URL(text)
    assert target.encode() == url.raw_path
    assert (origin.scheme, origin.host) == (url.scheme, url.raw_host.decode())
    assert origin.port == (url.port or {"http": 80, "https": 443}[scheme])
    assert origin.authority.encode() == url.netloc


@pytest.mark.parametrize(
    "url",
    ["ftp://a.example", "http://", "http:///x", "http://a b/", "http://a\r\nb/", "http://[x]/", "http://a:99999/", "a"],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        split(url)


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\nb", "a\rb", "a\0b"])
def test_no_header_smuggles_another(value: str) -> None:
    for header in (("x", value), (value, "x")):
        with pytest.raises(ValueError, match="line break"):
            fields([header])


def test_a_head_has_what_it_should_and_no_more() -> None:
    origin, path = split("http://api.example:8080/v1/chat")
    target = Target(origin, path, [("user-agent", "me")], None)
    assert target.head([("x-text", "é")], 7) == (
        b"POST /v1/chat HTTP/1.1\r\nhost: api.example:8080\r\nuser-agent: me\r\nx-text: \xe9\r\n"
        b"content-length: 7\r\n\r\n"
    )
    through = Target(origin, path, (), Proxy("http://a:b@proxy:1"))
    assert through.head((), 0).startswith(
        b"POST http://api.example:8080/v1/chat HTTP/1.1\r\nhost: api.example:8080\r\n"
    )
    # The login is for the proxy's own request where the rest is hidden from it.
    assert b"authorization" not in Target(split("https://api.example")[0], path, (), Proxy("http://a:b@proxy:1")).head(
        (), 0
    )


@pytest.mark.parametrize("transport", ["wire", "aiohttp"])
@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("Deflate", lambda data: zlib.compress(data)[2:-4]),
        ("gzip, deflate", lambda data: zlib.compress(gzip.compress(data))),
    ],
)
def test_a_compressed_answer_is_read_and_one_that_grows_without_measure_is_not(
    coding: str, pack: object, transport: str, loop_kind: str, settings: object
) -> None:
    settings.UPSTREAM_TRANSPORT = transport  # type: ignore[attr-defined]
    text = b"".join(b'data: {"delta":"word %d"}\n\n' % number for number in range(40_000))

    def answer(data: bytes) -> bytes:
        packed = pack(data)  # type: ignore[operator]
        return b"HTTP/1.1 200 OK\r\ncontent-encoding: %b\r\ncontent-length: %d\r\n\r\n%b" % (
            coding.encode(),
            len(packed),
            packed,
        )

    async def test() -> None:
        async with serving(always(answer(text))) as port, Called(provider(f"http://127.0.0.1:{port}")) as called:
            assert await called.whole() == text
        async with serving(always(answer(bytes(50_000_000)))) as port:
            called = Called(provider(f"http://127.0.0.1:{port}"))
            assert await called.failure() == ("malformed", "provider_inflates")
            await called.close()

    run(loop_kind, test)


def test_an_httpx_client_can_use_it(loop_kind: str) -> None:
    heads: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, body = await request(reader)
            heads.append(head)
            writer.write(
                HI if body == b"asked" else b"HTTP/1.1 404 No\r\nx-a: 1\r\nx-a: 2\r\ncontent-length: 0\r\n\r\n"
            )

    async def test() -> None:
        async with serving(handler) as port, httpx.AsyncClient(transport=WireTransport(local=True)) as client:
            answer = await client.post(f"http://127.0.0.1:{port}/x?y=z", content=b"asked")
            assert (answer.status_code, answer.content) == (200, b"hi")
            answer = await client.get(f"http://127.0.0.1:{port}/")
            assert (answer.status_code, answer.headers["x-a"]) == (404, "1, 2")
            with pytest.raises(httpx.ConnectError):
                await client.get("http://127.0.0.1:1/")
            with pytest.raises(httpx.UnsupportedProtocol):
                await client.head(f"http://127.0.0.1:{port}/")
        async with httpx.AsyncClient(transport=WireTransport(local=False)) as client:
            with pytest.raises(httpx.ConnectError) as caught:
                await client.get("http://127.0.0.1:1/")
            assert isinstance(caught.value.__cause__, UpstreamError)

    run(loop_kind, test)
    assert [head.split(b"\r\n")[0] for head in heads] == [b"POST /x?y=z HTTP/1.1", b"GET / HTTP/1.1"]
