"""The demo upstream as a child process of the gateway."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from pathlib import Path

from proxysite.demo.server import HOST, PortTaken, listen

__all__ = ["Child", "DemoFailed", "PortTaken", "start"]

_BASE_DIR = Path(__file__).resolve().parent.parent.parent


class DemoFailed(Exception):
    """The child process ended, or did not answer in time; the text says which."""


class Child:
    """A running demo upstream. It ends with `stop()`, and by itself when this process has ended."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._process = process
        self.port = port

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def stop(self, timeout: float = 5.0) -> None:
        """Ends the process and waits for it; kills it after `timeout` seconds. Can be repeated."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def start(port: int, timeout: float = 10.0) -> Child:
    """Starts it on loopback and waits up to `timeout` seconds until it answers. Raises PortTaken or DemoFailed.

    This process opens the socket, so a port in use is an error at once, and no other server can answer instead.
    """
    with listen(port) as listener:
        process = subprocess.Popen(  # noqa: S603 - this package's own module, without input from outside
            [sys.executable, "-m", "proxysite.demo.server", "--fd", str(listener.fileno())],
            cwd=_BASE_DIR,
            pass_fds=[listener.fileno()],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            # Ctrl-C goes to a whole process group; the gateway still needs its upstream while its streams finish.
            start_new_session=True,
        )
    child = Child(process, port)
    try:
        _wait_until_it_answers(process, port, time.monotonic() + timeout)
    except BaseException:
        child.stop(timeout=1)
        raise
    return child


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int, deadline: float) -> None:
    while True:
        if process.poll() is not None:
            raise DemoFailed(f"The demo upstream ended at once with exit code {process.returncode}.")
        left = deadline - time.monotonic()
        if left <= 0:
            raise DemoFailed(f"The demo upstream did not answer on {HOST}:{port} in time.")
        connection = http.client.HTTPConnection(HOST, port, timeout=left)
        try:
            connection.request("GET", "/v1/models")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            # It ended, or time is up: the next iteration tells which.
            time.sleep(0.02)
        else:
            return
        finally:
            connection.close()
