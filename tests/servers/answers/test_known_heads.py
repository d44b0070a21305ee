"""A head that came before on its connection is not parsed again; whatever is not exactly like it is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.keys import UNKNOWN, KeyRecord, Keys, NotAuthenticated, hash_key
from proxysite.http.connections import GatewayState
from proxysite.http.known_head import KnownHead
from proxysite.http.protocol import GatewayProtocol
from proxysite.server import configuration
from streaming.ingress.known_lines import KnownLines

HEAD = b"POST /v1/messages?beta=true HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nX-Api-Key: k\r\n\r\n"
LINES = [(b"host", b"x"), (b"content-length", b"2"), (b"x-api-key", b"k")]
SCOPE: dict[str, Any] = {"http_version": "1.1", "path": "/v1/messages", "headers": LINES}

Request = tuple[dict[str, Any], bytes]


def post(body: bytes, head: bytes = HEAD) -> bytes:
    return head % len(body) + body


def serve(*reads: bytes, drained_from: int = 100) -> tuple[list[Request], int]:
    """Sends each read when the one before is answered, or a moment later. Returns the requests that an application saw,
    and how many heads were parsed."""
    seen: list[Request] = []
    parsed = 0

    async def application(scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        seen.append((scope, body))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    class Protocol(GatewayProtocol):
        def on_message_begin(self) -> None:
            nonlocal parsed
            parsed += 1
            super().on_message_begin()

    async def asked() -> None:
        config, state = configuration(application, "127.0.0.1", 0), GatewayState()
        config.load()
        server = await asyncio.get_running_loop().create_server(lambda: Protocol(config, state, {}), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for number, read in enumerate(reads):
            state.draining = number >= drained_from
            writer.write(read)
            try:
                await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 0.3)
            except (TimeoutError, asyncio.IncompleteReadError):
                continue
        await asyncio.sleep(0.1)
        writer.close()
        server.close()

    asyncio.run(asked())
    return seen, parsed


def test_from_the_third_on_a_request_is_compared() -> None:
    bodies = [b"first", b"2", b"", b"the fourth", b"x" * 60_000]
    seen, parsed = serve(*map(post, bodies))
    assert parsed == 2
    assert [body for _, body in seen] == bodies
    first, second, *known = [scope for scope, _ in seen]
    assert first["headers"] == [(b"host", b"x"), (b"content-length", b"5"), (b"x-api-key", b"k")]
    for scope, body in zip(known, bodies[2:], strict=True):
        lines = scope["headers"]
        assert lines[1] == (b"content-length", b"%d" % len(body))
        kept: KnownLines = scope.pop("gateway.known_lines")
        assert kept.headers(lines) == {"host": "x", "content-length": str(len(body)), "x-api-key": "k"}
        assert {**scope, "headers": second["headers"]} == second


@pytest.mark.parametrize(
    "other",
    [
        HEAD.replace(b"Host", b"host"),
        HEAD.replace(b"beta=true", b"beta=false"),
        HEAD.replace(b"X-Api-Key: k", b"X-Api-Key: l"),
        HEAD.replace(b"\r\n\r\n", b"\r\nX-Api-Key: k\r\n\r\n"),
        HEAD.replace(b"%d", b"0%d"),
        b"\r\n" + HEAD,
    ],
)
def test_another_head_is_parsed(other: bytes) -> None:
    seen, parsed = serve(post(b"1"), post(b"2"), post(b"3"), post(b"four", other), post(b"5"))
    assert [body for _, body in seen] == [b"1", b"2", b"3", b"four", b"5"]
    # One that begins with an empty line is not remembered, and a length may begin with a zero.
    assert parsed == {b"\r\n" + HEAD: 3, HEAD.replace(b"%d", b"0%d"): 2}.get(other, 4)


def test_what_does_not_come_whole_and_alone_is_parsed() -> None:
    two, whole = post(b"1") + post(b"2"), post(b"whole")
    seen, parsed = serve(whole, whole, whole, whole[:-1], whole[-1:], whole[:9], whole[9:], two, whole)
    assert [body for _, body in seen] == [*[b"whole"] * 5, b"1", b"2", b"whole"]
    assert parsed == 2 + 4


def test_a_server_that_stops_says_so_to_a_head_that_it_knows() -> None:
    seen, parsed = serve(post(b"1"), post(b"2"), post(b"3"), post(b"4"), post(b"5"), drained_from=3)
    assert [body for _, body in seen] == [b"1", b"2", b"3", b"4"]
    assert parsed == 3


@pytest.mark.parametrize(
    "head",
    [
        HEAD.replace(b"HTTP/1.1", b"HTTP/1.0"),
        HEAD.replace(b"\r\n", b"\n"),
        HEAD.replace(b"X-Api-Key", b"Expect"),
        HEAD.replace(b"X-Api-Key", b"Upgrade"),
        HEAD.replace(b"Content-Length: %d", b"Content-Length: %d "),
        HEAD.replace(b"X-Api-Key: k", b"Transfer-Encoding: chunked"),
        HEAD.replace(b"Host: x\r\n", b""),
        HEAD.replace(b"X-Api-Key: k", b"X-Api-Key: %b" % (b"k" * 9000)),
    ],
)
def test_a_head_that_says_more_is_not_remembered(head: bytes) -> None:
    version = "1.0" if b"HTTP/1.0" in head else "1.1"
    names = (b"expect", b"upgrade", b"transfer-encoding")
    third = next((name for name in names if name in head.lower()), b"x-api-key")
    scope = {**SCOPE, "http_version": version, "headers": [*LINES[:2], (third, b"k")]}
    assert KnownHead.of(post(b"{}", head), scope, 64 * 1024) is None


def test_a_head_is_remembered_within_the_limit_of_heads() -> None:
    data = post(b"{}")
    size = len(data) - 2
    assert KnownHead.of(data, SCOPE, size + 4) is None
    assert KnownHead.of(data, SCOPE, size + 9) is not None


LENGTHS = st.one_of(st.integers(0, 10**12).map(lambda number: b"%d" % number), st.binary(max_size=12))


@given(length=LENGTHS, body=st.binary(max_size=40), right=st.booleans())
def test_a_length_is_a_number_and_that_of_the_body(length: bytes, body: bytes, right: bool) -> None:
    known = KnownHead.of(post(b"{}"), SCOPE, 64 * 1024)
    assert known is not None
    if right:
        length = b"%d" % len(body)
    found = known.request(HEAD.replace(b"%d", length) + body)
    if length.isdigit() and len(length) <= 9 and int(length) == len(body):
        assert found is not None
        assert found[1] == body
        assert found[0]["headers"] == [LINES[0], (b"content-length", length), LINES[2]]
    else:
        assert found is None


def test_the_key_of_known_lines_is_looked_up_again_when_keys_are_others() -> None:
    def keys(**fields: Any) -> Keys:
        record = KeyRecord(id=1, name="k", prefix="k", hash=hash_key("k"), team_id=1, team_name="t", **fields)
        return Keys([record], any_format=True)

    lines = KnownLines(LINES, 1)
    headers = lines.headers(LINES)
    first = keys(expires_at=100.0)
    for now in (0.0, 99.0):
        assert lines.caller(headers, first, now) is first[hash_key("k")]
    assert isinstance(lines.caller(headers, first, 100.0), NotAuthenticated)
    assert isinstance(lines.caller(headers, keys(revoked=True), 0.0), NotAuthenticated)
    assert lines.caller(headers, Keys(any_format=True), 0.0) is UNKNOWN
    assert lines.caller(headers, first, 0.0) is first[hash_key("k")]
