"""`make run` as a newcomer meets it: in a fresh copy of the checkout, with an environment that knows no tests.

The copies share the installed packages of this run; only the test marked `clients` installs them from nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sysconfig
import threading
import venv
from pathlib import Path

import pytest

from tests.harness import programs
from tests.harness.call import Client, message
from tests.harness.gateway import ROOT, free_port
from tests.harness.patience import PATIENCE, until

_NOT_COPIED = (".git", ".venv", "data", ".env", "node_modules", "__pycache__", ".*_cache", ".hypothesis", "staticfiles")


class Run:
    """One `make run` in `checkout`."""

    def __init__(self, checkout: Path, port: int, *variables: str) -> None:
        self.port = port
        self.base_url = f"http://127.0.0.1:{port}"
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [programs.find("make"), "run", f"PORT={port}", *variables],
            cwd=checkout,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # A process group of its own, as a terminal gives it: what Ctrl-C reaches.
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_ready(self, timeout: float = PATIENCE) -> None:
        """Wait for the first answer of /readyz."""

        def is_ready() -> bool:
            assert self.process.poll() is None, f"it ended:\n{self.output}"
            return listens(self.port) and Client(self.base_url, None).get("/readyz").status == 200

        until(is_ready, lambda: self.output, timeout=timeout)

    @property
    def output(self) -> str:
        """What it printed so far."""
        return "".join(self.lines)

    def value(self, start: str) -> str:
        """What follows `start` on the one line that begins so."""
        found = [line.removeprefix(start).strip() for line in self.lines if line.startswith(start)]
        assert len(found) == 1, self.output
        return found[0]

    def server_pid(self) -> int:
        """The process id of `manage.py serve`, which make waits for."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        assert len(children) == 1, children
        assert b"serve" in Path(f"/proc/{children[0]}/cmdline").read_bytes()
        return int(children[0])

    def wait_exit(self, timeout: float = PATIENCE) -> int:
        """The exit code, once everything that writes to its output is gone."""
        code = self.process.wait(timeout)
        self._reader.join(timeout)
        assert not self._reader.is_alive(), f"something of it still runs:\n{self.output}"
        return code

    def stop(self) -> None:
        """End it if it still runs."""
        if self.process.poll() is None:
            self.process.terminate()
        self.wait_exit()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(iter(self.process.stdout.readline, ""))


def environment(**more: str) -> dict[str, str]:
    """What a newcomer's shell has: no setting of ours, nothing of the make that runs the tests."""
    passed_on = ("PATH", "HOME", "LANG", "TMPDIR")
    own = {name: value for name, value in os.environ.items() if name in passed_on or name.startswith(("PIP_", "SSL_"))}
    return {**own, **more}


def listens(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def two_free_ports() -> int:
    """A free port whose successor is free too."""
    while True:
        port = free_port()
        if not listens(port + 1):
            return port


def copy_checkout(folder: Path) -> Path:
    """The project as a clone has it."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*_NOT_COPIED))
    return folder


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with a virtual environment that finds the packages of this one."""
    folder = copy_checkout(tmp_path_factory.mktemp("make-run") / "checkout")
    venv.create(folder / ".venv", symlinks=True)
    (site,) = (folder / ".venv" / "lib").glob("python*/site-packages")
    (site / "installed.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    shutil.copy(folder / "requirements.txt", folder / ".venv")
    return folder


def database(folder: Path) -> bytes:
    """A dump of the SQLite database that two equal databases share."""
    import sqlite3

    connection = sqlite3.connect(folder / "gateway.sqlite3")
    try:
        return "\n".join(connection.iterdump()).encode()
    finally:
        connection.close()


def test_the_first_run_serves_and_the_second_installs_and_changes_nothing(checkout: Path, tmp_path: Path) -> None:
    port, data = two_free_ports(), tmp_path / "data"
    first = Run(checkout, port, f"DATA_DIR={data}")
    try:
        first.wait_ready()
        assert first.value("export ANTHROPIC_BASE_URL=") == first.base_url
        secret = first.value("export ANTHROPIC_AUTH_TOKEN=")
        # The line that a newcomer pastes, pasted.
        curl = "curl " + first.value("curl ")
        programs.find("curl")
        pasted = subprocess.run(["sh", "-c", curl], capture_output=True, text=True, timeout=PATIENCE, env=environment())
        assert "event: message_stop" in pasted.stdout, pasted
        assert "2 + 2" in "".join(re.findall(r'"text":"([^"]*)"', pasted.stdout))
        seed = {"model": "claude-3-5-sonnet-20241022", "max_tokens": 50, "stream": True}
        asked = Client(first.base_url, secret).post(message("", "What is 2+2?") | seed)
        assert asked.stream().text
        mode = (data / "secrets.env").stat().st_mode
        assert (mode & 0o777, data.stat().st_mode & 0o777) == (0o600, 0o700)
        assert "shown only now" in first.output
    finally:
        first.stop()
    # The two requests above; everything else must stay as it is from now on.
    before, secrets = database(data), (data / "secrets.env").read_bytes()

    second = Run(checkout, port, f"DATA_DIR={data}")
    try:
        second.wait_ready()
        assert "Installing" not in second.output
        assert second.value("export ANTHROPIC_BASE_URL=") == second.base_url
        assert secret not in second.output
        assert "shown only now" not in second.output
    finally:
        second.stop()
    assert database(data) == before
    assert (data / "secrets.env").read_bytes() == secrets


@pytest.mark.parametrize(
    ("receiver", "number", "codes"),
    [
        # make ends by the signal it was sent; the server exits by itself, with success.
        ("make", signal.SIGINT, {-signal.SIGINT, 2}),
        ("make", signal.SIGTERM, {-signal.SIGTERM, 2}),
        ("group", signal.SIGINT, {-signal.SIGINT, 2}),
        ("server", signal.SIGINT, {0}),
        ("server", signal.SIGTERM, {0}),
    ],
)
def test_it_stops_cleanly(checkout: Path, tmp_path: Path, receiver: str, number: int, codes: set[int]) -> None:
    run = Run(checkout, two_free_ports(), f"DATA_DIR={tmp_path / 'data'}")
    try:
        run.wait_ready()
        assert listens(run.port + 1)
        if receiver == "group":
            os.killpg(run.process.pid, number)
        else:
            os.kill(run.process.pid if receiver == "make" else run.server_pid(), number)
        assert run.wait_exit() in codes, run.output
        assert not listens(run.port)
        assert not listens(run.port + 1)
        assert "Traceback" not in run.output
    finally:
        run.stop()


def test_two_run_side_by_side(checkout: Path) -> None:
    runs = []
    try:
        for name in ("one", "two"):
            # Relative: below the folder that make runs in.
            runs.append(Run(checkout, two_free_ports(), f"DATA_DIR=side/{name}"))
            runs[-1].wait_ready()
        keys = [run.value("export ANTHROPIC_AUTH_TOKEN=") for run in runs]
        for run, own, other in zip(runs, keys, reversed(keys), strict=True):
            assert Client(run.base_url, own).post(message("demo-fast")).stream().text
            assert Client(run.base_url, other).post(message("demo-fast")).status == 401
        assert {path.name for path in (checkout / "side").iterdir()} == {"one", "two"}
    finally:
        for run in runs:
            run.stop()


def test_a_taken_port_is_shown(checkout: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        run = Run(checkout, port, f"DATA_DIR={tmp_path / 'data'}")
        assert run.wait_exit() == 2
        run.stop()
    assert f"127.0.0.1:{port}" in run.output
    assert "make run PORT=" in run.output
    assert "Traceback" not in run.output


@pytest.mark.clients
def test_a_cold_start_from_nothing(tmp_path: Path) -> None:
    """Installs from the package index, in a clone without a virtual environment."""
    run = Run(copy_checkout(tmp_path / "checkout"), two_free_ports())
    try:
        run.wait_ready(timeout=5 * PATIENCE)
        assert "Collecting" in run.output or "Processing" in run.output
        assert Client(run.base_url, run.value("export ANTHROPIC_AUTH_TOKEN=")).post(message("demo-fast")).stream().text
        assert (tmp_path / "checkout" / "data" / "secrets.env").exists()
    finally:
        run.stop()
