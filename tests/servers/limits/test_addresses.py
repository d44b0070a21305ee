"""Connections per address: at most so many, but for trusted proxies. And settings that are refused where malformed."""

from __future__ import annotations

import contextlib
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from access.addresses import counted_by, is_trusted
from tests.harness.configure import Standing
from tests.harness.gateway import ROOT, Gateway
from tests.harness.http.raw import request
from tests.harness.patience import PATIENCE, until
from tests.servers.limits.conftest import Connect

HOST = ("Host", "x")
MODELS = "GET /v1/models?limit=1 HTTP/1.1"


@pytest.fixture(scope="module")
def suspicious(live_database: None, standing: Standing) -> Iterator[Gateway]:
    """A gateway that trusts nobody on this machine."""
    env = {"TRUSTED_PROXIES": "10.0.0.0/8", "MAX_CONNECTIONS_PER_ADDRESS": "6", "CIRCUIT_BREAKER": "false"}
    running = Gateway("suspicious", env=env)
    try:
        yield running.start()
    finally:
        running.stop()


def test_an_address_has_so_many_connections_and_no_more(
    suspicious: Gateway, connect: Connect, key: tuple[str, str]
) -> None:
    asked = request(None, HOST, key, start=MODELS)
    held = [connect(suspicious.port) for _ in range(6)]
    for _ in range(3):
        (answer,) = connect(suspicious.port).everything()
        assert "too many open connections" in answer.error(429, "rate_limit_error")
        assert (answer.headers["retry-after"], answer.headers["connection"]) == ("5", "close")
    for peer in held:
        peer.send(asked)
        assert peer.socket.recv(65536).startswith(b"HTTP/1.1 200 ")
    # Whoever goes makes room.
    held[0].socket.close()

    def has_room() -> bool:
        peer = connect(suspicious.port)
        peer.send(asked)
        taken = peer.socket.recv(65536).startswith(b"HTTP/1.1 200 ")
        peer.socket.close()
        return taken

    until(has_room, "room for one more")
    assert "TRUSTED_PROXIES" in suspicious.logs()


@pytest.mark.parametrize(
    ("peer", "proxies", "by"),
    [
        ("127.0.0.1", ("127.0.0.0/8", "::1/128"), None),
        ("127.8.9.9", ("127.0.0.0/8",), None),
        ("::1", ("127.0.0.0/8", "::1/128"), None),
        ("::ffff:127.0.0.1", ("127.0.0.0/8",), None),
        ("10.1.2.3", ("10.1.2.3",), None),
        ("10.1.2.4", ("10.1.2.3",), "10.1.2.4"),
        ("::ffff:192.0.2.7", (), "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", ("10.0.0.0/8",), "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::9", ("10.0.0.0/8",), "2001:db8:1:2::/64"),
        ("fe80::1%eth0", (), "fe80::/64"),
        ("", ("127.0.0.0/8",), None),
    ],
)
def test_what_a_peer_is_counted_by(peer: str, proxies: tuple[str, ...], by: str | None) -> None:
    assert counted_by(peer, proxies) == by
    assert is_trusted(peer, proxies) is (by is None)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("TRUSTED_PROXIES", "10.0.0.0/8,nonsense", "TRUSTED_PROXIES"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "TRUSTED_PROXIES"),
        ("MAX_HEADERS", "many", "MAX_HEADERS"),
        ("HEADER_SECONDS", "0", "HEADER_SECONDS"),
        ("BODY_SECONDS", "-1", "BODY_SECONDS"),
        ("MIN_BODY_RATE", "nan", "MIN_BODY_RATE"),
        ("MAX_REQUESTS_PER_KEY", "1.5", "MAX_REQUESTS_PER_KEY"),
        ("MAX_BODIES_BYTES_PER_KEY", "1000", "MAX_BODY_BYTES"),
    ],
)
def test_a_malformed_setting_is_refused_at_the_start(
    name: str, value: str, words: str, live_database: None, suspicious: Gateway
) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "serve", "--port", "1"],
        cwd=ROOT,
        env={**suspicious.environment, name: value},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_may_have_as_many_connections_as_the_system_allows(gateway: Gateway) -> None:
    soft, hard = resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE)
    assert soft == min(hard, 65_536) or soft > 65_536


def test_peers_of_a_unix_socket_are_one_proxy(live_database: None, standing: Standing, tmp_path: Path) -> None:
    path = str(tmp_path / "gateway.sock")
    environment = Gateway("unix").environment | {"MAX_CONNECTIONS_PER_ADDRESS": "1", "TRUSTED_PROXIES": ""}
    Path(environment["DATA_DIR"]).mkdir()
    with socket.socket(socket.AF_UNIX) as listener, contextlib.ExitStack() as stack:
        listener.bind(path)
        listener.listen()
        command = [sys.executable, "manage.py", "serve", "--descriptor", str(listener.fileno())]
        server = subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=[listener.fileno()])
        try:
            peers = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(3)]
            for peer in peers:
                peer.settimeout(PATIENCE)
                peer.connect(path)
                peer.sendall(request(None, HOST, start="GET /healthz HTTP/1.1"))
            for peer in peers:
                assert peer.recv(65536).startswith(b"HTTP/1.1 200 ")
        finally:
            server.terminate()
            assert server.wait(PATIENCE) == 0
