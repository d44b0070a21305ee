"""The same behind nginx: its own limits, and the gateway's for what nginx has none for."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.http.nginx import running_nginx
from tests.harness.http.raw import CLOSE, assert_done, request
from tests.harness.patience import SOON, until
from tests.harness.script import Gate, Reply
from tests.harness.upstream import Upstream
from tests.servers.limits.conftest import Connect

pytestmark = pytest.mark.clients
HOST = ("Host", "x")
LOWERED = {
    "limit_conn gateway_addresses 1000;": "limit_conn gateway_addresses 4;",
    "client_header_timeout 10s;": "client_header_timeout 1s;",
    "client_body_timeout   20s;": "client_body_timeout 2s;",
    "keepalive_timeout     75s;": "keepalive_timeout 1s;",
}


@pytest.fixture
def nginx(strict: Gateway, tmp_path: Path) -> Iterator[int]:
    """The port of an nginx with low limits in front of a gateway with low limits."""
    with running_nginx(tmp_path, [strict.port], LOWERED) as port:
        yield port


def test_an_address_has_so_many_requests_under_way(
    nginx: int, upstream: Upstream, standing: Standing, key: tuple[str, str]
) -> None:
    client = Client(f"http://127.0.0.1:{nginx}", standing.key.secret)
    gate = Gate()
    script = upstream.script(Reply([speak.opening("anthropic", "go"), gate, speak.closing("anthropic")]))
    body = message(standing.routes["anthropic"].name, script.prompt)
    readings = [client.reading(body) for _ in range(4)]
    streams = [reading.__enter__() for reading in readings]
    try:
        for path in ("/v1/models", "/healthz"):
            answer = client.get(path)
            assert "too many requests under way" in answer.error(429, "rate_limit_error")
            assert answer.headers["retry-after"] == "5"
        gate.open()
        assert [stream.finish().stream().text for stream in streams] == ["go"] * 4
    finally:
        for reading in readings:
            reading.__exit__(None, None, None)
    until(lambda: client.get("/v1/models").status == 200, "room")


@pytest.mark.parametrize("sent", [b"", b"GET /v1/models HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_a_head_that_does_not_come_ends_there(sent: bytes, nginx: int, connect: Connect) -> None:
    peer = connect(nginx)
    peer.send(sent)
    assert peer.lasted() < SOON


def test_so_does_a_silent_body(nginx: int, connect: Connect, body: dict[str, Any], key: tuple[str, str]) -> None:
    peer = connect(nginx)
    peer.send(request(body, HOST, key)[:-10])
    began = time.monotonic()
    peer.everything()
    assert time.monotonic() - began < SOON


def test_a_body_that_drips_is_refused_by_the_gateway(
    nginx: int, connect: Connect, body: dict[str, Any], key: tuple[str, str]
) -> None:
    head, _, data = request(body, HOST, key).partition(b"\r\n\r\n")
    peer = connect(nginx)
    peer.send(head + b"\r\n\r\n")
    sent = 0
    while not select.select([peer.socket], [], [], 0.2)[0]:
        peer.send(data[sent : sent + 1])
        sent += 1
    assert sent < len(data)
    (answer,) = peer.everything()
    assert "more slowly than 2000 bytes per second" in answer.error(408, "timeout_error")


def test_a_steady_body_and_small_requests_pass(
    nginx: int, connect: Connect, body: dict[str, Any], key: tuple[str, str]
) -> None:
    sent = request({**body, "system": "s" * 30_000}, HOST, key, CLOSE)
    peer = connect(nginx)
    peer.send(*(sent[at : at + 2_000] for at in range(0, len(sent), 2_000)), every=0.1)
    assert_done(*peer.everything())
