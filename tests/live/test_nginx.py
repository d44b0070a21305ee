"""The live view's WebSocket through a real nginx with deploy/nginx.conf, and pages that are apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
from django.contrib.auth.models import User
from websockets.exceptions import InvalidStatus

from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.http.nginx import running_nginx
from tests.harness.patience import PATIENCE, until
from tests.harness.rows import Rows
from tests.harness.script import Gate, Reply
from tests.harness.upstream import Upstream
from tests.live.watching import MY_PATH, PATH, cookies_of, id_of, watching

pytestmark = pytest.mark.clients


@pytest.fixture(scope="module")
def front(
    live_database: None, standing: Standing, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Gateway, str]]:
    """Two workers whose pages are on a Unix socket, and the address of the nginx in front of both."""
    folder = tmp_path_factory.mktemp("nginx")
    file = folder / "pages.sock"
    gateway = Gateway("live-apart", workers=2, options=("--pages", "apart", "--pages-socket", str(file)))
    try:
        gateway.start()
        with running_nginx(folder, [gateway.port], pages=[f"unix:{file}"]) as port:
            url = f"http://127.0.0.1:{port}"
            until(
                lambda: httpx.get(f"{url}/my/login/", trust_env=False, timeout=PATIENCE).status_code == 200,
                gateway.logs,
            )
            yield gateway, url
    finally:
        gateway.stop()


def test_streams_of_the_gateway_are_seen_where_pages_are(
    front: tuple[Gateway, str],
    upstream: Upstream,
    standing: Standing,
    orm: Rows,
    person: Callable[..., User],
) -> None:
    _, url = front
    gate = Gate()
    script = upstream.script(Reply([speak.opening("openai_chat", "so far"), gate, *speak.chat_answer("rest").steps]))
    body = message(standing.routes["openai_chat"].name, script.prompt)
    with ExitStack() as stack:
        stack.callback(gate.open)
        cookies = cookies_of(person(is_superuser=True))
        eyes = stack.enter_context(watching(url, cookies))
        stack.enter_context(watching(url, cookies, path=MY_PATH)).update()
        stream = stack.enter_context(Client(url, standing.key.secret).reading(body))
        stream.until(b"so far")
        eyes.until(lambda: id_of(stream) in eyes.running)
        assert eyes.workers >= 2
        gate.open()
        eyes.until(lambda: id_of(stream) in eyes.ended)


def test_offers_from_elsewhere_and_to_elsewhere_are_declined(
    front: tuple[Gateway, str], orm: Rows, person: Callable[..., User]
) -> None:
    gateway, url = front
    cookies = cookies_of(person(is_superuser=True))
    with pytest.raises(InvalidStatus) as refused, watching(url, cookies, "https://elsewhere.example"):
        pass
    assert refused.value.response.status_code == 403
    # The gateway's own processes have no WebSockets: they say where the pages are.
    with pytest.raises(InvalidStatus) as refused, watching(gateway.base_url, cookies):
        pass
    assert refused.value.response.status_code == 404
    # A browser that asks for the path as a page gets one.
    assert httpx.get(url + PATH, trust_env=False, timeout=PATIENCE).status_code in (302, 404)
