"""deploy/nginx.conf in a real nginx: each chunk is there before the next is sent, leavers are noticed, 32 MB pass."""

from __future__ import annotations

import contextlib
import re
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway, free_port
from tests.harness.http.nginx import running_nginx
from tests.harness.patience import PATIENCE, SOON
from tests.harness.rows import Rows
from tests.harness.script import HANG, Gate, Reply
from tests.harness.upstream import Upstream

pytestmark = pytest.mark.clients


@pytest.fixture
def nginx(gateway: Gateway, tmp_path: Path) -> Iterator[str]:
    """The address of an nginx in front of the gateway."""
    with running_nginx(tmp_path, [gateway.port]) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic"])
def test_each_chunk_passes_nginx_before_the_next_is_sent(
    dialect: str, nginx: str, standing: Standing, upstream: Upstream
) -> None:
    client = Client(nginx, standing.key.secret, **{"accept-encoding": "gzip, deflate, br, zstd"})
    gates = [Gate() for _ in range(20)]
    steps = [part for n, gate in enumerate(gates) for part in (gate, speak.more(dialect, f"<{n}>"))]
    script = upstream.script(Reply([speak.opening(dialect, "start"), *steps, speak.closing(dialect)]))
    with client.reading(message(standing.routes[dialect].name, script.prompt)) as reading:
        reading.until(b"start")
        for number, gate in enumerate(gates):
            assert f"<{number}>".encode() not in reading.raw
            gate.open()
            reading.until(f"<{number}>".encode())
        answer = reading.finish()
    assert answer.stream().text == "start" + "".join(f"<{n}>" for n in range(20))
    assert "content-encoding" not in answer.headers


def test_a_leaver_is_noticed_through_nginx(nginx: str, standing: Standing, upstream: Upstream, orm: Rows) -> None:
    client = Client(nginx, standing.key.secret)
    script = upstream.script(Reply([speak.opening("openai_chat", "Once"), HANG]))
    with client.reading(message(standing.routes["openai_chat"].name, script.prompt)) as reading:
        reading.until(b"Once")
        left = reading.leave()
    assert script.wait_closed() - left < SOON
    assert orm.request(reading.headers["request-id"]).outcome == "client_closed"


def test_sizes_and_errors_pass_nginx_in_claudes_shape(nginx: str, standing: Standing, upstream: Upstream) -> None:
    client = Client(nginx, standing.key.secret)
    script = upstream.script(speak.claude_answer("large"))
    route = standing.routes["anthropic"].name
    large = message(route, script.prompt, system="s" * 31_000_000)
    assert client.post(large).stream().text == "large"
    client.post(message(route, "x" * (32 * 1024 * 1024))).error(413, "request_too_large")
    client.get("/v1/messages/batches").error(404, "not_found_error")


def test_the_admin_and_its_files_are_served_through_nginx(nginx: str) -> None:
    page = httpx.get(nginx + "/admin/login/", trust_env=False, timeout=PATIENCE)
    assert page.status_code == 200
    files = re.findall(r'(?:href|src)="(/static/[^"]+\.(?:css|js))"', page.text)
    assert files
    for path in files:
        assert httpx.get(nginx + path, trust_env=False, timeout=PATIENCE).status_code == 200, path
    redirected = httpx.get(nginx + "/", trust_env=False, timeout=PATIENCE)
    assert redirected.headers["location"] == "/admin/"


def _address(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def test_another_server_is_asked_where_a_connection_is_refused(
    gateway: Gateway, standing: Standing, upstream: Upstream, tmp_path: Path
) -> None:
    script = upstream.script(speak.claude_answer("here"))
    body = message(standing.routes["anthropic"].name, script.prompt)
    with running_nginx(tmp_path, [free_port(), gateway.port]) as port:
        client = Client(_address(port), standing.key.secret)
        # By turns, and with max_fails=0 the one that refuses is asked again each time.
        assert [client.post(body).stream().text for _ in range(10)] == ["here"] * 10
    assert len(script.seen) == 10


def test_a_post_that_was_begun_is_never_repeated(
    gateway: Gateway, standing: Standing, upstream: Upstream, tmp_path: Path
) -> None:
    script = upstream.script(speak.claude_answer("here"))
    body = message(standing.routes["anthropic"].name, script.prompt)
    with _hanging_up() as (broken, taken), running_nginx(tmp_path, [broken, gateway.port]) as port:
        client = Client(_address(port), standing.key.secret)
        answers = [client.post(body) for _ in range(10)]
        failed = [answer for answer in answers if answer.status != 200]
        assert 0 < len(failed) < 10
        assert len(failed) == len(taken)
    assert len(script.seen) == 10 - len(failed)
    for answer in failed:
        assert "Send the request again" in answer.error(502, "api_error")
        assert answer.headers["retry-after"] == "2"
        assert answer.request_id.startswith("req_nginx_")


@contextlib.contextmanager
def _hanging_up() -> Iterator[tuple[int, list[bytes]]]:
    """The port of a server that reads the head of a POST and goes, and what it took; a GET is answered."""
    taken: list[bytes] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            line = self.rfile.readline()
            while self.rfile.readline() not in (b"", b"\r\n"):
                pass
            if line.startswith(b"POST"):
                taken.append(line)
            else:
                self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield server.server_address[1], taken
        finally:
            server.shutdown()
            serving.join()


def test_nginx_says_its_own_errors_in_the_words_of_the_api(
    gateway: Gateway, standing: Standing, tmp_path: Path
) -> None:
    with running_nginx(tmp_path, [gateway.port]) as port:
        client = Client(_address(port), standing.key.secret)
        too_large = client.post(b"x" * (34 * 1024 * 1024))
        assert "nginx accepts" in too_large.error(413, "request_too_large")
        assert too_large.headers["server"] == "nginx"
        client.get(f"/v1/models?limit={'1' * 40_000}").error(414, "invalid_request_error")
        client.get("/v1/models", headers={"x-long": "y" * 40_000}).error(431, "invalid_request_error")
        # Those of the gateway pass as they are.
        refused = client.get("/v1/nothing")
        assert "GET /v1/nothing" in refused.error(404, "not_found_error")
        assert not refused.request_id.startswith("req_nginx_")


def test_a_gateway_that_is_down_is_a_502_in_json_for_pages_too(
    live_database: None, standing: Standing, tmp_path: Path
) -> None:
    own = Gateway("down")
    try:
        own.start()
        with running_nginx(tmp_path, [own.port]) as port:
            assert own.stop() == 0
            for path in ("/v1/messages", "/admin/"):
                answer = Client(_address(port), standing.key.secret).post({}, path=path)
                assert "does not answer at the moment" in answer.error(502, "api_error")
                assert answer.headers["retry-after"] == "2"
    finally:
        own.stop()
