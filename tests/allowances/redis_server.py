"""A Redis of the tests: Debian's redis-server on a free port, without files."""

from __future__ import annotations

import signal
import socket
import subprocess
import time

from tests.harness import programs
from tests.harness.gateway import free_port
from tests.harness.patience import PATIENCE, until


class RedisServer:
    """Started by `start`; `url` is its address."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        options = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
        command = [str(programs.find("redis-server")), *options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until(lambda: self.ask("PING") == "+PONG", "redis-server to answer")

    def ask(self, line: str) -> str:
        """What it answers to one command in one line, empty when nobody answers."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
                connection.sendall(f"{line}\r\n".encode())
                return connection.recv(1 << 16).decode().strip()
        except OSError:
            return ""

    def pause(self) -> None:
        """It stays, and does not answer."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        # The signal is on its way when the call returns.
        time.sleep(0.05)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """It forgets everything."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
            self._process = None
