"""deploy/nginx.conf in a real nginx sends each path to its process."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import httpx
import pytest

from streaming.consumer import PAGE_PREFIXES
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing
from tests.harness.forms import Admin
from tests.harness.gateway import Gateway, free_port
from tests.harness.http.nginx import running_nginx
from tests.harness.patience import PATIENCE, until
from tests.harness.rows import Rows
from tests.harness.script import Gate, Reply
from tests.harness.upstream import Upstream
from tests.report_api.live import reader, reads
from tests.servers.apart.conftest import Apart

pytestmark = pytest.mark.clients


@pytest.fixture(scope="module", params=["port", "socket"])
def site(
    request: pytest.FixtureRequest, live_database: None, standing: Standing, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Apart, str]]:
    """A server with pages on a port, or on a Unix socket, and the address of the nginx in front of it."""
    folder = tmp_path_factory.mktemp(request.param)
    port, file = free_port(), folder / "pages.sock"
    by_port = request.param == "port"
    options = ("--pages-port", str(port)) if by_port else ("--pages-socket", str(file))
    gateway = Gateway(f"pages-{request.param}", options=("--pages", "apart", *options))
    try:
        gateway.start()
        address = f"127.0.0.1:{port}" if by_port else f"unix:{file}"
        with running_nginx(folder, [gateway.port], pages=[address]) as front:
            apart = Apart(gateway, f"http://127.0.0.1:{front}")
            until(
                lambda: httpx.get(f"{apart.pages_url}/my/login/", trust_env=False, timeout=PATIENCE).status_code == 200,
                gateway.logs,
            )
            yield apart, apart.pages_url
    finally:
        gateway.stop()


def test_pages_and_their_files_come_from_their_process(site: tuple[Apart, str], orm: Rows) -> None:
    url = site[1]
    with httpx.Client(base_url=url, trust_env=False, timeout=PATIENCE) as http:
        for prefix in PAGE_PREFIXES:
            answer = http.get(prefix)
            assert "belongs to the pages" not in answer.text, prefix
        assert http.get("/").headers["location"] == "/admin/"
        assert http.get("/static/admin/css/base.css").status_code == 200
    with reader(url) as http:
        reads(http)
    with Admin(url, by_form=True) as admin:
        assert "Log out" in admin.page("/admin/")
        # Its address is that of the browser, for the limits on sign-ins and the audit.
        assert "127.0.0.1" in admin.page("/admin/access/auditentry/")


def test_the_rest_comes_from_the_gateway(site: tuple[Apart, str], standing: Standing, upstream: Upstream) -> None:
    client = Client(site[1], standing.key.secret)
    gate = Gate()
    begun, ended = speak.opening("anthropic", "One "), speak.closing("anthropic")
    script = upstream.script(Reply([begun, gate, speak.more("anthropic", "two"), ended]))
    with client.reading(message(standing.routes["anthropic"].name, script.prompt)) as reading:
        reading.until(b"One ")
        gate.open()
        assert reading.finish().stream().text == "One two"
    assert client.get("/readyz").json["status"] == "ready"
    assert client.get("/api/hello").json == {"message": "hello"}
    with client.reading(method="HEAD", path="/") as greeting:
        assert (greeting.status, greeting.headers["content-type"]) == (200, "application/json")
    client.post({}, path="/").error(404, "not_found_error")
    with client.reading(method="OPTIONS", path="/") as asked:
        assert asked.headers["content-type"] == "application/json"
    assert "base URL" in client.post({}, path="/chat/completions").error(404, "not_found_error")


def test_pages_that_are_gone_are_a_502_and_the_api_goes_on(
    site: tuple[Apart, str], standing: Standing, upstream: Upstream
) -> None:
    apart, url = site
    client = Client(url, standing.key.secret)
    # The parent starts no other process while it is stopped.
    (pages,) = apart.processes("admin")
    os.kill(apart.gateway.pid, signal.SIGSTOP)
    try:
        os.kill(pages, signal.SIGKILL)
        script = upstream.script(speak.claude_answer("here"))
        assert client.post(message(standing.routes["anthropic"].name, script.prompt)).stream().text == "here"
    finally:
        os.kill(apart.gateway.pid, signal.SIGCONT)
    until(lambda: client.get("/my/login/").status == 200, "pages again")
