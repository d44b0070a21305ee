"""Vertex AI without a gateway: paths, bodies, errors, and where tokens come from."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from providers.config import ModelConfig, ProviderConfig, Secret
from providers.dialects import DIALECTS
from providers.dialects.contract import Call, UpstreamRequest
from providers.errors import ErrorKind, UpstreamError
from providers.platforms.vertex import Vertex, VertexOptions, location_of
from providers.platforms.vertex.tokens import renewed_token
from tests.harness.script import Reply
from tests.harness.upstream import Upstream
from tests.platforms import google

VERTEX = Vertex()
URI = "https://oauth2.googleapis.com/token"
BODY: dict[str, Any] = {"model": "route", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]}


def call(
    dialect: str = "anthropic", secret: str | None = None, base_url: str = "", options: Any = None, local: bool = True,
    body: Any = None, model: str = "claude-sonnet-4-5@20250929", **headers: str,
) -> Call:  # fmt: skip
    provider = ProviderConfig(
        id=1,
        name="google",
        dialect=dialect,
        base_url=base_url or "https://europe-west1-aiplatform.googleapis.com",
        platform="vertex",
        options=msgspec.convert(options or {}, VertexOptions),
        is_local=local,
    )
    return Call(
        body=body or BODY,
        model=ModelConfig(id=1, provider_id=1, name=model),
        provider=provider,
        secret=Secret(google.service_account(URI) if secret is None else secret) if secret != "" else None,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def sent(made: Call) -> tuple[str, dict[str, str], Any]:
    request = DIALECTS[made.provider.dialect].request(msgspec.structs.replace(made, secret=None))
    moved = VERTEX.request(made, request, counting=False)
    return moved.path, dict(moved.headers), json.loads(moved.body)


def counted(made: Call) -> tuple[str, Any, Any]:
    asked = DIALECTS[made.provider.dialect].count_request(msgspec.structs.replace(made, secret=None))
    assert asked is not None
    moved = VERTEX.request(made, asked, counting=True)
    return moved.path, json.loads(moved.body), moved.read


HOME = "/v1/projects/our-project/locations/europe-west1/publishers"


def test_claude() -> None:
    path, headers, body = sent(call(anthropic_beta="context-1m-2025-08-07", anthropic_version="2023-06-01"))
    assert path == f"{HOME}/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict"
    assert list(body) == ["anthropic_version", "max_tokens", "messages", "stream"]
    assert body["anthropic_version"] == "vertex-2023-10-16"
    assert body["stream"] is True
    assert headers["anthropic-beta"] == "context-1m-2025-08-07"
    assert "anthropic-version" not in headers
    path, asked, read = counted(call())
    assert path == f"{HOME}/anthropic/models/count-tokens:rawPredict"
    assert asked["model"] == "claude-sonnet-4-5@20250929"
    assert asked["anthropic_version"] == "vertex-2023-10-16"
    assert json.loads(read(b'{"input_tokens": 9}')) == {"input_tokens": 9}


def test_the_options_say_which_betas_are_passed_on() -> None:
    made = call(options={"betas": ["context-1m-2025-08-07"]}, anthropic_beta="new-1, context-1m-2025-08-07")
    assert sent(made)[1]["anthropic-beta"] == "context-1m-2025-08-07"
    assert list(made.notes) == ["beta_dropped"]
    assert "anthropic-beta" not in sent(call(options={"betas": []}, anthropic_beta="new-1"))[1]


def test_gemini() -> None:
    made = call("gemini", model="gemini-3-pro")
    path, headers, body = sent(made)
    assert path == f"{HOME}/google/models/gemini-3-pro:streamGenerateContent?alt=sse"
    assert body["contents"] == [{"role": "user", "parts": [{"text": "Hi"}]}]
    assert "x-goog-api-key" not in headers
    path, asked, read = counted(made)
    assert path == f"{HOME}/google/models/gemini-3-pro:countTokens"
    assert asked["contents"] == body["contents"]
    assert {"model", "generateContentRequest"}.isdisjoint(asked)
    assert json.loads(read(b'{"totalTokens": 9}')) == {"input_tokens": 9}


def test_geminis_calls_have_no_ids_on_vertex() -> None:
    messages = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "sun"}]},
    ]
    for model in ("gemini-3-pro", "gemini-2.5-flash"):
        body = sent(call("gemini", model=model, body={**BODY, "messages": messages}))[2]
        parts = [part for content in body["contents"] for part in content["parts"]]
        calls = [part.get("functionCall") or part.get("functionResponse") for part in parts[1:]]
        assert [sorted(part) for part in calls] == [["args", "name"], ["name", "response"]]


@pytest.mark.parametrize(
    ("base_url", "options", "start"),
    [
        ("https://aiplatform.googleapis.com", {}, "/v1/projects/our-project/locations/global/"),
        ("https://aiplatform.googleapis.com/v1", {"project": "other"}, "/projects/other/locations/global/"),
        ("https://aiplatform.eu.rep.googleapis.com", {}, "/v1/projects/our-project/locations/eu/"),
        ("https://us-east5-aiplatform.googleapis.com", {}, "/v1/projects/our-project/locations/us-east5/"),
        ("https://gw.example.com/v1beta1", {"location": "us-east5"}, "/projects/our-project/locations/us-east5/"),
    ],
)
def test_project_and_location(base_url: str, options: dict[str, str], start: str) -> None:
    assert sent(call(base_url=base_url, options=options))[0].startswith(start)
    assert VERTEX.problems(base_url, msgspec.convert(options, VertexOptions)) == {}


def test_a_location_that_nobody_tells() -> None:
    assert location_of("https://gw.example.com", VertexOptions()) == ""
    assert "location" in VERTEX.problems("https://gw.example.com", VertexOptions())["options"]


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        ("", "has no project"),
        ("sk-not-json", "JSON key of a service account"),
        ('{"type": "external_account", "credential_source": {"executable": {"command": "id"}}}', "service account"),
        ('{"type": "authorized_user", "refresh_token": "x"}', "service account"),
        ("[1]", "service account"),
        (google.service_account(URI, project_id=None), "has no project"),
    ],
)
def test_without_a_project_it_says_what_to_do(secret: str, says: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        sent(call(secret=secret))
    assert caught.value.kind is ErrorKind.AUTHENTICATION
    assert says in caught.value.message


def authorize(made: Call) -> str:
    request = UpstreamRequest("/", (("content-type", "application/json"),), b"{}")
    moved = asyncio.run(VERTEX.authorized(made, request))
    assert moved.headers[0] == ("content-type", "application/json")
    return dict(moved.headers)["authorization"]


def refused(made: Call) -> str:
    with pytest.raises(UpstreamError) as caught:
        authorize(made)
    assert caught.value.kind is ErrorKind.AUTHENTICATION
    return caught.value.message


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    renewed_token.cache_clear()


def test_a_service_accounts_token_is_fetched_once(upstream: Upstream) -> None:
    script = upstream.script(google.token("ya29.first"), google.token("ya29.second"))
    secret = google.service_account(f"{upstream.base_url}/{script.mark}")
    assert [authorize(call(secret=secret)) for _ in range(3)] == ["Bearer ya29.first"] * 3
    assert len(script.seen) == 1
    google.check_assertion(script.seen[0])


def test_a_token_that_ends_soon_is_renewed(upstream: Upstream) -> None:
    script = upstream.script(google.token("ya29.first", expires_in=5), google.token("ya29.second"))
    made = call(secret=google.service_account(f"{upstream.base_url}/{script.mark}"))
    assert [authorize(made), authorize(made)] == ["Bearer ya29.first", "Bearer ya29.second"]


def test_a_token_server_in_a_private_network_is_asked_only_for_a_local_provider(upstream: Upstream) -> None:
    script = upstream.script(google.token())
    secret = google.service_account(f"{upstream.base_url}/{script.mark}")
    assert "address" in refused(call(secret=secret, local=False))
    assert script.seen == []
    assert authorize(call(secret=secret, local=True)) == "Bearer ya29.token"
    metadata = google.service_account("http://169.254.169.254/computeMetadata/v1/token")
    assert "address" in refused(call(secret=metadata, local=True))


@pytest.mark.parametrize(
    "reply",
    [
        Reply([b'{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}'], status=400),
        Reply([b"{}"]),
        Reply([b"<html>"], status=404),
        Reply(["cut"]),
        Reply([], status=302, headers={"location": "http://127.0.0.1:1/"}),
    ],
)
def test_no_token(reply: Reply, upstream: Upstream) -> None:
    script = upstream.script(reply)
    message = refused(call(secret=google.service_account(f"{upstream.base_url}/{script.mark}")))
    assert message.startswith("Google refused a token")
    assert "PRIVATE KEY" not in message


def test_a_key_that_is_not_whole() -> None:
    assert "is incomplete" in refused(call(secret=google.service_account(URI, private_key="-----BEGIN")))
    assert "is incomplete" in refused(call(secret='{"type": "service_account"}'))


def test_this_machines_own_credentials(upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = upstream.script(google.token("ya29.machine"))
    file = tmp_path / "adc.json"
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    made = call(secret="", options={"project": "p"}, local=False)
    assert "no Google credentials" in refused(made)
    file.write_text(google.service_account(f"{upstream.base_url}/{script.mark}"))
    assert authorize(made) == "Bearer ya29.machine"


@pytest.mark.parametrize("dialect", ["anthropic", "gemini"])
@pytest.mark.parametrize("in_a_list", [False, True])
@pytest.mark.parametrize(
    ("status", "word", "kind"),
    [
        (429, "RESOURCE_EXHAUSTED", ErrorKind.RATE_LIMIT),
        (401, "UNAUTHENTICATED", ErrorKind.AUTHENTICATION),
        (403, "PERMISSION_DENIED", ErrorKind.PERMISSION),
        (404, "NOT_FOUND", ErrorKind.NOT_FOUND),
        (400, "INVALID_ARGUMENT", ErrorKind.INVALID_REQUEST),
        (503, "UNAVAILABLE", ErrorKind.OVERLOADED),
    ],
)
def test_googles_errors(dialect: str, in_a_list: bool, status: int, word: str, kind: ErrorKind) -> None:
    value: Any = {"error": {"code": status, "message": "The reason.", "status": word}}
    body = json.dumps([value] if in_a_list else value).encode()
    error = VERTEX.error(DIALECTS[dialect], status, {}, body)
    assert (error.kind, error.message, error.status) == (kind, "The reason.", status)


def test_claudes_own_errors_keep_their_words() -> None:
    words = "prompt is too long: 210000 tokens > 200000 maximum"
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": words}}
    error = VERTEX.error(DIALECTS["anthropic"], 400, {}, json.dumps(body).encode())
    assert (error.kind, error.message) == (ErrorKind.CONTEXT_OVERFLOW, words)


def test_clouds_fetch_no_media_for_claude() -> None:
    claude = DIALECTS["anthropic"]
    assert not claude.takes_urls(call().provider)
    assert claude.takes_urls(msgspec.structs.replace(call().provider, platform=""))
