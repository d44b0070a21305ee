"""The way to a provider: connections are used again, replaced with the configuration, and fail with the right name."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from providers.config import ProviderConfig
from providers.dialects.contract import UpstreamRequest
from providers.errors import ErrorKind, UpstreamError
from providers.outbound.upstream import Response, Upstreams
from tests.harness.patience import PATIENCE
from tests.harness.script import CUT, Gate, Reply, Script
from tests.harness.upstream import Upstream

pytestmark = pytest.mark.usefixtures("each_transport")


def provider(base_url: str) -> ProviderConfig:
    return ProviderConfig(id=1, name="p", dialect="openai_chat", base_url=base_url, is_local=True)


def asking(script: Script, path: str = "/chat") -> UpstreamRequest:
    return UpstreamRequest(path=path, headers=(("content-type", "text/plain"),), body=script.prompt.encode())


async def whole(upstreams: Upstreams, config: ProviderConfig, request: UpstreamRequest) -> bytes:
    """One request through the connections of a provider, read to its end."""
    upstream = upstreams.acquire(config)
    try:
        response = await upstream.open(request, connect_timeout=PATIENCE, connected=lambda: None)
        try:
            return await response.read()
        finally:
            await response.close()
    finally:
        await upstreams.release(upstream)


def run(test: Callable[[Upstreams], Awaitable[None]]) -> None:
    async def main() -> None:
        upstreams = Upstreams()
        try:
            await test(upstreams)
        finally:
            await upstreams.close()

    asyncio.run(main())


def test_a_connection_that_was_read_to_its_end_is_used_again(upstream: Upstream) -> None:
    script = upstream.script(Reply([b"one"]), Reply([b"two"]))

    async def test(upstreams: Upstreams) -> None:
        config = provider(upstream.base_url)
        assert await whole(upstreams, config, asking(script)) == b"one"
        assert await whole(upstreams, config, asking(script)) == b"two"

    run(test)
    first, second = script.seen
    assert first.connection == second.connection


def test_a_request_that_dies_on_a_kept_connection_fails_and_the_next_has_another(upstream: Upstream) -> None:
    script = upstream.script(Reply([b"one"]), Reply(before=[CUT]), Reply([b"three"]))

    async def test(upstreams: Upstreams) -> None:
        config = provider(upstream.base_url)
        await whole(upstreams, config, asking(script))
        with pytest.raises(UpstreamError) as caught:
            await whole(upstreams, config, asking(script))
        assert caught.value.kind is ErrorKind.CONNECTION_LOST
        assert await whole(upstreams, config, asking(script)) == b"three"

    run(test)
    first, died, third = script.seen
    assert died.connection == first.connection
    assert third.connection != first.connection


def test_a_request_that_dies_on_a_new_connection_is_not_sent_twice(upstream: Upstream) -> None:
    script = upstream.script(Reply(before=[CUT]), Reply([b"never"]))

    async def test(upstreams: Upstreams) -> None:
        with pytest.raises(UpstreamError) as caught:
            await whole(upstreams, provider(upstream.base_url), asking(script))
        assert caught.value.kind is ErrorKind.CONNECTION_LOST

    run(test)
    assert len(script.seen) == 1


def test_a_moved_provider_is_called_at_its_new_address_while_its_last_stream_ends_in_peace(upstream: Upstream) -> None:
    gate = Gate()
    script = upstream.script(old=[Reply([b"begin ", gate, b"end"])], new=[Reply([b"moved"])])
    old, new = provider(f"{upstream.base_url}/old"), provider(f"{upstream.base_url}/new")

    async def test(upstreams: Upstreams) -> None:
        kept = upstreams.acquire(old)
        response: Response = await kept.open(asking(script), connect_timeout=PATIENCE, connected=lambda: None)
        chunks = response.chunks()
        assert await anext(chunks) == b"begin "
        await upstreams.keep_only({1: new})
        assert await whole(upstreams, new, asking(script)) == b"moved"
        gate.open()
        assert await anext(chunks) == b"end"
        assert [data async for data in chunks] == []
        await response.close()
        assert not kept.closed
        await upstreams.release(kept)
        assert kept.closed

    run(test)
    assert [seen.path for seen in script.seen] == ["/old/chat", "/new/chat"]


def test_connections_to_a_provider_that_is_gone_are_closed_at_once_when_nobody_uses_them(upstream: Upstream) -> None:
    script = upstream.script(Reply([b"one"]))

    async def test(upstreams: Upstreams) -> None:
        config = provider(upstream.base_url)
        await whole(upstreams, config, asking(script))
        unused = upstreams.acquire(config)
        await upstreams.release(unused)
        await upstreams.keep_only({})
        assert unused.closed

    run(test)


def test_closing_an_unfinished_answer_closes_its_connection(upstream: Upstream) -> None:
    script = upstream.script(Reply([b"begin", Gate()]))

    async def test(upstreams: Upstreams) -> None:
        used = upstreams.acquire(provider(upstream.base_url))
        response = await used.open(asking(script), connect_timeout=PATIENCE, connected=lambda: None)
        assert await anext(response.chunks()) == b"begin"
        await response.close()
        await asyncio.to_thread(script.wait_closed)
        await upstreams.release(used)

    run(test)


@pytest.mark.parametrize(
    ("base_url", "kind"),
    [
        ("http://127.0.0.1:1", ErrorKind.CONNECT),
        ("http://nobody.invalid", ErrorKind.CONNECT),
        ("https://{upstream}", ErrorKind.CONNECT),
    ],
)
def test_what_cannot_be_reached_says_so(upstream: Upstream, base_url: str, kind: ErrorKind) -> None:
    config = provider(base_url.format(upstream=upstream.base_url.removeprefix("http://")))

    async def test(upstreams: Upstreams) -> None:
        with pytest.raises(UpstreamError) as caught:
            await whole(upstreams, config, asking(upstream.script()))
        assert caught.value.kind is kind
        assert caught.value.retryable

    run(test)


def test_what_does_not_speak_http_is_malformed(upstream: Upstream) -> None:
    script = upstream.script(Reply(raw=b"SSH-2.0-OpenSSH_9.2\r\n\r\n"))

    async def test(upstreams: Upstreams) -> None:
        with pytest.raises(UpstreamError) as caught:
            await whole(upstreams, provider(upstream.base_url), asking(script))
        assert caught.value.kind is ErrorKind.MALFORMED

    run(test)


def test_a_compressed_answer_is_read(upstream: Upstream) -> None:
    body = gzip.compress(msgspec.json.encode({"answer": "x" * 1000}))
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    script = upstream.script(Reply([body[:20], body[20:]], headers=headers))

    async def test(upstreams: Upstreams) -> None:
        answer = await whole(upstreams, provider(upstream.base_url), asking(script))
        assert msgspec.json.decode(answer) == {"answer": "x" * 1000}

    run(test)
    assert script.seen[0].headers["accept-encoding"] == "identity"


def test_no_header_of_the_http_library_leaks_and_no_environment_proxy_is_used(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    script = upstream.script(Reply([b"direct"]))

    async def test(upstreams: Upstreams) -> None:
        assert await whole(upstreams, provider(upstream.base_url), asking(script)) == b"direct"

    run(test)
    assert set(script.seen[0].headers) == {"host", "content-length", "content-type", "user-agent", "accept-encoding"}
