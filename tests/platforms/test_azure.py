"""Azure OpenAI without a gateway: both surfaces, keys and tokens, the profile, content filters."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest

from providers.config import ModelConfig, ProviderConfig, Secret
from providers.dialects import DIALECTS
from providers.dialects.contract import Call
from providers.errors import ErrorKind, UpstreamError
from providers.platforms.azure import Azure, AzureOptions

AZURE = Azure()
BODY: dict[str, Any] = {"model": "route", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]}
RESOURCE = "https://res.openai.azure.com"
PREVIEW = {"api_version": "2026-01-01-preview"}


def sent(dialect: str, base_url: str, secret: str | None = "key0123456789", options: Any = None) -> Any:
    provider = ProviderConfig(
        id=1,
        name="azure",
        dialect=dialect,
        base_url=base_url,
        platform="azure",
        options=msgspec.convert(options or {}, AzureOptions),
    )
    made = Call(
        body=BODY,
        model=ModelConfig(id=1, provider_id=1, name="gpt 5/mini"),
        provider=provider,
        secret=Secret(secret) if secret else None,
    )
    request = DIALECTS[dialect].request(msgspec.structs.replace(made, secret=None))
    return asyncio.run(AZURE.authorized(made, AZURE.request(made, request, counting=False)))


@pytest.mark.parametrize(
    ("dialect", "base_url", "options", "path"),
    [
        ("openai_chat", f"{RESOURCE}/openai/v1", {}, "/chat/completions"),
        ("openai_responses", f"{RESOURCE}/openai/v1", {}, "/responses"),
        (
            "openai_chat",
            RESOURCE,
            {},
            "/openai/deployments/gpt%205%2Fmini/chat/completions?api-version=2024-10-21",
        ),
        (
            "openai_chat",
            f"{RESOURCE}/openai",
            PREVIEW,
            "/deployments/gpt%205%2Fmini/chat/completions?api-version=2026-01-01-preview",
        ),
        ("openai_responses", RESOURCE, {}, "/openai/responses?api-version=2025-04-01-preview"),
        ("openai_responses", RESOURCE, PREVIEW, "/openai/responses?api-version=2026-01-01-preview"),
    ],
)
def test_paths(dialect: str, base_url: str, options: dict[str, str], path: str) -> None:
    request = sent(dialect, base_url, options=options)
    assert request.path == path
    assert json.loads(request.body)["model"] == "gpt 5/mini"
    headers = dict(request.headers)
    assert headers["api-key"] == "key0123456789"
    assert "authorization" not in headers


def test_a_token_of_entra_is_a_bearer_token() -> None:
    headers = dict(sent("openai_chat", RESOURCE, "eyJ0eXAi.eyJhdWQi.c2ln").headers)
    assert headers["authorization"] == "Bearer eyJ0eXAi.eyJhdWQi.c2ln"
    assert "api-key" not in headers
    assert dict(sent("openai_chat", RESOURCE, "ey0123456789").headers)["api-key"] == "ey0123456789"


def test_without_a_credential_it_says_what_to_do() -> None:
    with pytest.raises(UpstreamError) as caught:
        sent("openai_chat", RESOURCE, None)
    assert (caught.value.kind, "resource's API key" in caught.value.message) == (ErrorKind.AUTHENTICATION, True)


def test_the_profile_is_azures_behind_any_host() -> None:
    body = json.loads(sent("openai_chat", "https://gateway.example.com/openai/v1").body)
    assert body["max_completion_tokens"] == 100
    assert "max_tokens" not in body


def test_a_version_where_there_are_none() -> None:
    v1, older = f"{RESOURCE}/openai/v1", RESOURCE
    assert "takes no api_version" in AZURE.problems(v1, AzureOptions("2024-10-21"))["options"]
    assert AZURE.problems(v1, AzureOptions()) == AZURE.problems(older, AzureOptions("2024-10-21")) == {}


@pytest.mark.parametrize("dialect", ["openai_chat", "openai_responses"])
def test_a_filtered_prompt_is_the_requests_own_fault(dialect: str) -> None:
    error = {
        "message": "The response was filtered due to the prompt triggering Azure's content management policy.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"jailbreak": {}}},
    }
    found = AZURE.error(DIALECTS[dialect], 400, {}, json.dumps({"error": error}).encode())
    assert (found.kind, found.code, found.status) == (ErrorKind.INVALID_REQUEST, "content_filter", 400)
    assert found.message == error["message"]
    assert not found.retryable
