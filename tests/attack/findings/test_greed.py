"""One client that wants all connections, all time or all memory of a server gets its own part of them."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings

from tests.attack.rig.rig import Rig
from tests.harness import speak
from tests.harness.call import Answer
from tests.harness.http.raw import request
from tests.harness.script import Gate, Reply

_MEGABYTE = 1024 * 1024
_CONNECTIONS = 900
HOST = ("Host", "127.0.0.1")


@pytest.mark.parametrize("flood", [b"a: b\r\n" * 100_000, b"X" * 600_000])
def test_headers_without_end_are_cut_off(flood: bytes, rig: Rig) -> None:
    with (
        rig.watching() as toll,
        socket.create_connection(("127.0.0.1", rig.port), timeout=30) as connection,
        contextlib.suppress(OSError),
    ):
        connection.sendall(b"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nX: y\r\n")
        for _ in range(250):
            connection.sendall(flood)
    assert toll.grown < 16 * _MEGABYTE, toll


@pytest.mark.parametrize("fields", [{}, {"authorization": "Bearer sk-px-nobody"}])
def test_a_body_of_nobody_is_not_kept(fields: dict[str, str], rig: Rig) -> None:
    lines = [HOST, *fields.items(), ("Content-Length", "30000000")]
    with rig.watching() as toll, contextlib.ExitStack() as stack:
        for _ in range(20):
            peer = stack.enter_context(socket.create_connection(("127.0.0.1", rig.port), timeout=30))
            peer.sendall(request(None, *lines))
            with contextlib.suppress(OSError):
                peer.sendall(b"x" * 3_000_000)
            assert peer.recv(65536).startswith(b"HTTP/1.1 401 ")
    assert toll.grown < 32 * _MEGABYTE, toll


@contextlib.contextmanager
def _many(port: int, begin: bytes) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        made = []
        for _ in range(_CONNECTIONS):
            made.append(stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30)))
            made[-1].sendall(begin)
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("what", ["nothing", "half a head", "half a body"])
def test_connections_that_only_wait_are_ended(what: str, rig: Rig) -> None:
    head = request(None, HOST, ("X-Api-Key", rig.key.secret), ("Content-Length", "1000000"))
    begin = {"nothing": b"", "half a head": head[:-2], "half a body": head + b"{"}[what]
    with _many(rig.port, begin) as connections:
        rig.assert_serves()
        # A byte now and then, as slow attackers send it.
        left, until = set(connections), time.monotonic() + 60
        while left and time.monotonic() < until:
            time.sleep(2)
            left = {connection for connection in left if not _has_ended(connection)}
            for connection in left:
                with contextlib.suppress(OSError):
                    connection.send(b"x" if begin else b"")
        assert not left, f"{len(left)} are still open"
        rig.assert_serves()


def _has_ended(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        while connection.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


@pytest.mark.slow
def test_two_hundred_of_the_largest_bodies_of_one_key_stay_within_their_memory(rig: Rig) -> None:
    gate = Gate()
    silent = rig.script(Reply([speak.opening("openai_chat", "do"), speak.closing("openai_chat")], before=[gate]))
    with rig.configure():
        key, other = rig.new_key(), rig.new_key()
        route = rig.new_route("openai_chat")
    body = rig.body(silent, model=route)
    body["system"] = "s" * (settings.MAX_BODY_BYTES - len(json.dumps(body)) - 20)
    data = json.dumps(body).encode()

    def post(_: int) -> Answer:
        return rig.client(key.secret).post(data)

    workers = len(rig.pids())
    with rig.watching() as toll, ThreadPoolExecutor(24) as pool:
        answers = [pool.submit(post, number) for number in range(200)]
        while sum(answer.done() for answer in answers) < 200 - 8 * workers:
            time.sleep(0.1)
        # The others do not notice.
        assert rig.client(other.secret).post(rig.body(rig.script())).stream().text == "done"
        gate.open()
        statuses = [answer.result().status for answer in answers]
    refused = statuses.count(529)
    assert refused >= 200 - 8 * workers
    assert set(statuses) == {200, 529}
    assert toll.grown < workers * (4 * settings.MAX_BODIES_BYTES_PER_KEY + 150 * _MEGABYTE), toll


def test_one_key_has_its_own_places_alone(rig: Rig) -> None:
    with rig.serving(MAX_REQUESTS_PER_KEY="5") as other:
        gate = Gate()
        script = other.script(Reply([speak.opening("anthropic", "do"), gate, speak.closing("anthropic")]))
        with rig.configure():
            rich = rig.new_key()
        other.gateway.wait_snapshot()
        with contextlib.ExitStack() as stack:
            for _ in range(5):
                stack.enter_context(other.client().reading(other.body(script)))
            for path in ("/v1/messages", "/v1/messages/count_tokens"):
                other.client().post(other.body(script), path=path).error(429, "rate_limit_error")
            for path in ("/v1/models", "/v1/me"):
                other.client().get(path).error(429, "rate_limit_error")
            assert other.client(rich.secret).get("/v1/models").status == 200
            gate.open()
