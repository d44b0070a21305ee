"""Runs the demo upstream with uvicorn, on loopback only; `start` runs it as a child process of the gateway.

The child (`python -m proxysite.demo.server --fd N`) ends when its standard input does: the parent holds the other end
of that pipe, which closes however the parent dies.
"""

from __future__ import annotations

import argparse
import http.client
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import uvicorn

from proxysite.demo.app import app

HOST = "127.0.0.1"
_BASE_DIR = Path(__file__).resolve().parent.parent.parent


class PortTaken(Exception):
    """Another process listens on the demo upstream's port."""


def listen(port: int) -> socket.socket:
    """A listening socket on loopback. Raises PortTaken."""
    try:
        return socket.create_server((HOST, port), backlog=2048)
    except OSError as error:
        raise PortTaken(
            f"The demo upstream cannot listen on {HOST}:{port} ({os.strerror(error.errno or 0)}). It uses the port "
            "after the gateway's. Choose another PORT, stop what listens there, or set DEMO_UPSTREAM=false."
        ) from error


def run(listener: socket.socket, until_input_ends: bool = False) -> None:
    """Serves until a signal, or with `until_input_ends` until standard input ends."""
    logging.basicConfig(level=logging.ERROR, format="demo upstream: %(message)s")
    # demo-drop leaves its answer unfinished on purpose.
    logging.getLogger("uvicorn.error").addFilter(lambda record: "without completing" not in record.getMessage())
    config = uvicorn.Config(
        app, lifespan="off", ws="none", log_config=None, log_level="error", access_log=False, server_header=False
    )
    server = uvicorn.Server(config)
    if until_input_ends:
        threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
    server.run(sockets=[listener])


def _stop_at_end_of_input(server: uvicorn.Server) -> None:
    while os.read(0, 1024):
        pass
    server.force_exit = True
    server.should_exit = True


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


def main() -> None:
    """Serves on a socket that the parent process opened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="file descriptor of the listening socket")
    run(socket.socket(fileno=parser.parse_args().fd), until_input_ends=True)


if __name__ == "__main__":
    main()
