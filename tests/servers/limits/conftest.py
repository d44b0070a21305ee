"""A gateway whose limits are so low that a test need not wait for them, and a connection of which each byte is ours."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

import pytest

from tests.harness.call import Answer
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.http.raw import answers_in
from tests.harness.patience import PATIENCE

HEADER_SECONDS = 1.5
BODY_SECONDS = 5.0
IDLE_SECONDS = 3.0


@pytest.fixture(scope="session")
def strict(live_database: None, standing: Standing) -> Iterator[Gateway]:
    """A gateway with low limits."""
    env = {"HEADER_SECONDS": str(HEADER_SECONDS), "BODY_SECONDS": str(BODY_SECONDS), "MIN_BODY_RATE": "2000"}
    env |= {"IDLE_SECONDS": str(IDLE_SECONDS), "SEND_SECONDS": "2", "CIRCUIT_BREAKER": "false"}
    running = Gateway("strict", env=env)
    try:
        yield running.start()
    finally:
        running.stop()


class Peer:
    """The client's side of one connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._since = time.monotonic()

    def send(self, *parts: bytes, every: float = 0.0) -> int:
        """Send parts, one every so many seconds, until all are sent or the server is gone; how many were taken."""
        for number, part in enumerate(parts):
            if number and every:
                time.sleep(every)
            try:
                self.socket.sendall(part)
            except (ConnectionError, BrokenPipeError):
                return number
        return len(parts)

    def everything(self) -> list[Answer]:
        """All answers until the server closes the connection."""
        received = bytearray()
        try:
            while data := self.socket.recv(65536):
                received += data
        except ConnectionResetError:
            pass
        return answers_in(bytes(received))

    def lasted(self) -> float:
        """Seconds since it was made, once the server has closed it."""
        self.everything()
        return time.monotonic() - self._since


Connect = Callable[[int], Peer]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes connections to a port, and closes them at the end of the test."""
    made: list[Peer] = []

    def connected(port: int) -> Peer:
        made.append(Peer(port))
        return made[-1]

    yield connected
    for peer in made:
        peer.socket.close()
