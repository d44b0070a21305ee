"""deploy/nginx.conf in a real nginx: each chunk is there before the next is sent, leavers are noticed, 32 MB pass."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.nginx import running_nginx
from tests.harness.patience import SOON
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
    page = httpx.get(nginx + "/admin/login/", trust_env=False)
    assert page.status_code == 200
    files = re.findall(r'(?:href|src)="(/static/[^"]+\.(?:css|js))"', page.text)
    assert files
    for path in files:
        assert httpx.get(nginx + path, trust_env=False).status_code == 200, path
    redirected = httpx.get(nginx + "/", trust_env=False)
    assert redirected.headers["location"] == "/admin/"
