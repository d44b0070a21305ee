"""docs/headers.md held to: what of a client's headers reaches an upstream, and what of an upstream's a client."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from providers.dialects import DIALECTS
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, make_key, make_model, make_provider, make_route
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.script import Reply
from tests.harness.upstream import Upstream

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "headers.md"

FORWARDED = ("anthropic-beta", "anthropic-version", "x-claude-code-session-id", "x-claude-code-agent-id")
DROPPED = (
    "cookie", "proxy-authorization", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip",
    "forwarded", "via", "user-agent", "x-app", "x-stainless-lang", "x-stainless-retry-count", "accept-language",
    "anthropic-dangerous-direct-browser-access", "anthropic-user-profile-id", "anthropic-workspace-id", "origin",
    "referer", "x-client-request-id", "x-claude-session-id", "x-attempt-id", "keep-alive", "proxy-connection", "te",
    "trailer", "traceparent", "baggage", "x-goog-user-project", "x-anything-else",
)  # fmt: skip
MADE = {"host", "content-type", "content-length", "accept", "accept-encoding", "user-agent", "x-attempt-id"}
CREDENTIALS = {"anthropic": {"x-api-key", "authorization"}, "gemini": {"x-goog-api-key"}}
ANSWERED = {
    "anthropic-ratelimit-requests-remaining": "3", "anthropic-ratelimit-unified-status": "allowed",
    "x-ratelimit-remaining-tokens": "5", "anthropic-organization-id": "org_1", "openai-organization": "org-2",
    "set-cookie": "session=1", "server": "upstream/1", "via": "1.1 cdn", "alt-svc": "h3", "x-envoy-upstream-time": "9",
    "strict-transport-security": "max-age=1", "request-id": "req_upstream", "x-should-retry": "true",
    "anthropic-ratelimit-unified-reset": "1790000000", "anthropic-ratelimit-unified-overage-status": "rejected",
    "anthropic-ratelimit-unified-overage-utilization": "0.97",
    "anthropic-ratelimit-unified-overage-surpassed-threshold": "0.95",
    "anthropic-ratelimit-unified-representative-claim": "overage",
    "retry-after-ms": "7000",
}  # fmt: skip


@pytest.fixture(scope="module")
def routes(live_database: None, django_db_blocker: object, upstream: Upstream) -> dict[str, str]:
    """The name of a route per dialect."""
    from tests.harness import database

    with django_db_blocker.unblock(), database.live_connection():  # type: ignore[attr-defined]
        made = {
            name: make_route([make_model(make_provider(name, f"{upstream.base_url}/headers_{name}/v1"))])
            for name in DIALECTS
        }
    return {name: route.name for name, route in made.items()}


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_what_an_upstream_gets_to_see(
    dialect: str, routes: dict[str, str], gateway: Gateway, orm: Rows, upstream: Upstream
) -> None:
    gateway.wait_snapshot()
    key = make_key()
    gateway.wait_snapshot()
    marks = {name: f"mark{secrets.token_hex(8)}" for name in (*FORWARDED, *DROPPED)}
    marks["te"] = "trailers"
    client = Client(gateway.base_url, None, authorization=f"Bearer {key.secret}", **marks)
    script = upstream.script(Reply([b'{"error":{"message":"no"}}'], 400, {"content-type": "application/json"}))
    answer = client.post(message(routes[dialect], script.prompt))
    assert answer.status == 400
    seen = script.wait().headers
    passed = set(FORWARDED) if dialect == "anthropic" else set()
    credential = CREDENTIALS.get(dialect, {"authorization"})
    assert set(seen) - MADE - {"connection"} == passed | credential
    for name in passed:
        assert seen[name] == marks[name]
    for name in credential:
        assert seen[name].removeprefix("Bearer ") == "sk-upstream-secret-0001"
    for name in DROPPED:
        assert seen.get(name) != marks[name]
    assert seen["user-agent"].startswith("proxysite/")
    assert seen["accept-encoding"] == "identity"
    assert seen["x-attempt-id"] == str(orm.attempts(orm.request(answer.request_id))[0].id)
    assert key.secret not in str(seen) + script.seen[0].raw.decode()


@pytest.mark.parametrize("status", [200, 402, 429, 529])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_what_a_client_gets_to_see(
    dialect: str, stream: bool, status: int, client: Client, standing: Standing, upstream: Upstream
) -> None:
    reply = speak.answer(dialect) if status == 200 else speak.refusal(dialect, status, "slow down")
    reply.headers = {**reply.headers, **ANSWERED, "retry-after": "7"}
    script = upstream.script(reply)
    answer = client.post(message(standing.routes[dialect].name, script.prompt, stream=stream))
    assert answer.status == (502 if status == 402 else status)
    # Of its own account the gateway says itself that no retry helps, whatever the provider says.
    ours = {"request-id": answer.request_id, **({"x-should-retry": "false"} if status == 402 else {})}
    assert {name: answer.headers[name] for name in ANSWERED if name in answer.headers} == ours
    assert answer.request_id != "req_upstream"
    form = {"content-length"} if status != 200 or not stream else {"cache-control", "x-accel-buffering"}
    about = {"retry-after"} if status in {429, 529} else set()
    allowed = {"content-type", "date", "transfer-encoding", "connection", *ours, *form, *about}
    assert set(answer.headers) - {"x-gateway-fidelity"} <= allowed
    assert answer.headers.get("retry-after") == ("7" if status in {429, 529} else None)


@pytest.mark.parametrize("status", [200, 400, 402, 429])
@pytest.mark.parametrize("dialect", ["anthropic", "gemini"])
def test_what_a_client_gets_to_see_of_a_count(
    dialect: str, status: int, client: Client, standing: Standing, upstream: Upstream
) -> None:
    field = "input_tokens" if dialect == "anthropic" else "totalTokens"
    reply = Reply([b'{"%s": 42}' % field.encode()]) if status == 200 else speak.refusal(dialect, status, "no")
    reply.headers = {**reply.headers, **ANSWERED, "content-type": "application/json", "retry-after": "7"}
    script = upstream.script(reply)
    answer = client.post(message(standing.routes[dialect].name, script.prompt), path="/v1/messages/count_tokens")
    assert len(script.seen) == 1
    # What the provider says of its account makes the gateway count by itself.
    assert answer.status == (400 if status == 400 else 200)
    allowed = {"content-type", "content-length", "date", "connection", "request-id", "x-gateway-count"}
    assert set(answer.headers) - {"x-gateway-fidelity"} <= allowed
    assert answer.request_id != "req_upstream"


@pytest.mark.parametrize(
    "name",
    [
        "request-id",
        "x-request-id",
        "x-amzn-requestid",
        "apim-request-id",
        "x-ms-request-id",
        "x-generation-id",
        "cf-ray",
    ],
)
def test_the_upstreams_id_is_kept(name: str, client: Client, standing: Standing, upstream: Upstream, orm: Rows) -> None:
    reply = speak.chat_answer()
    reply.headers = {**reply.headers, name: f"id-of-{name}"}
    answer = client.post(message(standing.routes["openai_chat"].name, upstream.script(reply).prompt))
    (attempt,) = orm.attempts(orm.request(answer.request_id))
    assert attempt.upstream_request_id == f"id-of-{name}"


def test_the_page_names_every_header_of_this_test() -> None:
    text = PAGE.read_text()
    for name in (*FORWARDED, *DROPPED, *MADE, *ANSWERED):
        family = [name, *(f"{name[:at]}-*" for at in range(len(name)) if name[at] == "-")]
        assert any(f"`{known}`" in text for known in family) or name == "x-anything-else", name
