"""What a client adds to a request reaches no provider that it could choose, limit, store or bill anything by."""

from __future__ import annotations

from typing import Any

import pytest

from providers.dialects import DIALECTS
from tests.attack.rig.rig import Rig

_FIELDS: dict[str, Any] = {
    "unbilled": {"stream_options": {"include_usage": False}, "usage": {"include": False}},
    "capitals": {"MODEL": "dear", "Max_Tokens": 99999, "ſtream": False},
    "models": {
        "models": ["dear"],
        "route": "fallback",
        "provider": {"order": ["dear"]},
        "extra_body": {"model": "dear"},
    },
    "answers": {"n": 50, "best_of": 50, "candidateCount": 8},
    "limits": {"max_output_tokens": 99999, "options": {"num_predict": 99999, "num_ctx": 99999}, "keep_alive": -1},
    "gemini": {
        "generationConfig": {"maxOutputTokens": 99999},
        "safetySettings": [],
        "cachedContent": "cachedContents/1",
    },
    "stored": {"store": True, "previous_response_id": "resp_1", "conversation": "conv_1", "prompt": {"id": "p"}},
    "account": {
        "speed": "fast",
        "inference_geo": "us",
        "container": "c_1",
        "mcp_servers": [{"url": "https://a"}],
        "fallbacks": [{"model": "dear"}],
    },
}
_OURS = {"stream_options", "store", "options", "generationConfig", "max_output_tokens"}
"""Fields that the gateway itself sends to one server or another, with values of its own."""


@pytest.mark.parametrize("kind", _FIELDS)
def test_no_field_of_a_client_changes_who_answers_or_what_it_costs(kind: str, rig: Rig) -> None:
    for dialect in DIALECTS:
        script = rig.script(dialect=dialect)
        answer = rig.client().post(rig.body(script, dialect, **_FIELDS[kind]))
        assert answer.status == 200
        (seen,) = script.seen
        assert not (_FIELDS[kind].keys() - _OURS) & seen.body.keys(), dialect
        assert "99999" not in seen.raw.decode()
        assert "dear" not in seen.raw.decode()
        assert seen.body.get("stream_options", {"include_usage": True}) == {"include_usage": True}
        assert seen.body.get("store", False) is False
        row = rig.rows.request(answer.request_id)
        assert row.output_tokens
        assert row.cost
