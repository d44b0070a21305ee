"""What a large team does passes: five hundred streams of one key, a thousand connections of nginx that stay open."""

from __future__ import annotations

import resource
import selectors
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import speak
from tests.harness.call import message
from tests.harness.configure import Standing, make_key
from tests.harness.gateway import Gateway
from tests.harness.http.nginx import running_nginx
from tests.harness.http.raw import CLOSE, request
from tests.harness.patience import PATIENCE, until
from tests.harness.rows import Rows
from tests.harness.script import Gate, Reply
from tests.harness.upstream import Upstream

STREAMS = 500
KEPT = 1_000
HOST = ("Host", "x")


@pytest.fixture(autouse=True)
def _many_files() -> Iterator[None]:
    """This process has an end of each connection, and the upstream one more."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(before[1], 16_384), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def _connected(port: int, count: int) -> list[socket.socket]:
    return [socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) for _ in range(count)]


def _read(connections: list[socket.socket], ends: bytes | None) -> list[bytes]:
    """What each receives until it is closed, or until it has received `ends`."""
    received = {connection: bytearray() for connection in connections}
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ, connection)
        while selector.get_map():
            ready = selector.select(PATIENCE)
            assert ready, f"{len(selector.get_map())} connections are silent"
            for one, _ in ready:
                connection = one.data
                data = connection.recv(65536)
                received[connection] += data
                if not data or (ends is not None and ends in received[connection]):
                    selector.unregister(connection)
    return [bytes(received[connection]) for connection in connections]


@pytest.mark.parametrize("front", ["uvicorn", pytest.param("nginx", marks=pytest.mark.clients)])
def test_five_hundred_streams_of_one_key_are_answered(
    front: str, gateway: Gateway, standing: Standing, upstream: Upstream, orm: Rows, tmp_path: Path
) -> None:
    key = make_key()
    gateway.wait_snapshot()
    gate = Gate()
    script = upstream.script(Reply([speak.opening("anthropic", "go"), gate, speak.closing("anthropic")]))
    asked = request(message(standing.routes["anthropic"].name, script.prompt), HOST, ("X-Api-Key", key.secret), CLOSE)

    def streams(port: int) -> None:
        connections = _connected(port, STREAMS)
        for connection in connections:
            connection.sendall(asked)
        _read(connections, b'"go"')
        gate.open()
        for received in _read(connections, None):
            assert received.endswith(b"0\r\n\r\n"), received[-300:]
            assert b"message_stop" in received
        for connection in connections:
            connection.close()

    if front == "nginx":
        with running_nginx(tmp_path, [gateway.port]) as port:
            streams(port)
    else:
        streams(gateway.port)
    assert {row.outcome for row in orm.of_key(key, STREAMS)} == {"completed"}


def test_a_thousand_connections_of_a_proxy_stay_open(gateway: Gateway, standing: Standing) -> None:
    asked = request(None, HOST, ("X-Api-Key", standing.key.secret), start="GET /v1/models?limit=1 HTTP/1.1")
    connections = _connected(gateway.port, KEPT)
    try:
        for _ in range(2):
            for connection in connections:
                connection.sendall(asked)
            for received in _read(connections, b"has_more"):
                assert received.startswith(b"HTTP/1.1 200 ")
    finally:
        for connection in connections:
            connection.close()
    until(lambda: gateway.readiness()[0] == 200)


@pytest.mark.clients
def test_so_many_clients_of_nginx_are_served(gateway: Gateway, standing: Standing, tmp_path: Path) -> None:
    key = ("X-Api-Key", standing.key.secret)
    asked = request(None, HOST, key, start="GET /v1/models?limit=1 HTTP/1.1")
    with running_nginx(tmp_path, [gateway.port]) as port:
        connections = _connected(port, 900)
        for connection in connections:
            connection.sendall(asked)
        for received in _read(connections, b"has_more"):
            assert received.startswith(b"HTTP/1.1 200 ")
        for connection in connections:
            connection.close()
