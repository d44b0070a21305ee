"""Vertex AI and Azure through a running gateway: the SDK's streams, counts, errors before and inside the stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.script import CUT, Reply, Script
from tests.harness.upstream import Upstream
from tests.platforms import google
from tests.platforms.live import make_platform

PROJECT = "/v1/projects/our-project/locations/europe-west1/publishers"
VERTEX = {"anthropic": ("anthropic", "streamRawPredict"), "gemini": ("google", "streamGenerateContent?alt=sse")}


@pytest.fixture
def sdk(gateway: Gateway, standing: Standing) -> Iterator[anthropic.Anthropic]:
    """The strict SDK with the standing key, without retries."""
    with anthropic.Anthropic(
        base_url=gateway.base_url, api_key=standing.key.secret, max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


def on_vertex(gateway: Gateway, upstream: Upstream, dialect: str, *replies: Reply, first: Reply | None = None) -> Any:
    """A script, and a route to it: the token server and the models stand on the same host."""
    script = upstream.script(tokens=[first or google.token()], v1=list(replies))
    secret = google.service_account(f"{upstream.base_url}/tokens/{script.mark}")
    _, route = make_platform(
        gateway, script, dialect, upstream.base_url, platform="vertex", options={"location": "europe-west1"},
        secret=secret,
    )  # fmt: skip
    return script, route


def asked(script: Script) -> list[str]:
    return [seen.path for seen in script.seen]


@pytest.mark.parametrize("dialect", VERTEX)
def test_vertex_streams(
    dialect: str, orm: Rows, gateway: Gateway, sdk: anthropic.Anthropic, upstream: Upstream
) -> None:
    answer = speak.reply(dialect, speak.text("Hello from", " Vertex"), speak.call("weather", '{"city":', ' "Paris"}'))
    script, route = on_vertex(gateway, upstream, dialect, answer)
    tools: list[Any] = [{"name": "weather", "description": "d", "input_schema": {"type": "object"}}]
    for _ in range(2):
        with sdk.messages.stream(
            model=route.name, max_tokens=100, tools=tools, messages=[{"role": "user", "content": "Hi"}],
        ) as stream:  # fmt: skip
            assert "".join(stream.text_stream) == "Hello from Vertex"
            final = stream.get_final_message()
        assert final.stop_reason == "tool_use"
        assert [block.input for block in final.content if block.type == "tool_use"] == [{"city": "Paris"}]
        fresh, _, output = speak.counts(dialect)
        assert (final.usage.input_tokens, final.usage.output_tokens) == (fresh, output)
        answered = stream.response.headers["request-id"]
    (attempt,) = orm.attempts(orm.request(answered))
    assert attempt.region == "called:europe-west1"
    publisher, verb = VERTEX[dialect]
    path = f"{PROJECT}/{publisher}/models/{script.mark}:{verb}"
    assert asked(script) == [f"/tokens/{script.mark}", path, path]
    google.check_assertion(script.seen[0])
    headers = script.seen[1].headers
    assert headers["authorization"] == "Bearer ya29.token"
    assert not {"x-api-key", "x-goog-api-key"} & headers.keys()


@pytest.mark.parametrize("dialect", VERTEX)
def test_vertex_counts(dialect: str, orm: Rows, gateway: Gateway, sdk: anthropic.Anthropic, upstream: Upstream) -> None:
    answer = Reply([b'{"input_tokens": 42, "totalTokens": 42}'], headers={"content-type": "application/json"})
    script, route = on_vertex(gateway, upstream, dialect, answer)
    prompt = f"Count {script.prompt}"
    counted = sdk.messages.count_tokens(model=route.name, messages=[{"role": "user", "content": prompt}])
    assert counted.input_tokens == 42
    what = {
        "anthropic": "anthropic/models/count-tokens:rawPredict",
        "gemini": f"google/models/{script.mark}:countTokens",
    }
    assert asked(script)[1] == f"{PROJECT}/{what[dialect]}"


@pytest.mark.parametrize("dialect", VERTEX)
def test_vertex_fails(dialect: str, orm: Rows, gateway: Gateway, client: Client, upstream: Upstream) -> None:
    google_says = json.dumps([{"error": {"code": 429, "message": "Quota.", "status": "RESOURCE_EXHAUSTED"}}]).encode()
    script, route = on_vertex(
        gateway, upstream, dialect,
        Reply([google_says], status=429, headers={"content-type": "application/json"}),
        Reply([speak.opening(dialect, "Half"), CUT]),
    )  # fmt: skip
    assert client.post(message(route.name)).error(429, "rate_limit_error") == "Quota."
    client.post(message(route.name)).broken_stream()
    assert len(script.seen) == 3


def test_vertex_gives_no_token(orm: Rows, gateway: Gateway, client: Client, upstream: Upstream) -> None:
    refused = Reply([b'{"error": "invalid_grant", "error_description": "no such account"}'], status=400)
    script, route = on_vertex(gateway, upstream, "anthropic", speak.answer("anthropic"), first=refused)
    answer = client.post(message(route.name))
    assert "does not accept this gateway's credential" in answer.error(502, "api_error")
    assert all(path.startswith("/tokens/") for path in asked(script))
    (attempt,) = orm.attempts(orm.request(answer.request_id))
    assert attempt.error_type == "authentication"
    assert "PRIVATE KEY" not in gateway.logs()


@pytest.mark.parametrize("dialect", ["openai_chat", "openai_responses"])
@pytest.mark.parametrize("surface", ["/azure/openai/v1", "/azure"])
def test_azure_streams(
    dialect: str, surface: str, orm: Rows, gateway: Gateway, sdk: anthropic.Anthropic, upstream: Upstream
) -> None:
    reply = speak.answer(dialect, "Hello from Azure")
    reply.headers = {**reply.headers, "x-ms-region": "Sweden Central"}
    script = upstream.script(reply)
    _, route = make_platform(
        gateway, script, dialect, upstream.base_url + surface, platform="azure", secret="azure-key-0001"
    )
    with sdk.messages.stream(
        model=route.name, max_tokens=100, messages=[{"role": "user", "content": "Hi " + script.prompt}]
    ) as stream:
        assert "".join(stream.text_stream) == "Hello from Azure"
        answered = stream.response.headers["request-id"]
    (attempt,) = orm.attempts(orm.request(answered))
    assert attempt.region == "Sweden Central"
    seen = script.wait()
    assert seen.headers["api-key"] == "azure-key-0001"
    assert "authorization" not in seen.headers
    assert seen.body["model"] == script.mark
    v1 = {"openai_chat": "/chat/completions", "openai_responses": "/responses"}[dialect]
    older = {
        "openai_chat": f"/openai/deployments/{script.mark}/chat/completions?api-version=2024-10-21",
        "openai_responses": "/openai/responses?api-version=2025-04-01-preview",
    }[dialect]
    assert seen.path == surface + (v1 if surface.endswith("/v1") else older)


def test_azure_filters_a_prompt(orm: Rows, gateway: Gateway, client: Client, upstream: Upstream) -> None:
    error = {"message": "Filtered.", "code": "content_filter", "innererror": {"code": "ResponsibleAIPolicyViolation"}}
    body = json.dumps({"error": error}).encode()
    script = upstream.script(Reply([body], status=400, headers={"content-type": "application/json"}))
    _, route = make_platform(
        gateway, script, "openai_chat", upstream.base_url, platform="azure", secret="azure-key-0001"
    )
    assert client.post(message(route.name, script.prompt)).error(400, "invalid_request_error") == "Filtered."
