"""What a client adds to a request asks no other model, lifts no limit, hides no usage, names nothing of the account."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from providers.dialects import DIALECTS
from tests.attack.rig.rig import Rig

_OTHER = "smuggled-model"
_MUCH = 7_654_321
_FIELDS: dict[str, Any] = {
    "stream_options": {"include_usage": False},
    "streamOptions": {"include_usage": False},
    "MODEL": _OTHER,
    "Model": _OTHER,
    "mOdEl": _OTHER,
    "models": [_OTHER],
    "model_id": _OTHER,
    "modelId": _OTHER,
    "fallback_models": [_OTHER],
    "fallbacks": [{"model": _OTHER}],
    "route": "fallback-smuggled",
    "provider": {"order": [_OTHER]},
    "plugins": [{"id": _OTHER}],
    "preset": _OTHER,
    "transforms": [_OTHER],
    "n": _MUCH,
    "N": _MUCH,
    "best_of": _MUCH,
    "Max_Tokens": _MUCH,
    "MAX_TOKENS": _MUCH,
    "maxTokens": _MUCH,
    "max_output_tokens": _MUCH,
    "max_new_tokens": _MUCH,
    "num_predict": _MUCH,
    "options": {"num_predict": _MUCH, "num_ctx": _MUCH, "num_gpu": _MUCH},
    "keep_alive": _MUCH,
    "generationConfig": {"maxOutputTokens": _MUCH, "candidateCount": _MUCH},
    "generation_config": {"max_output_tokens": _MUCH},
    "safetySettings": [{"threshold": "smuggled-none"}],
    "cachedContent": "smuggled-content",
    "store": True,
    "Store": True,
    "background": True,
    "previous_response_id": "smuggled-response",
    "conversation": "smuggled-conversation",
    "prompt": {"id": "smuggled-prompt"},
    "instructions": "smuggled-instructions",
    "input": "smuggled-input",
    "contents": [{"parts": [{"text": "smuggled-contents"}]}],
    "Messages": [{"role": "user", "content": "smuggled-message"}],
    "api_base": "http://smuggled.example",
    "base_url": "http://smuggled.example",
    "api_key": "smuggled-key",
    "extra_headers": {"x-api-key": "smuggled-key"},
    "extra_body": {"model": _OTHER},
    "user_id": "smuggled-user",
    "organization": "smuggled-organization",
    "web_search_options": {"x": "smuggled"},
    "service_tier": "smuggled-priority",
    "webhook_url": "http://smuggled.example",
    "ſtream": "smuggled-stream",
    "usage": {"include": "smuggled-nothing"},
    "candidateCount": _MUCH,
    "speed": "smuggled-fast",
    "inference_geo": "smuggled-geo",
    "container": "smuggled-container",
    "mcp_servers": [{"type": "url", "name": "smuggled", "url": "https://smuggled.example"}],
}


def _places(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for step, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield f"{path}.{step}", inner
        yield from _places(inner, f"{path}.{step}")


def _smuggled(raw: bytes) -> list[str]:
    """Where in a body something is that only the client's extra field can have put there."""
    body = json.loads(raw)
    found = [
        path for path, value in _places(body) if value == _MUCH or (isinstance(value, str) and "smuggled" in value)
    ]
    if body.get("store") is True or body.get("Store") or body.get("background"):
        found.append("store")
    if body.get("stream") and body.get("stream_options", {}).get("include_usage") is False:
        found.append("stream_options")
    return found


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_field_of_a_client_reaches_what_is_ours(dialect: str, rig: Rig) -> None:
    passed = {}
    for stream in (True, False):
        for name, value in _FIELDS.items():
            script = rig.script(dialect=dialect)
            answer = rig.client().post({**rig.body(script, dialect, stream=stream), name: value})
            assert answer.status in (200, 400), (name, answer.raw[:300])
            if found := [place for seen in script.seen for place in _smuggled(seen.raw)]:
                passed[name, stream] = found
            if answer.status == 200:
                row = rig.rows.request(answer.request_id)
                assert row.cost is not None, name
                assert row.cost > 0, name
    assert passed == {}


def test_what_is_harmless_arrives(rig: Rig) -> None:
    script = rig.script(dialect="openai_chat")
    rig.client().post(rig.body(script, "openai_chat", seed=7, presence_penalty=0.5))
    body = script.seen[0].body
    assert (body["seed"], body["presence_penalty"]) == (7, 0.5)
