"""The files of Unix sockets: whose they are, and when a server removes one."""

from __future__ import annotations

import errno
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.harness.configure import Standing
from tests.harness.gateway import ROOT, Gateway
from tests.harness.patience import PATIENCE, until
from tests.servers.apart.conftest import answers_on

_PAGES = (sys.executable, "manage.py", "serve", "--only", "admin", "--socket")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the socket is."""
    return tmp_path / "pages.sock"


def test_a_server_that_stops_leaves_the_file_of_another_one(
    live_database: None, standing: Standing, file: Path
) -> None:
    environment = Gateway("first-of-two").environment
    Path(environment["DATA_DIR"]).mkdir()
    first = subprocess.Popen([*_PAGES, file], cwd=ROOT, env=environment)
    try:
        until(answers_on(file), "the first server")
        file.unlink()
        with socket.socket(socket.AF_UNIX) as second:
            second.bind(str(file))
            second.listen()
            first.terminate()
            assert first.wait(PATIENCE) == 0
            with socket.socket(socket.AF_UNIX) as caller:
                assert caller.connect_ex(str(file)) == 0
    finally:
        first.kill()
        first.wait(PATIENCE)


@pytest.mark.parametrize("kind", ["busy", "datagram"])
def test_the_file_of_a_server_that_takes_nobody_now_stays(kind: str, gateway: Gateway, file: Path) -> None:
    with ExitStack() as stack:
        other = stack.enter_context(
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM if kind == "datagram" else socket.SOCK_STREAM)
        )
        other.bind(str(file))
        if kind == "busy":
            other.listen(0)
            caller = stack.enter_context(socket.socket(socket.AF_UNIX))
            caller.setblocking(False)
            caller.connect(str(file))
            with socket.socket(socket.AF_UNIX) as refused:
                refused.setblocking(False)
                assert refused.connect_ex(str(file)) == errno.EAGAIN
        there = file.stat().st_ino
        ended = subprocess.run(
            [*_PAGES, file],
            cwd=ROOT,
            env=gateway.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert ended.returncode == 1
        assert f"Cannot listen on {file}" in ended.stderr
        assert file.stat().st_ino == there
