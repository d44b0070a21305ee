"""The processes of a server whose pages are apart: how they start, that a dead one is replaced, that all stop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing
from tests.harness.gateway import ROOT, Gateway, free_port
from tests.harness.patience import PATIENCE, until
from tests.harness.rows import Rows
from tests.harness.script import Gate, Reply
from tests.harness.upstream import Upstream
from tests.servers.apart.conftest import Apart, answers_on, get_from

_SERVE = (sys.executable, "manage.py", "serve")


def _stream(upstream: Upstream, gate: Gate) -> str:
    """The prompt of a stream that goes on when the gate opens."""
    begun, ended = speak.opening("anthropic", "Going "), speak.closing("anthropic")
    return upstream.script(Reply([begun, gate, speak.more("anthropic", "on"), ended])).prompt


def test_pages_that_die_are_replaced_and_no_stream_notices(own: Apart, standing: Standing, upstream: Upstream) -> None:
    gate = Gate()
    client = Client(own.gateway.base_url, standing.key.secret)
    workers, (pages,) = own.processes("gateway"), own.processes("admin")
    with client.reading(message(standing.routes["anthropic"].name, _stream(upstream, gate))) as reading:
        reading.until(b"Going ")
        os.kill(pages, signal.SIGKILL)
        until(lambda: own.processes("admin") not in ([], [pages]), "another process of pages")
        until(own.has_pages, own.gateway.logs)
        gate.open()
        assert reading.finish().stream().text == "Going on"
    assert own.processes("gateway") == workers
    assert "a process of the pages died and is replaced" in own.gateway.logs()


def test_a_worker_that_dies_is_replaced_and_pages_go_on(own: Apart) -> None:
    (worker,), pages = own.processes("gateway"), own.processes("admin")
    os.kill(worker, signal.SIGKILL)
    until(lambda: own.processes("gateway") not in ([], [worker]), "another worker")
    own.gateway.wait_ready()
    assert own.processes("admin") == pages
    assert own.has_pages()


def test_pages_that_hang_hold_no_request_up(own: Apart, standing: Standing, upstream: Upstream) -> None:
    (pages,) = own.processes("admin")
    os.kill(pages, signal.SIGSTOP)
    try:
        client = Client(own.gateway.base_url, standing.key.secret)
        for word in ("one", "two"):
            script = upstream.script(speak.claude_answer(word))
            assert client.post(message(standing.routes["anthropic"].name, script.prompt)).stream().text == word
    finally:
        os.kill(pages, signal.SIGCONT)


def test_a_stop_ends_both_and_lets_streams_finish(
    own: Apart, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    gate = Gate()
    client = Client(own.gateway.base_url, standing.key.secret)
    with client.reading(message(standing.routes["anthropic"].name, _stream(upstream, gate))) as reading:
        reading.until(b"Going ")
        own.gateway.signal()
        until(lambda: not own.has_pages(), "the pages to end")
        gate.open()
        answer = reading.finish()
    assert answer.stream().text == "Going on"
    assert own.gateway.wait_exit() == 0, own.gateway.logs()
    assert orm.request(answer.request_id).outcome == "completed"


def test_each_part_alone_on_a_socket_of_its_own(live_database: None, standing: Standing, tmp_path: Path) -> None:
    """Two servers, started apart. The sockets are files, which go when the servers stop."""
    files = {"gateway": tmp_path / "gateway.sock", "admin": tmp_path / "pages.sock"}
    # A killed server leaves its file.
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(files["admin"]))
    environment = Gateway("parts").environment | {"PUBLIC_URL": "https://gateway.example.com"}
    Path(environment["DATA_DIR"]).mkdir()
    servers = [
        subprocess.Popen([*_SERVE, "--only", part, "--socket", file], cwd=ROOT, env=environment)
        for part, file in files.items()
    ]
    try:
        for file in files.values():
            until(answers_on(file), file.name)
        assert get_from(files["admin"], "/my/login/").status_code == 200
        assert (
            "https://gateway.example.com/admin/" in get_from(files["gateway"], "/my/login/").json()["error"]["message"]
        )
        assert "https://gateway.example.com, where" in get_from(files["admin"], "/v1/models").json()["error"]["message"]
        again = _serve("--only", "admin", "--socket", str(files["admin"]), environment=environment)
        assert f"Cannot listen on {files['admin']}" in again
        assert answers_on(files["admin"])()
    finally:
        for server in servers:
            server.terminate()
        assert [server.wait(PATIENCE) for server in servers] == [0, 0]
    assert not any(file.exists() for file in files.values())


def test_the_setting_starts_pages_apart(live_database: None, standing: Standing) -> None:
    gateway = Gateway("pages-by-setting", env={"PAGES": "apart"})
    try:
        gateway.start()
        pages = Apart(gateway, f"http://127.0.0.1:{gateway.port + 2}")
        until(pages.has_pages, gateway.logs)
        assert len(pages.processes("gateway")) == len(pages.processes("admin")) == 1
    finally:
        assert gateway.stop() == 0


@pytest.mark.parametrize(
    ("options", "setting", "words"),
    [
        (["--only", "admin", "--pages", "apart"], "inline", "leave one of them out"),
        (["--pages", "apart", "--pages-port", "1"], "inline", "Choose another with --pages-port or --pages-socket"),
        (["--pages-port", "3458"], "inline", "Add --pages apart, or leave them out"),
        (["--pages", "inline", "--pages-socket", "pages.sock"], "apart", "Add --pages apart, or leave them out"),
        (["--only", "admin", "--pages-port", "3458"], "apart", "--only admin listens on --port or --socket"),
        ([], "Apart", "Set PAGES=apart for pages with a process of their own"),
    ],
)
def test_what_cannot_be_is_refused_at_the_start(
    options: list[str], setting: str, words: str, live_database: None, gateway: Gateway
) -> None:
    # No other program may have the first port.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        options = [str(taken.getsockname()[1]) if option == "1" else option for option in options]
        environment = {**gateway.environment, "PAGES": setting}
        assert words in _serve("--port", str(free_port()), *options, environment=environment)


def _serve(*options: str, environment: dict[str, str]) -> str:
    """What a server that does not start says."""
    ended = subprocess.run(
        [*_SERVE, *options], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    return ended.stderr
