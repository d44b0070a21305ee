"""The upstream requests of an explanation: written as for a call, with nothing secret in them, and never sent."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from configuration.explain.result import AttemptView, UpstreamView
from configuration.explain.upstream_preview import MASK, SIGNED
from providers.config import TransformConfig
from providers.dialects import DIALECTS
from providers.outbound import media
from providers.platforms.bedrock import BedrockOptions
from providers.transforms import compile_chain_of
from tests.explain.questions import SECRET, explanation_of, provider, request_body
from tests.routing.builders import candidate, make_snapshot, route


def attempt(request: dict[str, Any], *, headers: str = "", transforms: Any = None, **fields: Any) -> AttemptView:
    """The only attempt of a request at a provider with these fields."""
    one = candidate("model", provider(**fields))
    if transforms is not None:
        one = msgspec.structs.replace(one, transforms=transforms)
    (found,) = explanation_of(request, make_snapshot(route("mine", one)), headers=headers).attempts
    return found


def upstream(request: dict[str, Any], **fields: Any) -> UpstreamView:
    """Its upstream request."""
    found = attempt(request, **fields)
    assert found.upstream is not None, found.no_upstream
    return found.upstream


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_no_secret_is_in_any_of_it(dialect: str) -> None:
    # By the flag and not by the name: a secret may have any, and a public one may sound like a secret.
    own = {
        "headers": (("x-portkey-id", "pk-1234567"), ("x-title", "ours"), ("x-key-of-the-map", "public")),
        "secret_headers": frozenset({"x-portkey-id"}),
    }
    found = explanation_of(
        request_body("mine"),
        make_snapshot(route("mine", candidate("model", provider(dialect, **own)))),
        headers="x-api-key: sk-px-callers\nauthorization: Bearer sk-px-callers",
    )
    text = msgspec.json.encode(found).decode()
    assert not any(secret in text for secret in (SECRET, "pk-1234567", "sk-px-callers"))
    assert found.attempts[0].upstream is not None
    headers = dict(found.attempts[0].upstream.headers)
    assert (headers["x-portkey-id"], headers["x-title"], headers["x-key-of-the-map"]) == (MASK, "ours", "public")
    assert MASK in {
        value.removeprefix("Bearer ") for name, value in headers.items() if not name.startswith("x-portkey")
    }
    assert found.attempts[0].credential == "main"


def test_method_address_body_and_what_was_lost() -> None:
    found = upstream(
        request_body("mine", text=[{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}])
    )
    assert (found.method, found.url) == ("POST", "https://there.example/v1/chat/completions")
    assert found.body["model"] == "model"
    assert found.size > len("Hi")
    assert [code for code, meaning in found.fidelity if meaning] == ["cache_control_dropped"]


def test_transforms_are_in_it() -> None:
    chain = compile_chain_of((TransformConfig("customparams", {"params": {"seed": 7}}),), verbatim=False)
    found = upstream(request_body("mine"), transforms=chain)
    assert found.body["seed"] == 7
    assert "transformed" in dict(found.fidelity)


def test_a_platforms_signature_has_a_placeholder() -> None:
    found = upstream(
        request_body("mine"),
        dialect="anthropic",
        platform="bedrock",
        options=BedrockOptions(region="eu-central-1", role_arn="arn:aws:iam::1:role/r"),
        base_url="https://bedrock-runtime.eu-central-1.amazonaws.com",
    )
    assert found.url.endswith("/model/model/invoke-with-response-stream")
    assert dict(found.headers)["authorization"] == SIGNED


def test_media_are_named_where_they_would_be_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fetch(*args: Any, **options: Any) -> None:
        raise AssertionError("something was fetched")

    monkeypatch.setattr(media, "fetch", fetch)
    image = {"type": "image", "source": {"type": "url", "url": "https://pictures.example/a.png"}}
    found = upstream(request_body("mine", [image]), dialect="ollama")
    assert "(fetched when it is sent: https://pictures.example/a.png)" in str(found.body)
    assert "media_fetched" in dict(found.fidelity)


def test_what_is_answered_here_has_no_upstream_request() -> None:
    found = attempt(request_body("mine", max_tokens=0))
    assert found.upstream is None
    assert "no provider was called" in found.no_upstream
    assert attempt(request_body("mine", max_tokens=0), dialect="anthropic").upstream is not None


def test_a_request_that_a_dialect_cannot_express_has_a_reason() -> None:
    source = {"type": "file", "file_id": "file_1"}
    found = attempt(request_body("mine", [{"type": "document", "source": source}]), dialect="ollama")
    assert found.upstream is None
    assert found.no_upstream


def test_stop_sequences_beyond_the_providers_number_are_shown() -> None:
    stops = [f"stop {number}" for number in range(7)]
    found = upstream(request_body("mine", stop_sequences=stops))
    assert (*found.body["stop"], *found.stops_matched_here) == tuple(stops)
    assert found.stops_matched_here


def test_subagent_tags_are_gone_as_they_are_when_it_is_sent() -> None:
    tag = "<CCR-SUBAGENT-MODEL>mine</CCR-SUBAGENT-MODEL>"
    found = upstream(request_body("other", f"{tag}Find it", system=[{"type": "text", "text": tag + "Be brief"}]))
    assert "CCR-SUBAGENT" not in str(found.body)
    assert "Find it" in str(found.body)


def test_without_the_right_to_see_them_there_are_none() -> None:
    (found,) = explanation_of(request_body("mine"), make_snapshot(route("mine")), upstream=False).attempts
    assert (found.upstream, found.no_upstream) == (None, "")
