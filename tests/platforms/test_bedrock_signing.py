"""Whose keys sign: a credential's, a profile's, a role's; fetched once, kept, and told of when there are none."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from providers.config import ModelConfig, ProviderConfig, Secret
from providers.dialects.contract import Call, UpstreamRequest
from providers.errors import ErrorKind, UpstreamError
from providers.platforms.bedrock import Bedrock, BedrockOptions
from providers.platforms.bedrock.signing import renewed_keys
from tests.harness.script import Reply, Script, Seen
from tests.harness.upstream import Upstream
from tests.platforms.sigv4 import check_signature

STS = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>role/secret</SecretAccessKey><SessionToken>role-token</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/g</Arn>
<AssumedRoleId>A:g</AssumedRoleId></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"""
PATH = "/model/arn:aws:bedrock:eu-central-1:1:application-inference-profile%2Fab/invoke-with-response-stream"


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without keys of its own, whose ~/.aws is an empty folder."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    renewed_keys.cache_clear()
    return tmp_path


def authorized(secret: str | None, **options: Any) -> Seen:
    """The request as it would arrive."""
    provider = ProviderConfig(
        id=1,
        name="aws",
        dialect="anthropic",
        base_url="https://bedrock-runtime.eu-central-1.amazonaws.com",
        platform="bedrock",
        options=msgspec.convert(options, BedrockOptions),
    )
    call = Call(
        body={},
        model=ModelConfig(id=1, provider_id=1, name="m"),
        provider=provider,
        secret=Secret(secret) if secret else None,
    )
    request = UpstreamRequest(PATH, (("content-type", "application/json"), ("x-team", "blue")), b'{"a": 1}')
    made = asyncio.run(Bedrock().authorized(call, request))
    headers = {**dict(made.headers), "host": "bedrock-runtime.eu-central-1.amazonaws.com"}
    assert headers["x-team"] == "blue"
    return Seen(made.path, headers, made.body, 0.0, 1)


def refused(secret: str | None, **options: Any) -> str:
    with pytest.raises(UpstreamError) as caught:
        authorized(secret, **options)
    assert caught.value.kind is ErrorKind.AUTHENTICATION
    return caught.value.message


def test_keys_of_the_credential() -> None:
    seen = authorized("AKIDEXAMPLE:wJalr/XUtn+FEMI")
    check_signature(seen, "AKIDEXAMPLE", "wJalr/XUtn+FEMI", "eu-central-1")
    assert "x-amz-security-token" not in seen.headers
    check_signature(authorized("AKIDEXAMPLE:s", region="us-west-2"), "AKIDEXAMPLE", "s", "us-west-2")


def test_keys_with_a_session_token() -> None:
    seen = authorized("ASIA:secret:IQoJb3JpZ2luX2Vj//token==")
    check_signature(seen, "ASIA", "secret", "eu-central-1")
    assert seen.headers["x-amz-security-token"] == "IQoJb3JpZ2luX2Vj//token=="


def test_a_bedrock_api_key_is_a_bearer_token() -> None:
    seen = authorized("ABSKQmVkcm9ja0FQSUtleQ==")
    assert seen.headers["authorization"] == "Bearer ABSKQmVkcm9ja0FQSUtleQ=="
    assert "x-amz-date" not in seen.headers


def test_a_named_profile(machine: Path) -> None:
    (machine / "credentials").write_text("[team]\naws_access_key_id = AKIATEAM\naws_secret_access_key = teamsecret\n")
    check_signature(authorized(None, profile="team"), "AKIATEAM", "teamsecret", "eu-central-1")
    assert "other" in refused(None, profile="other")


def test_this_machines_own_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No AWS keys were found" in refused(None)
    # Not kept as a failure: once the machine has keys, they are used.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "envsecret")
    check_signature(authorized(None), "AKIAENV", "envsecret", "eu-central-1")


def role(script: Script) -> str:
    return f"arn:aws:iam::123456789012:role/{script.mark}"


def test_a_role_is_assumed_once_and_its_keys_are_kept(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", upstream.base_url)
    script = upstream.script(Reply([STS.encode()], headers={"content-type": "text/xml"}))
    for _ in range(3):
        seen = authorized("AKIASOURCE:sourcesecret", role_arn=role(script))
        check_signature(seen, "ASIAROLE", "role/secret", "eu-central-1")
        assert seen.headers["x-amz-security-token"] == "role-token"
    assert len(script.seen) == 1
    assert "Credential=AKIASOURCE/" in script.seen[0].headers["authorization"]
    assert b"RoleSessionName=gateway" in script.seen[0].raw


def test_a_role_that_may_not_be_assumed(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", upstream.base_url)
    error = b"<Error><Code>AccessDenied</Code><Message>User x is not allowed</Message></Error>"
    script = upstream.script(
        Reply([b"<ErrorResponse>" + error + b"</ErrorResponse>"], status=403, headers={"content-type": "text/xml"})
    )
    message = refused("AKIASOURCE:sourcesecret", role_arn=role(script))
    assert "could not be assumed (AccessDenied)" in message
    assert "sourcesecret" not in message
