"""CORS by setting: a page of an allowed origin may call the API and read every answer; others may not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness import speak
from tests.harness.call import Answer, Client, message
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.http.nginx import running_nginx
from tests.harness.http.raw import CLOSE, request, talk
from tests.harness.upstream import Upstream

HOME = "https://chat.example.com"
PREFLIGHT = (
    ("Host", "x"),
    ("Access-Control-Request-Method", "POST"),
    ("Access-Control-Request-Headers", "anthropic-version,content-type,x-api-key,x-stainless-os"),
    CLOSE,
)


@pytest.fixture(scope="module")
def sharing(live_database: None, standing: Standing) -> Iterator[Gateway]:
    """A gateway that pages of two origins may call."""
    running = Gateway(
        "sharing", env={"CORS_ALLOWED_ORIGINS": f"{HOME},http://localhost:5173/", "CIRCUIT_BREAKER": "false"}
    )
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(params=["uvicorn", pytest.param("nginx", marks=pytest.mark.clients)])
def sharing_port(request: pytest.FixtureRequest, sharing: Gateway, tmp_path: Path) -> Iterator[int]:
    """Its port, or that of an nginx in front of it."""
    if request.param == "uvicorn":
        yield sharing.port
        return
    with running_nginx(tmp_path, [sharing.port]) as port:
        yield port


def _asked(port: int, origin: str, path: str = "/v1/messages") -> Answer:
    (answer,) = talk(port, request(None, ("Origin", origin), *PREFLIGHT, start=f"OPTIONS {path} HTTP/1.1"))
    return answer


def _cors(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens?beta=true", "/v1/models", "//v1/me/"])
@pytest.mark.parametrize("origin", [HOME, "http://localhost:5173"])
def test_a_preflight_is_answered_without_a_key(origin: str, path: str, sharing_port: int) -> None:
    answer = _asked(sharing_port, origin, path)
    assert (answer.status, answer.raw) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-allow-headers"] == dict(PREFLIGHT)["Access-Control-Request-Headers"]
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert int(answer.headers["access-control-max-age"]) > 0
    assert answer.headers["vary"].lower() == "origin"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("stream", [True, False])
def test_a_page_may_read_the_answer(stream: bool, sharing_port: int, standing: Standing, upstream: Upstream) -> None:
    script = upstream.script(speak.claude_answer("done"))
    asked = message(standing.routes["anthropic"].name, script.prompt, stream=stream)
    answer = Client(f"http://127.0.0.1:{sharing_port}", standing.key.secret).post(asked, headers={"origin": HOME})
    _may_be_read(answer)
    assert answer.status == 200
    assert script.seen[0].headers.get("origin") is None


def _may_be_read(answer: Answer) -> None:
    assert answer.headers["access-control-allow-origin"] == HOME
    exposed = {name.strip() for name in answer.headers["access-control-expose-headers"].split(",")}
    assert {"request-id", "retry-after", "x-should-retry", "x-gateway-fidelity"} <= exposed
    assert answer.headers["vary"].lower() == "origin"


def test_a_page_may_read_every_error(sharing_port: int, standing: Standing, upstream: Upstream) -> None:
    caller = Client(f"http://127.0.0.1:{sharing_port}", standing.key.secret, origin=HOME)
    busy = upstream.script(speak.refusal("anthropic", 429, "slow down"))
    refused = caller.post(message(standing.routes["anthropic"].name, busy.prompt))
    refused.error(429, "rate_limit_error")
    answers: list[Any] = [
        refused,
        caller.with_key("sk-px-unknown").post({}, headers={"origin": HOME}),
        caller.post(b"{"),
        caller.post(message("no-such-model")),
        caller.post({}, path="/v1/nothing"),
        caller.post({}, path="/v2/messages"),
        caller.get("/v1/messages"),
        caller.post(b"x", headers={"content-encoding": "br"}),
    ]
    assert [answer.status for answer in answers] == [429, 401, 400, 404, 404, 404, 405, 415]
    for answer in answers:
        _may_be_read(answer)


@pytest.mark.parametrize(
    "origin", ["https://evil.example.com", "http://chat.example.com", f"{HOME}.evil.example", "null"]
)
def test_a_page_of_another_origin_may_not(origin: str, sharing: Gateway, standing: Standing) -> None:
    asked = _asked(sharing.port, origin)
    got = Client(sharing.base_url, standing.key.secret).get("/v1/models", headers={"origin": origin})
    for answer in (asked, got):
        assert "access-control-allow-origin" not in answer.headers
        # A cache keeps the two apart.
        assert answer.headers["vary"] == "origin"
    assert got.status == 200


def test_who_is_no_page_sees_none_of_it(sharing: Gateway, standing: Standing) -> None:
    answer = Client(sharing.base_url, standing.key.secret).get("/v1/models")
    assert (_cors(answer), answer.headers["vary"]) == ({}, "origin")
    (options,) = talk(sharing.port, request(None, ("Host", "x"), CLOSE, start="OPTIONS /v1/messages HTTP/1.1"))
    options.error(401, "authentication_error")


def test_it_is_off_by_default(gateway: Gateway, standing: Standing) -> None:
    asked = _asked(gateway.port, HOME)
    got = Client(gateway.base_url, standing.key.secret).get("/v1/models", headers={"origin": HOME})
    assert (asked.status, got.status) == (401, 200)
    for answer in (asked, got):
        assert (_cors(answer), answer.headers.get("vary")) == ({}, None)


def test_a_star_allows_every_origin(live_database: None, standing: Standing) -> None:
    running = Gateway("anyone", env={"CORS_ALLOWED_ORIGINS": "*"})
    try:
        running.start()
        for origin in (HOME, "null", "chrome-extension://abcdef"):
            assert _asked(running.port, origin).headers["access-control-allow-origin"] == origin
    finally:
        running.stop()


def test_the_pages_for_people_are_not_shared(sharing: Gateway) -> None:
    answer = Client(sharing.base_url, None).get("/admin/login/", headers={"origin": HOME})
    assert (answer.status, _cors(answer)) == (200, {})
