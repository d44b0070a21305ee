"""What goes to Bedrock: path, body, headers, betas, the count's request; the errors of its responses; its region."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest

from providers.config import ModelConfig, ProviderConfig, Secret
from providers.dialects import DIALECTS
from providers.dialects.contract import Call
from providers.errors import ErrorKind, UpstreamError
from providers.platforms.bedrock import Bedrock, BedrockOptions, region_of

BEDROCK = Bedrock()
MODEL = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
BODY: dict[str, Any] = {
    "model": "route",
    "max_tokens": 100,
    "system": [{"type": "text", "text": "Ünïcode", "cache_control": {"type": "ephemeral"}}],
    "messages": [{"role": "user", "content": "Hi"}],
    "stream": False,
}


def call(body: dict[str, Any] | None = None, model: str = MODEL, options: Any = None, **headers: str) -> Call:
    provider = ProviderConfig(
        id=1,
        name="aws",
        dialect="anthropic",
        base_url="https://bedrock-runtime.eu-central-1.amazonaws.com",
        platform="bedrock",
        options=msgspec.convert(options or {}, BedrockOptions),
        headers=(("x-team", "blue"),),
    )
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call(
        body=BODY if body is None else body,
        model=ModelConfig(id=1, provider_id=1, name=model),
        provider=provider,
        secret=Secret("AKID:key"),
        headers=sent,
    )


def sent(made: Call) -> tuple[str, dict[str, str], Any]:
    request = DIALECTS["anthropic"].request(msgspec.structs.replace(made, secret=None))
    moved = BEDROCK.request(made, request, counting=False)
    return moved.path, dict(moved.headers), json.loads(moved.body)


def test_the_model_is_in_the_path_and_the_version_in_the_body() -> None:
    path, headers, body = sent(call(anthropic_version="2023-06-01", x_claude_code_session_id="s"))
    assert path == f"/model/{MODEL}/invoke-with-response-stream"
    assert list(body) == ["anthropic_version", "max_tokens", "system", "messages"]
    assert body["anthropic_version"] == "bedrock-2023-05-31"
    assert {name: body[name] for name in ("system", "messages")} == {
        name: BODY[name] for name in ("system", "messages")
    }
    assert set(headers) == {"content-type", "accept", "x-team"}


@pytest.mark.parametrize(
    ("model", "coded"),
    [
        (
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/ab12",
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile%2Fab12",
        ),
        ("a b+c%d?e#f", "a%20b%2Bc%25d%3Fe%23f"),
        ("../../x", "..%2F..%2Fx"),
    ],
)
def test_what_a_path_cannot_hold_is_coded(model: str, coded: str) -> None:
    assert sent(call(model=model))[0] == f"/model/{coded}/invoke-with-response-stream"


def test_betas_move_into_the_body_and_those_that_bedrock_refuses_stay_here() -> None:
    made = call(anthropic_beta="interleaved-thinking-2025-05-14, claude-code-20250219,context-1m-2025-08-07")
    _, headers, body = sent(made)
    assert body["anthropic_beta"] == ["interleaved-thinking-2025-05-14", "context-1m-2025-08-07"]
    assert "anthropic-beta" not in headers
    assert list(made.notes) == ["beta_dropped"]


def test_a_beta_of_another_name_there() -> None:
    made = call(anthropic_beta="advanced-tool-use-2025-11-20")
    assert sent(made)[2]["anthropic_beta"] == ["tool-search-tool-2025-10-19", "tool-examples-2025-10-29"]
    assert list(made.notes) == []


def test_the_options_say_which_betas_are_passed_on() -> None:
    made = call(options={"betas": ["new-2027-01-01"]}, anthropic_beta="new-2027-01-01,effort-2025-11-24")
    assert sent(made)[2]["anthropic_beta"] == ["new-2027-01-01"]
    assert list(made.notes) == ["beta_dropped"]
    assert "anthropic_beta" not in sent(call(options={"betas": []}, anthropic_beta="effort-2025-11-24"))[2]


def test_fields_that_bedrock_refuses_are_left_out_and_noted() -> None:
    edits = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}
    made = call({**BODY, "context_management": edits, "speed": "fast", "new_field": 1})
    body = sent(made)[2]
    assert "context_management" not in body
    assert "speed" not in body
    assert body["new_field"] == 1
    assert list(made.notes) == ["field_dropped"]
    made = call({**BODY, "context_management": edits}, anthropic_beta="context-management-2025-06-27")
    assert sent(made)[2]["context_management"] == edits


@pytest.mark.parametrize(
    ("thinking", "most"), [(None, 1), ({"type": "enabled", "budget_tokens": 2000}, 2001), ({"type": "adaptive"}, 1)]
)
def test_counting_asks_the_model_itself_with_a_whole_request_in_base64(thinking: Any, most: int) -> None:
    made = call({**BODY, "thinking": thinking} if thinking else BODY, anthropic_beta="context-1m-2025-08-07")
    asked = DIALECTS["anthropic"].count_request(msgspec.structs.replace(made, secret=None))
    assert asked is not None
    moved = BEDROCK.request(made, asked, counting=True)
    assert moved.path == "/model/anthropic.claude-sonnet-4-5-20250929-v1:0/count-tokens"
    inner = json.loads(base64.b64decode(json.loads(moved.body)["input"]["invokeModel"]["body"]))
    assert inner["anthropic_version"] == "bedrock-2023-05-31"
    assert inner["max_tokens"] == most
    assert inner["messages"] == BODY["messages"]
    assert "model" not in inner
    assert json.loads(moved.read(b'{"inputTokens": 12}')) == {"input_tokens": 12}
    for nonsense in (b"", b"{}", b'{"inputTokens": "x"}', b"\xff"):
        with pytest.raises(UpstreamError) as caught:
            moved.read(nonsense)
        assert caught.value.kind is ErrorKind.MALFORMED


@pytest.mark.parametrize(
    ("status", "name", "message", "kind"),
    [
        (429, "ThrottlingException", "Too many requests", ErrorKind.RATE_LIMIT),
        (400, "ServiceQuotaExceededException", "Quota", ErrorKind.RATE_LIMIT),
        (400, "ValidationException", "max_tokens: too big", ErrorKind.INVALID_REQUEST),
        (400, "ValidationException", "Input is too long for requested model.", ErrorKind.CONTEXT_OVERFLOW),
        (403, "AccessDeniedException", "You don't have access to the model", ErrorKind.PERMISSION),
        (403, "UnrecognizedClientException", "The security token is invalid", ErrorKind.AUTHENTICATION),
        (403, "ExpiredTokenException", "expired", ErrorKind.AUTHENTICATION),
        (403, "InvalidSignatureException", "does not match", ErrorKind.AUTHENTICATION),
        (404, "ResourceNotFoundException", "no model", ErrorKind.NOT_FOUND),
        (408, "ModelTimeoutException", "slow", ErrorKind.SERVER),
        (424, "ModelErrorException", "broke", ErrorKind.SERVER),
        (429, "ModelNotReadyException", "warming up", ErrorKind.OVERLOADED),
        (500, "InternalServerException", "oops", ErrorKind.SERVER),
        (503, "ServiceUnavailableException", "busy", ErrorKind.OVERLOADED),
        (418, "", "", ErrorKind.INVALID_REQUEST),
    ],
)
def test_errors_are_reported_by_the_name_in_the_header(status: int, name: str, message: str, kind: ErrorKind) -> None:
    headers = {"x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/"} if name else {}
    body = json.dumps({"message": message}).encode() if message else b"<html>"
    error = BEDROCK.error(DIALECTS["anthropic"], status, headers, body)
    assert (error.kind, error.status, error.code) == (kind, status, name or None)
    assert error.message.startswith("prompt is too long" if kind is ErrorKind.CONTEXT_OVERFLOW else message)
    assert error.message


def test_an_error_whose_name_stands_in_the_body() -> None:
    body = b'{"__type": "com.amazon.coral.service#ThrottlingException", "Message": "Slow down"}'
    error = BEDROCK.error(DIALECTS["anthropic"], 400, {"retry-after": "3"}, body)
    assert (error.kind, error.message, error.retry_after) == (ErrorKind.RATE_LIMIT, "Slow down", 3.0)


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("bedrock-runtime.eu-central-1.amazonaws.com", "eu-central-1"),
        ("bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("bedrock-runtime.us-east-1.api.aws", "us-east-1"),
        ("vpce-0ab.bedrock-runtime.ap-southeast-2.vpce.amazonaws.com", "ap-southeast-2"),
        ("bedrock-runtime.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("gateway.example.com", ""),
    ],
)
def test_the_host_tells_the_region(host: str, region: str) -> None:
    assert region_of(f"https://{host}", BedrockOptions()) == region
    assert region_of(f"https://{host}", BedrockOptions(region="us-west-2")) == "us-west-2"
    assert bool(BEDROCK.problems(f"https://{host}", BedrockOptions())) is not bool(region)
