"""Bedrock through a running gateway: the SDK's streams, signatures checked as they arrive, errors, counts."""

from __future__ import annotations

from collections.abc import Iterator

import anthropic
import pytest

from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.script import CUT, Reply, Step
from tests.harness.upstream import Upstream
from tests.platforms import eventstream
from tests.platforms.live import make_platform
from tests.platforms.sigv4 import check_signature

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
OPTIONS = {"region": "eu-central-1"}
BUSY = eventstream.exception("serviceUnavailableException", message="Busy.")
ANSWER = [speak.claude_start(), speak.claude_text(0, "Hello from", " Bedrock"), speak.claude_end()]


@pytest.fixture
def sdk(gateway: Gateway, standing: Standing) -> Iterator[anthropic.Anthropic]:
    """The strict SDK with the standing key, without retries."""
    with anthropic.Anthropic(
        base_url=gateway.base_url, api_key=standing.key.secret, max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


@pytest.mark.parametrize(
    "model",
    [
        "anthropic.claude-haiku-{}-v1:0",
        "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/{}",
        "a b+c%d~e!$&'()*,;=@{}",
    ],
)
def test_the_signature_fits_what_arrives(
    model: str, orm: Rows, gateway: Gateway, sdk: anthropic.Anthropic, upstream: Upstream
) -> None:
    script = upstream.script(eventstream.reply(*eventstream.chunks(*ANSWER)))
    _, route = make_platform(
        gateway, script, "anthropic", f"{upstream.base_url}/aws", platform="bedrock", options=OPTIONS,
        secret=f"{KEY}:{SECRET}:a-session-token", model=model,
    )  # fmt: skip
    with sdk.messages.stream(
        model=route.name, max_tokens=100, messages=[{"role": "user", "content": "Grüße"}],
        extra_headers={"anthropic-beta": "interleaved-thinking-2025-05-14,claude-code-20250219"},
    ) as stream:  # fmt: skip
        assert "".join(stream.text_stream) == "Hello from Bedrock"
        final = stream.get_final_message()
    assert final.stop_reason == "end_turn"
    assert (final.usage.input_tokens, final.usage.output_tokens) == (20, 7)
    assert "amazon-bedrock-invocationMetrics" not in str(final.to_dict())
    seen = script.wait()
    assert seen.path.startswith("/aws/model/")
    assert seen.path.endswith("/invoke-with-response-stream")
    check_signature(seen, KEY, SECRET, "eu-central-1")
    assert seen.headers["x-amz-security-token"] == "a-session-token"
    assert not {"x-api-key", "anthropic-version", "anthropic-beta"} & seen.headers.keys()
    assert {"model", "stream"}.isdisjoint(seen.body)
    assert seen.body["anthropic_beta"] == ["interleaved-thinking-2025-05-14"]


def test_a_bedrock_api_key_and_the_request_id_of_amazon(
    orm: Rows, gateway: Gateway, client: Client, upstream: Upstream
) -> None:
    reply = eventstream.reply(*eventstream.chunks(*ANSWER))
    reply.headers = {**reply.headers, "X-Amzn-Bedrock-Service-Tier": "flex"}
    script = upstream.script(reply)
    _, route = make_platform(
        gateway, script, "anthropic", upstream.base_url, platform="bedrock", options=OPTIONS, secret="ABSKQmVkcm9jaw=="
    )
    answer = client.post(message(route.name, stream=False))
    assert answer.json["content"] == [{"type": "text", "text": "Hello from Bedrock"}]
    assert script.wait().headers["authorization"] == "Bearer ABSKQmVkcm9jaw=="
    (attempt,) = orm.attempts(orm.request(answer.request_id))
    assert attempt.upstream_request_id == "amzn-0001"
    assert (attempt.service_tier, attempt.region) == ("flex", "called:eu-central-1")


def test_tools_and_thinking_stream_in_small_pieces(
    orm: Rows, gateway: Gateway, client: Client, upstream: Upstream
) -> None:
    body = b"".join(
        eventstream.chunks(
            speak.claude_start(),
            speak.claude_thinking(0, "Two cities.", "c2ln"),
            speak.claude_tool(1, "toolu_a", "get_weather", '{"city":', ' "Paris"}'),
            speak.claude_tool(2, "toolu_b", "get_weather", '{"city": "Rome"}'),
            speak.claude_end("tool_use"),
        )
    )
    script = upstream.script(eventstream.reply(*(body[at : at + 37] for at in range(0, len(body), 37))))
    _, route = make_platform(
        gateway, script, "anthropic", upstream.base_url, platform="bedrock", options=OPTIONS, secret=f"{KEY}:{SECRET}"
    )
    parsed = client.post(message(route.name)).stream()
    assert [block.type for block in parsed.blocks] == ["thinking", "tool_use", "tool_use"]


@pytest.mark.parametrize(
    ("reply", "status", "kind"),
    [
        (eventstream.refusal(429, "ThrottlingException", "Slow down."), 429, "rate_limit_error"),
        (eventstream.refusal(403, "InvalidSignatureException", "No match."), 502, "api_error"),
        (eventstream.refusal(400, "ValidationException", "Input is too long."), 400, "invalid_request_error"),
        (eventstream.reply(BUSY), 529, "overloaded_error"),
        (eventstream.reply(b"\0" * 64), 502, "api_error"),
        (eventstream.reply(), 502, "api_error"),
    ],
)  # fmt: skip
def test_what_fails_before_the_first_content_is_an_error_with_a_status(
    reply: Reply, status: int, kind: str, orm: Rows, gateway: Gateway, client: Client, upstream: Upstream
) -> None:
    script = upstream.script(reply)
    _, route = make_platform(
        gateway, script, "anthropic", upstream.base_url, platform="bedrock", options=OPTIONS, secret=f"{KEY}:{SECRET}"
    )
    text = client.post(message(route.name)).error(status, kind)
    if "too long" in text:
        assert text.startswith("prompt is too long")


@pytest.mark.parametrize("how", ["exception", "cut inside a frame", "closed inside a frame", "reset", "damaged"])
def test_what_fails_inside_the_stream_is_an_error_event(
    how: str, orm: Rows, gateway: Gateway, client: Client, upstream: Upstream
) -> None:
    frames = eventstream.chunks(speak.opening("anthropic", "Half"))
    lasts: dict[str, Step] = {
        "exception": eventstream.exception("modelStreamErrorException", message="It broke."),
        "cut inside a frame": frames[-1][:-3],
        "closed inside a frame": frames[-1][:5],
        "reset": CUT,
        "damaged": frames[-1][:-1] + b"\0",
    }
    script = upstream.script(Reply([*frames, lasts[how]], headers={"content-type": eventstream.TYPE}))
    _, route = make_platform(
        gateway, script, "anthropic", upstream.base_url, platform="bedrock", options=OPTIONS, secret=f"{KEY}:{SECRET}"
    )
    _, error = client.post(message(route.name)).broken_stream()
    assert error["type"] == "api_error"


def test_counting(orm: Rows, gateway: Gateway, sdk: anthropic.Anthropic, upstream: Upstream) -> None:
    script = upstream.script(Reply([b'{"inputTokens": 42}'], headers={"content-type": "application/json"}))
    _, route = make_platform(
        gateway, script, "anthropic", upstream.base_url, platform="bedrock", options=OPTIONS,
        secret=f"{KEY}:{SECRET}", model="eu.anthropic.{}",
    )  # fmt: skip
    counted = sdk.messages.count_tokens(model=route.name, messages=[{"role": "user", "content": "Hi"}])
    assert counted.input_tokens == 42
    seen = script.wait()
    assert seen.path == f"/model/anthropic.{script.mark}/count-tokens"
    check_signature(seen, KEY, SECRET, "eu-central-1")
