"""The demo upstream as a child process: it reports when it cannot start and never outlives the gateway."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

from proxysite.demo import server
from tests.harness.gateway import ROOT, free_port
from tests.harness.patience import PATIENCE, until


def _listens(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def _wait_until_closed(port: int) -> None:
    until(lambda: not _listens(port), f"nothing to listen on {port}")


def test_stop_ends_it_and_frees_its_port() -> None:
    running = server.start(free_port())
    running.stop()
    running.stop()
    assert not _listens(running.port)
    again = server.start(running.port)
    again.stop()


def test_a_taken_port_is_shown_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(server.PortTaken, match=rf"127\.0\.0\.1:{port}.*another PORT"):
            server.start(port)


def test_it_is_on_loopback_only_and_out_of_reach_of_ctrl_c() -> None:
    running = server.start(free_port())
    try:
        assert not _listens(running.port, "127.0.0.2")
        assert os.getpgid(running.pid) != os.getpgid(0)
    finally:
        running.stop()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_its_parent_however_that_dies(number: signal.Signals) -> None:
    port = free_port()
    script = f"from proxysite.demo import server; server.start({port}); print('up', flush=True); input()"
    parent = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "up\n"
        assert _listens(port)
        parent.send_signal(number)
        parent.wait(PATIENCE)
    _wait_until_closed(port)
