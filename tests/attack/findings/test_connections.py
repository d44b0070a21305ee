"""The server without a proxy: heads, slow bodies, idle connections and bytes in memory have ends of their own."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.attack.rig.rig import Rig
from tests.harness.http.raw import CLOSE, request
from tests.harness.patience import until
from tests.harness.script import HANG, Reply

_MB = 1024 * 1024
_HEAD = "POST /v1/messages HTTP/1.1\r\nHost: a\r\nx-api-key: {key}\r\n"


def _send_all(port: int, pieces: Iterator[bytes]) -> bytes:
    """Send until the other side has enough; what it said."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection, contextlib.suppress(ConnectionError):
        for piece in pieces:
            connection.sendall(piece)
        with contextlib.suppress(TimeoutError):
            return connection.recv(65536)
    return b""


@pytest.mark.parametrize("line", [b"x-a: " + b"a" * 8000, b"a: b"])
def test_a_head_has_an_end_and_takes_no_memory(line: bytes, rig: Rig) -> None:
    def lines() -> Iterator[bytes]:
        yield b"GET /v1/me HTTP/1.1\r\nHost: a\r\n"
        yield from [(line + b"\r\n") * (_MB // len(line))] * 30

    with rig.watching() as toll:
        answers = [_send_all(rig.gateway.port, lines()) for _ in range(3)]
    assert all(answer == b"" or b" 431 " in answer[:20] for answer in answers), answers
    assert toll.grown < 32 * _MB
    assert toll.cpu < 3


def _are_closed(connections: list[socket.socket]) -> bool:
    closed = 0
    for connection in connections:
        connection.setblocking(False)
        try:
            while connection.recv(65536):
                pass
            closed += 1
        except BlockingIOError:
            pass
        except ConnectionError:
            closed += 1
    return closed == len(connections)


def test_connections_that_say_nothing_or_half_of_it_are_closed(rig: Rig) -> None:
    head = _HEAD.format(key=rig.key.secret)
    parts = {
        "nothing": b"",
        "half a head": head[:40].encode(),
        "a head and no body": f"{head}Content-Length: 1000\r\n\r\n".encode(),
        "half a body": f'{head}Content-Length: 1000\r\n\r\n{{"model"'.encode(),
        "half a chunk": f"{head}Transfer-Encoding: chunked\r\n\r\n3e8\r\n{{".encode(),
        "an answered request": b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    }
    limits: Any = {"HEADER_SECONDS": "1", "BODY_SECONDS": "2", "IDLE_SECONDS": "1"}
    with rig.serving(**limits) as other, contextlib.ExitStack() as stack:
        connections = []
        for part in parts.values():
            for _ in range(40):
                connections.append(stack.enter_context(socket.create_connection(("127.0.0.1", other.port))))
                connections[-1].sendall(part)
        until(lambda: _are_closed(connections), "all of them to be closed", timeout=30)
        other.assert_serves()


@pytest.mark.slow
def test_a_body_that_drips_is_given_up(rig: Rig) -> None:
    with rig.serving(HEADER_SECONDS="1", BODY_SECONDS="6") as other:
        head = _HEAD.format(key=rig.key.secret) + "Content-Length: 100000\r\n\r\n"
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", other.port)) as connection:
            connection.sendall(head.encode())
            with contextlib.suppress(ConnectionError):
                while not _are_closed([connection]) and time.monotonic() < began + 60:
                    connection.setblocking(True)
                    connection.sendall(b" ")
                    time.sleep(0.2)
        assert time.monotonic() < began + 30


def test_bodies_in_memory_have_a_limit_for_a_key_and_others_go_on(rig: Rig) -> None:
    limits: Any = {
        "MAX_BODIES_BYTES_PER_KEY": str(8 * _MB),
        "MAX_BODIES_BYTES": str(64 * _MB),
        "MAX_BODY_BYTES": str(4 * _MB),
    }
    with rig.configure():
        greedy = rig.new_key()
    silent = rig.script(Reply(before=[HANG]))
    body = json.dumps(rig.body(silent, system="a" * (3 * _MB))).encode()
    data = f"{_HEAD.format(key=greedy.secret)}Content-Length: {len(body)}\r\n\r\n".encode() + body
    with rig.serving(**limits) as other, contextlib.ExitStack() as stack, other.watching() as toll:
        first = [stack.enter_context(socket.create_connection(("127.0.0.1", other.port))) for _ in range(2)]
        for connection in first:
            connection.sendall(data)
        silent.wait(2)
        for _ in range(20):
            answer = other.client(greedy.secret).post(body)
            assert answer.status == 529, answer.raw[:200]
            assert int(answer.headers["retry-after"]) > 0
        other.assert_serves()
        assert len(silent.seen) == 2
    assert toll.grown < 128 * _MB


def test_trailers_are_no_headers(rig: Rig) -> None:
    script = rig.script()
    trailers = {"x-api-key": "sk-px-evil", "authorization": "Bearer sk-px-evil"}
    lines = (("Host", "127.0.0.1"), ("x-api-key", rig.key.secret), CLOSE)
    answers = rig.raw(request(rig.body(script), *lines, chunked=True, trailers=trailers))
    assert [answer.stream().text for answer in answers] == ["done"]
