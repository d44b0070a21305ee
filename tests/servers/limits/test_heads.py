"""Headers: how many, how large, and that what is refused costs no memory. And bytes that are neither head nor body."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.harness.gateway import Gateway
from tests.harness.http.raw import CLOSE, assert_done, request
from tests.servers.limits.conftest import Connect

MEGABYTE = 1024 * 1024
HOST = ("Host", "x")


def test_headers_up_to_the_limits_are_taken(
    gateway: Gateway, connect: Connect, body: dict[str, Any], key: tuple[str, str]
) -> None:
    for many in ([(f"X-{n}", "v") for n in range(95)], [("X-Large", "v" * 65_000)]):
        for cut in (None, 7_000):
            peer = connect(gateway.port)
            sent = request(body, HOST, key, *many, CLOSE)
            peer.send(*([sent] if cut is None else [sent[:cut], sent[cut:]]), every=0.1)
            assert_done(*peer.everything())


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([(f"X-{n}", "v") for n in range(101)], "more than 100 headers"),
        ([("X-Large", "v" * 66_000)], "larger than 65536 bytes"),
        ([(f"X-{n}", "v" * 1_000) for n in range(66)], "larger than 65536 bytes"),
    ],
)
@pytest.mark.parametrize("pieces", [1, 8])
def test_headers_beyond_them_are_refused(
    lines: list[tuple[str, str]], words: str, pieces: int, gateway: Gateway, connect: Connect, body: dict[str, Any]
) -> None:
    # With a valid key or without: nobody has looked for one yet.
    sent = request(body, HOST, *lines)
    size = len(sent) // pieces + 1
    peer = connect(gateway.port)
    peer.send(*(sent[at : at + size] for at in range(0, len(sent), size)), every=0.02)
    (answer,) = peer.everything()
    assert words in answer.error(431, "invalid_request_error")
    assert answer.headers["connection"] == "close"


def test_so_is_a_long_address(gateway: Gateway, connect: Connect) -> None:
    peer = connect(gateway.port)
    peer.send(request(None, HOST, start=f"GET /v1/models?x={'1' * 66_000} HTTP/1.1"))
    (answer,) = peer.everything()
    answer.error(431, "invalid_request_error")


_HEAD = b"POST /v1/messages HTTP/1.1\r\nHost: x\r\n"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("begin", "more", "status"),
    [
        (_HEAD + b"X: ", lambda: b"v" * MEGABYTE, 431),
        (_HEAD, lambda: b"a: b\r\n" * (MEGABYTE // 6), 431),
        (b"GET /", lambda: b"x" * MEGABYTE, 431),
        # Trailers, one endless or many small ones, and the extensions of a chunk. The key is refused before.
        (_CHUNKED + b"0\r\nX: ", lambda: b"v" * MEGABYTE, 401),
        (_CHUNKED + b"0\r\n", lambda: b"a: b\r\n" * (MEGABYTE // 6), 401),
        (_CHUNKED + b"1;x=", lambda: b"v" * MEGABYTE, 401),
        (b"", lambda: b"\r\n" * (MEGABYTE // 2), 431),
    ],
)
def test_a_flood_of_what_is_no_body_is_cut_off_and_costs_no_memory(
    begin: bytes, more: Callable[[], bytes], status: int, gateway: Gateway, connect: Connect
) -> None:
    flood = more()
    before = gateway.resident_bytes()
    peer = connect(gateway.port)
    taken = peer.send(begin, *[flood] * 150)
    assert gateway.resident_bytes() - before < 30 * MEGABYTE
    assert taken <= 151
    assert [answer.status for answer in peer.everything()] == [status]


def test_trailers_of_a_request_with_a_key_are_bounded_too(
    gateway: Gateway, connect: Connect, key: tuple[str, str]
) -> None:
    begin = request(None, HOST, key, ("Transfer-Encoding", "chunked")) + b"2\r\n{}\r\n0\r\n"
    before = gateway.resident_bytes()
    peer = connect(gateway.port)
    peer.send(begin, *[b"a: b\r\n" * (MEGABYTE // 6)] * 50)
    assert gateway.resident_bytes() - before < 30 * MEGABYTE
    (answer,) = peer.everything()
    assert "neither headers nor a body" in answer.error(400, "invalid_request_error")


def test_thousands_of_requests_in_one_packet_are_not_all_taken(
    gateway: Gateway, connect: Connect, key: tuple[str, str]
) -> None:
    one = request(None, HOST, key, start="GET /v1/models?limit=1 HTTP/1.1")
    before = gateway.resident_bytes()
    peer = connect(gateway.port)
    peer.socket.settimeout(5)
    with contextlib.suppress(TimeoutError):
        peer.send(*[one * 1_000] * 30)
    answers = peer.everything()
    # What was taken is answered, in turn; the end of the connection says that the rest was not.
    assert 50 <= len(answers) <= 5_000
    assert {answer.status for answer in answers} == {200}
    assert gateway.resident_bytes() - before < 30 * MEGABYTE
