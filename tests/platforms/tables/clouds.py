"""A call to a cloud, and what is sent there."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest

from providers.claude.support import ClaudeSupport
from providers.config import ModelConfig, ProviderConfig, Secret
from providers.dialects import DIALECTS
from providers.dialects.contract import Call
from providers.platforms import PLATFORMS
from providers.platforms.contract import options_of
from tests.platforms import google

BASES = {
    "vertex": "https://europe-west1-aiplatform.googleapis.com",
    "bedrock": "https://bedrock-runtime.eu-central-1.amazonaws.com",
}
NAMES = {"vertex": "claude-sonnet-4-5@20250929", "bedrock": "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"}
TOOL = {"name": "read", "description": "Reads.", "input_schema": {"type": "object", "properties": {}}}
CLOUDS = pytest.mark.parametrize("platform", ["vertex", "bedrock"])


def call(
    platform: str, body: dict[str, Any], beta: str = "", model: str = "", options: dict[str, Any] | None = None,
    supports: ClaudeSupport | None = None,
) -> Call:  # fmt: skip
    given = {"project": "our-project", **(options or {})} if platform == "vertex" else options or {}
    provider = ProviderConfig(
        id=1,
        name="cloud",
        dialect="anthropic",
        base_url=BASES[platform],
        platform=platform,
        options=options_of(PLATFORMS[platform], given),
    )
    return Call(
        body={"model": "route", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}], **body},
        model=ModelConfig(id=1, provider_id=1, name=model or NAMES[platform], supports=supports),
        provider=provider,
        secret=Secret(google.service_account("https://oauth2.googleapis.com/token")),
        headers={"anthropic-beta": beta} if beta else {},
    )


def sent(made: Call) -> tuple[list[str], Any]:
    """The betas and the body that the cloud gets."""
    request = DIALECTS["anthropic"].request(msgspec.structs.replace(made, secret=None))
    moved = PLATFORMS[made.provider.platform].request(made, request, counting=False)
    body = json.loads(moved.body)
    header = dict(moved.headers).get("anthropic-beta", "")
    return body.get("anthropic_beta", header.split(",") if header else []), body


def counted(made: Call) -> tuple[list[str], Any]:
    """The betas and the body that a count gets."""
    request = DIALECTS["anthropic"].count_request(msgspec.structs.replace(made, secret=None))
    assert request is not None
    moved = PLATFORMS[made.provider.platform].request(made, request, counting=True)
    body = json.loads(moved.body)
    if made.provider.platform == "bedrock":
        body = json.loads(base64.b64decode(body["input"]["invokeModel"]["body"]))
    header = dict(moved.headers).get("anthropic-beta", "")
    return body.get("anthropic_beta", header.split(",") if header else []), body
