"""The guarded client on real sockets: what is refused never sees a byte, whatever names and redirects say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from providers.config import ProviderConfig
from providers.dialects.contract import UpstreamRequest
from providers.errors import ErrorKind, UpstreamError
from providers.outbound.addresses import Refusal
from providers.outbound.downloads import Fetched, FetchFailed, fetch
from providers.outbound.upstream import Upstreams
from tests.harness.patience import PATIENCE
from tests.harness.script import CUT, HANG, Endless, Reply, Script
from tests.harness.upstream import Upstream
from tests.rooms.internet import PUBLIC, PUBLIC_TOO, Internet

pytestmark = pytest.mark.usefixtures("each_transport")

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


def provider(base_url: str, **fields: object) -> ProviderConfig:
    return ProviderConfig(1, "p", "openai_chat", base_url, **fields)  # type: ignore[arg-type]


async def call(upstreams: Upstreams, config: ProviderConfig, script: Script) -> bytes:
    request = UpstreamRequest("/chat", (("content-type", "text/plain"),), script.prompt.encode())
    used = upstreams.acquire(config)
    try:
        response = await used.open(request, connect_timeout=PATIENCE, connected=lambda: None)
        try:
            return await response.read()
        finally:
            await response.close()
    finally:
        await upstreams.release(used)


async def refused(upstreams: Upstreams, config: ProviderConfig, script: Script) -> str:
    """The sentence with which a call is refused."""
    with pytest.raises(UpstreamError) as caught:
        await call(upstreams, config, script)
    assert caught.value.kind is ErrorKind.CONNECT
    return caught.value.message


def run(upstream: Upstream, internet: Internet, test: Callable[[Upstreams, int], Awaitable[None]]) -> None:
    """Run a test in a loop whose internet is `internet`."""

    async def main() -> None:
        port = int(upstream.base_url.rpartition(":")[2])
        internet.replace(port)
        upstreams = Upstreams()
        try:
            await test(upstreams, port)
        finally:
            await upstreams.close()

    asyncio.run(main())


def test_a_local_provider_is_called_at_a_private_address(upstream: Upstream) -> None:
    script = upstream.script(Reply([b"here"]))

    async def test(upstreams: Upstreams, port: int) -> None:
        for host in ("127.0.0.1", "localhost"):
            assert await call(upstreams, provider(f"http://{host}:{port}", is_local=True), script) == b"here"

    run(upstream, Internet(localhost=[["127.0.0.1"]]), test)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "127.0.0.1.", "127.1"]
)
def test_any_other_provider_is_not_and_the_error_says_what_to_do(upstream: Upstream, host: str) -> None:
    script = upstream.script(Reply([b"never"]))
    internet = Internet(localhost=[["127.0.0.1"]])

    async def test(upstreams: Upstreams, port: int) -> None:
        message = await refused(upstreams, provider(f"http://{host}:{port}"), script)
        assert message == "The provider's address is private: switch the provider's “local” on to allow it."

    run(upstream, internet, test)
    assert (script.seen, internet.called) == ([], [])


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "100.64.0.9", "169.254.169.254", "0.0.0.0"])
def test_a_name_is_judged_by_what_it_resolves_to(upstream: Upstream, address: str) -> None:
    internet = Internet(inside_example=[[address]])

    async def test(upstreams: Upstreams, port: int) -> None:
        assert "The provider's address is" in await refused(
            upstreams, provider(f"http://inside.example:{port}"), upstream.script()
        )

    run(upstream, internet, test)
    assert (internet.asked, internet.called) == (["inside.example"], [])


@pytest.mark.parametrize("host", ["169.254.169.254", "metadata.example", "2852039166", "[fd00:ec2::254]", "0.0.0.0"])
def test_metadata_is_never_called_not_even_for_a_local_provider(upstream: Upstream, host: str) -> None:
    internet = Internet(metadata_example=[["169.254.169.254"]])

    async def test(upstreams: Upstreams, port: int) -> None:
        message = await refused(upstreams, provider(f"http://{host}:{port}", is_local=True), upstream.script())
        assert Refusal.NEVER in message

    run(upstream, internet, test)
    assert internet.called == []


def test_a_name_that_is_rebound_after_it_was_looked_at_gains_nothing(upstream: Upstream) -> None:
    script = upstream.script(Reply([b"public"], headers={"connection": "close", "content-length": "6"}))
    internet = Internet(rebound_example=[[PUBLIC], ["127.0.0.1"]])

    async def test(upstreams: Upstreams, port: int) -> None:
        config = provider(f"http://rebound.example:{port}")
        assert await call(upstreams, config, script) == b"public"
        # The next connection asks again, after the name was bound anew and the kept answer is too old.
        await upstreams.keep_only({})
        assert "private" in await refused(upstreams, config, script)

    run(upstream, internet, test)
    assert internet.asked == ["rebound.example"] * 2
    assert internet.called == [PUBLIC]
    assert len(script.seen) == 1


def test_of_the_addresses_of_a_name_only_the_allowed_ones_are_tried(upstream: Upstream) -> None:
    script = upstream.script(Reply([b"public"]))
    internet = Internet(both_example=[["127.0.0.1", PUBLIC]], neither_example=[["127.0.0.1", "10.0.0.1"]])

    async def test(upstreams: Upstreams, port: int) -> None:
        assert await call(upstreams, provider(f"http://both.example:{port}"), script) == b"public"
        assert "private" in await refused(upstreams, provider(f"http://neither.example:{port}"), script)

    run(upstream, internet, test)
    assert internet.called == [PUBLIC]


def test_switching_local_off_takes_effect_on_connections_that_stand(upstream: Upstream) -> None:
    script = upstream.script(Reply([b"here"]))

    async def test(upstreams: Upstreams, port: int) -> None:
        url = f"http://127.0.0.1:{port}"
        assert await call(upstreams, provider(url, is_local=True), script) == b"here"
        assert "private" in await refused(upstreams, provider(url), script)

    run(upstream, Internet(), test)


def test_a_proxy_may_be_private_but_an_address_in_the_base_url_is_still_looked_at(upstream: Upstream) -> None:
    script = upstream.script(Reply([b"by proxy"]))
    internet = Internet()

    async def test(upstreams: Upstreams, port: int) -> None:
        proxied = {"proxy_url": f"http://127.0.0.1:{port}"}
        assert await call(upstreams, provider("http://api.example.com", **proxied), script) == b"by proxy"
        assert "private" in await refused(upstreams, provider("http://10.0.0.1", **proxied), script)

    run(upstream, internet, test)
    assert [seen.path for seen in script.seen] == ["http://api.example.com/chat"]
    assert internet.asked == []


@pytest.mark.parametrize(
    "base_url", ["ftp://api.example.com", "file:///etc/passwd", "http://", "tcp://api.example.com"]
)
def test_only_http_is_spoken(upstream: Upstream, base_url: str) -> None:
    async def test(upstreams: Upstreams, port: int) -> None:
        assert "base URL is invalid" in await refused(upstreams, provider(base_url), upstream.script())

    run(upstream, Internet(), test)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 300])
def test_a_provider_that_redirects_is_not_followed(upstream: Upstream, status: int) -> None:
    script = upstream.script(Reply(status=status, headers={"location": f"{upstream.base_url}/elsewhere"}))

    async def test(upstreams: Upstreams, port: int) -> None:
        with pytest.raises(UpstreamError) as caught:
            await call(upstreams, provider(f"http://127.0.0.1:{port}", is_local=True), script)
        assert (caught.value.kind, caught.value.status) == (ErrorKind.MALFORMED, status)
        assert "set its base URL" in caught.value.message

    run(upstream, Internet(), test)
    assert len(script.seen) == 1


# --- downloads -------------------------------------------------------------------------------------------------------


def download(
    upstream: Upstream, internet: Internet, url: str, *, most_bytes: int = 1000, seconds: float = 5
) -> Fetched:
    """Fetch a URL whose `{port}` is the server's."""

    async def main() -> Fetched:
        port = int(upstream.base_url.rpartition(":")[2])
        internet.replace(port)
        return await fetch(url.replace("{port}", str(port)), most_bytes=most_bytes, seconds=seconds)

    return asyncio.run(main())


def failed(upstream: Upstream, internet: Internet, url: str, **limits: float) -> str:
    """Why a fetch failed."""
    with pytest.raises(FetchFailed) as caught:
        download(upstream, internet, url, **limits)  # type: ignore[arg-type]
    return caught.value.reason


def test_a_file_is_fetched_with_no_more_than_it_takes(upstream: Upstream) -> None:
    script = upstream.script(Reply([PNG[:50], PNG[50:]], headers={"content-type": "Image/PNG; charset=x"}))
    got = download(upstream, Internet(pics_example=[[PUBLIC]]), f"http://pics.example:{{port}}/a.png?m={script.mark}")
    assert got == Fetched(PNG, "image/png")
    assert set(script.seen[0].headers) == {"host", "accept", "accept-encoding", "user-agent", "connection"}


@pytest.mark.parametrize(
    "target",
    [
        *("http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://2130706433:{port}/", "http://[::1]:{port}/"),
        *("http://inside.example:{port}/", "http://169.254.169.254/latest/meta-data/", "//127.0.0.1:{port}/"),
        *("file:///etc/passwd", "http://user:word@pics.example/", "gopher://pics.example/"),
    ],
)
def test_a_redirect_is_looked_at_like_the_first_address(upstream: Upstream, target: str) -> None:
    port = upstream.base_url.rpartition(":")[2]
    script = upstream.script(Reply(status=302, headers={"location": target.replace("{port}", port)}))
    internet = Internet(pics_example=[[PUBLIC]], inside_example=[["127.0.0.1"]])
    reason = failed(upstream, internet, f"http://pics.example:{{port}}/?m={script.mark}")
    assert reason.startswith("its address ")
    assert (len(script.seen), internet.called) == (1, [PUBLIC])
    assert failed(upstream, internet, target).startswith("its address ")


def test_redirects_between_public_addresses_are_followed_three_times(upstream: Upstream) -> None:
    moved = Reply(status=307)
    script = upstream.script(moved, moved, moved, Reply([PNG], headers={"content-type": "image/png"}), moved)
    moved.headers["location"] = f"/next?m={script.mark}"
    internet = Internet(pics_example=[[PUBLIC], [PUBLIC_TOO]])
    url = f"http://pics.example:{{port}}/?m={script.mark}"
    assert download(upstream, internet, url).content == PNG
    assert failed(upstream, internet, url) == "its server redirected more than 3 times"
    assert len(script.seen) == 8


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply([b"no"], status=404), "its server answered HTTP 404"),
        (Reply([b"moved"], status=302, headers={}), "its server answered HTTP 302"),
        (Reply([Endless(bytes(400))]), "it is larger than 1 MB"),
        (Reply(headers={"content-length": "5000000"}), "it is larger than 1 MB"),
        (Reply([b"begin", HANG]), "its server did not send it within 0.5 s"),
        (Reply(before=[HANG]), "its server did not send it within 0.5 s"),
        (Reply(raw=b"SSH-2.0\r\n\r\n"), "its server could not be reached"),
        (Reply([b"x", CUT], headers={"content-length": "50"}), "its server could not be reached"),
    ],
)
def test_what_goes_wrong_is_shown_without_the_address(upstream: Upstream, reply: Reply, reason: str) -> None:
    script = upstream.script(reply)
    url = f"http://pics.example:{{port}}/?m={script.mark}&secret=word"
    seconds = 0.5 if "within" in reason else PATIENCE
    assert failed(upstream, Internet(pics_example=[[PUBLIC]]), url, most_bytes=1_000_000, seconds=seconds) == reason
