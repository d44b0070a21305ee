"""SIGTERM at the listening socket: whoever came before the end of accepting is answered, and nobody is hung up on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from tests.harness import database, speak
from tests.harness.call import Answer, Client, message
from tests.harness.configure import Standing
from tests.harness.gateway import ROOT, Gateway
from tests.harness.http.raw import answers_in, request
from tests.harness.patience import PATIENCE, until
from tests.harness.script import Gate, Reply
from tests.harness.upstream import Upstream

HOST = ("Host", "x")


@pytest.fixture
def stopping(live_database: None, standing: Standing) -> Iterator[Gateway]:
    """A gateway for a test to stop."""
    running = Gateway("drain", env={"DRAIN_DEADLINE": "20"})
    try:
        yield running.start()
    finally:
        running.stop()


class Connection:
    """A client's connection that stays open between requests."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._received = b""

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self._socket.sendall(data)

    def answer(self) -> Answer:
        """The next answer, which has a length."""
        self.until(b"\r\n\r\n")
        head = self._received.partition(b"\r\n\r\n")[0].lower()
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        while len(self._received) < len(head) + 4 + length:
            self._receive()
        (answer,) = answers_in(self._received)
        self._received = b""
        return answer

    def closed_at(self) -> float:
        """When the server closed it (time.monotonic()), without another byte and without a reset."""
        assert self._socket.recv(1) == b""
        return time.monotonic()

    def until(self, found: bytes) -> None:
        """Read until these bytes have come."""
        while found not in self._received:
            self._receive()

    def everything(self, *, together: bytes = b"") -> list[Answer]:
        """All answers until the server closes it; `together` are last bytes with which the end has to come."""
        while data := self._socket.recv(65536):
            self._received += data
            if together and self._received.endswith(together):
                self._socket.setblocking(False)
                assert self._socket.recv(1) == b"", "the end came later"
                break
        return answers_in(self._received)

    def close(self) -> None:
        """Go away."""
        self._socket.close()

    def _receive(self) -> None:
        data = self._socket.recv(65536)
        assert data, "closed without an answer"
        self._received += data


Connect = Callable[[Gateway], Connection]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes connections, and closes them at the end of the test."""
    made: list[Connection] = []

    def connected(gateway: Gateway) -> Connection:
        made.append(Connection(gateway.port))
        return made[-1]

    yield connected
    for connection in made:
        connection.close()


def _is_refused(gateway: Gateway) -> bool:
    try:
        socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE).close()
    except ConnectionRefusedError:
        return True
    return False


def test_idle_connections_are_served_until_they_are_closed_at_the_end(
    stopping: Gateway, connect: Connect, standing: Standing, upstream: Upstream
) -> None:
    key = ("x-api-key", standing.key.secret)
    models = request(None, HOST, key, start="GET /v1/models HTTP/1.1")
    used, unused, begun, fresh = (connect(stopping) for _ in range(4))
    for connection in (used, unused, begun):
        connection.send(models)
        assert "connection" not in connection.answer().headers
    begun.send(models[:30])
    gate = Gate()
    script = upstream.script(
        Reply(
            [
                speak.opening("openai_chat", "Going "),
                gate,
                speak.more("openai_chat", "on"),
                speak.closing("openai_chat"),
            ]
        )
    )
    client = Client(stopping.base_url, standing.key.secret)
    with client.reading(message(standing.routes["openai_chat"].name, script.prompt)) as reading:
        reading.until(b"Going ")
        stopping.signal()
        until(lambda: _is_refused(stopping), "the end of accepting")
        # As a proxy does that has not heard of the stop.
        used.send(models)
        fresh.send(models)
        begun.send(models[30:])
        for connection in (used, fresh, begun):
            answer = connection.answer()
            assert (answer.status, answer.headers["connection"]) == (200, "close")
            connection.closed_at()
        unused.closed_at()
        # They do not wait for the stream, and the stream does not suffer.
        gate.open()
        assert reading.finish().stream().text == "Going on"
    assert stopping.wait_exit() == 0


def test_an_answer_that_began_before_ends_together_with_its_connection(
    stopping: Gateway, connect: Connect, standing: Standing, upstream: Upstream
) -> None:
    alone, followed = connect(stopping), connect(stopping)
    key = ("x-api-key", standing.key.secret)
    gates = []
    for connection in (alone, followed):
        gate = Gate()
        gates.append(gate)
        script = upstream.script(
            Reply(
                [speak.opening("anthropic", "Going "), gate, speak.more("anthropic", "on"), speak.closing("anthropic")]
            )
        )
        connection.send(request(message(standing.routes["anthropic"].name, script.prompt), HOST, key))
        connection.until(b"Going ")
    stopping.signal()
    until(lambda: _is_refused(stopping), "the end of accepting")
    # Its head said nothing of a close. A proxy that sees the end of the answer must see that of the connection too,
    # before it sends the next request; one that has sent it already gets its answer.
    followed.send(request(None, HOST, key, start="GET /v1/models HTTP/1.1"))
    for gate in gates:
        gate.open()
    (stream,) = alone.everything(together=b"0\r\n\r\n")
    assert stream.stream().text == "Going on"
    stream, models = followed.everything()
    assert stream.stream().text == "Going on"
    assert (models.status, models.headers["connection"]) == (200, "close")
    assert stopping.wait_exit() == 0


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_what_waits_to_be_accepted_is_answered(
    stop: signal.Signals, stopping: Gateway, connect: Connect, standing: Standing
) -> None:
    # A server that is too busy to look at its socket, with requests that wait there when the signal comes.
    asked = request(None, HOST, ("x-api-key", standing.key.secret), start="GET /v1/models HTTP/1.1")
    stopping.signal(signal.SIGSTOP)
    waiting = [connect(stopping) for _ in range(100)]
    for connection in waiting:
        connection.send(asked)
    stopping.signal(stop)
    stopping.signal(signal.SIGCONT)
    for connection in waiting:
        assert connection.answer().status == 200
    assert stopping.wait_exit() == 0


def test_a_stop_that_nobody_waits_for_is_over_at_once(stopping: Gateway) -> None:
    stopping.signal()
    began = time.monotonic()
    assert stopping.wait_exit() == 0
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("workers", [1, 2])
def test_a_held_socket_outlives_the_server(
    workers: int, live_database: None, connect: Connect, standing: Standing
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gateway = Gateway("held", listener=listener, workers=workers)
        try:
            gateway.start()
            gateway.signal()
            assert gateway.wait_exit() == 0
            # Nobody is there, and nobody is refused.
            early = connect(gateway)
            early.send(request(None, HOST, ("x-api-key", standing.key.secret), start="GET /v1/models HTTP/1.1"))
            gateway.start()
            assert early.answer().status == 200
        finally:
            gateway.stop()


def test_a_descriptor_that_is_no_listening_socket_is_refused_with_a_sentence() -> None:
    with socket.socket() as idle:
        idle.bind(("127.0.0.1", 0))
        for number, words in ((idle.fileno(), "does not listen"), (987, "systemd's first one is 3")):
            ended = subprocess.run(
                [sys.executable, "manage.py", "serve", "--descriptor", str(number)],
                cwd=ROOT,
                env={**os.environ, "DATABASE_URL": database.live_url(), "DATA_DIR": str(database.FOLDER)},
                pass_fds=[idle.fileno()],
                capture_output=True,
                text=True,
                timeout=PATIENCE,
            )
            assert ended.returncode == 1
            assert words in ended.stderr
            assert "Traceback" not in ended.stderr
