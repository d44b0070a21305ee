"""What a provider refuses the gateway (its key, its bill, its permissions) never looks like the caller's own trouble.

An answer with an error status is in tests/e2e/test_e2e_upstream_errors.py, a continuation in tests/faults.
"""

from __future__ import annotations

import pytest

from providers.dialects import DIALECTS
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing
from tests.harness.speakers.parts import sse
from tests.harness.upstream import Upstream


def _openai_error(**error: object) -> bytes:
    return sse({"error": {"message": "Their own quarrel."} | error})


def _claude_error(kind: str, message: str = "Their own quarrel.") -> bytes:
    return sse({"type": "error", "error": {"type": kind, "message": message}}, "error")


QUARRELS = {
    "anthropic": [
        *(_claude_error(kind) for kind in ("authentication_error", "billing_error", "permission_error")),
        _claude_error("invalid_request_error", "Invalid API Key"),
        _claude_error("api_error", "API key is invalid"),
        _claude_error("api_error", "Unauthorized"),
    ],
    "openai_chat": [
        *(_openai_error(code=status) for status in (401, 402, 403)),
        _openai_error(code="insufficient_quota", type="insufficient_quota"),
        _openai_error(message="Incorrect API key provided: sk-abc***", type="invalid_request_error", code=None),
        _openai_error(message="Invalid API Key", type="invalid_request_error"),
        _openai_error(message="API key is invalid", type="api_error"),
    ],
    "openai_responses": [
        sse({"type": "error", "code": code, "message": "Their own quarrel.", "param": None}, "error")
        for code in ("insufficient_quota", "invalid_api_key")
    ],
    "gemini": [
        sse({"error": {"code": code, "message": "Their own quarrel.", "status": status}})
        for code, status in ((401, "UNAUTHENTICATED"), (403, "PERMISSION_DENIED"))
    ],
    "ollama": [b'{"error": "%s"}\n' % words for words in (b"unauthorized", b"Incorrect API key provided: sk-...")],
}
"""Inside a stream that answered 200."""


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_quarrel_inside_a_stream_is_no_quarrel_with_the_caller(
    dialect: str, client: Client, standing: Standing, upstream: Upstream
) -> None:
    route, provider = standing.routes[dialect].name, standing.models[dialect].provider.name
    for number, error in enumerate(QUARRELS[dialect]):
        for beginning in ([], [speak.opening(dialect, "So far")]):
            reply = speak.answer(dialect)
            reply.steps = [*beginning, error]
            script = upstream.script(reply)
            streamed, folded = (client.post(message(route, script.prompt, stream=stream)) for stream in (True, False))
            texts = [folded.error(502, "api_error")]
            assert folded.headers["x-should-retry"] == "false", number
            if beginning:
                stream, failure = streamed.broken_stream()
                assert (stream.text, failure["type"]) == ("So far", "api_error"), number
                texts.append(failure["message"])
            else:
                texts.append(streamed.error(502, "api_error"))
                assert streamed.headers["x-should-retry"] == "false", number
            for text in texts:
                assert text.startswith(f"The provider {provider} "), (number, text)
                assert text.endswith("An administrator of this gateway must correct this."), (number, text)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_a_spent_budget_of_the_gateway_at_its_provider_is_not_the_callers(
    stream: bool, client: Client, standing: Standing, upstream: Upstream
) -> None:
    """The provider may be a gateway with budgets of its own: what a caller sees of those is not how theirs stand."""
    spent = speak.refusal("anthropic", 429, "The budget of proxysite is spent.", code="billing_error")
    spent.headers |= {
        "retry-after": "3600",
        "x-should-retry": "false",
        "anthropic-ratelimit-unified-status": "rejected",
        "anthropic-ratelimit-unified-overage-disabled-reason": "org_spend_cap_reached",
    }
    script = upstream.script(spent)
    answer = client.post(message(standing.routes["anthropic"].name, script.prompt, stream=stream))
    text = answer.error(502, "api_error")
    assert "requires payment for this gateway's account (HTTP 429)" in text
    assert "proxysite is spent" not in text
    assert not [name for name in answer.headers if "ratelimit" in name or name == "retry-after"]
