"""Text inside a field that the gateway reads, such as `metadata.user_id`, is read within limits on every endpoint."""

from __future__ import annotations

import json

import pytest

from providers.dialects import DIALECTS
from tests.attack.rig.rig import Rig

_TEXTS = {
    "deep object": '{"a":' * 100_000,
    "deep list": "[" * 100_000,
    "deep and closed": "[" * 50_000 + "]" * 50_000,
    "deep in a session": '{"session_id":' + "[" * 100_000,
    "long": '{"session_id":"' + "a" * 2_000_000 + '"}',
    "digits": '{"session_id":' + "9" * 100_000 + "}",
    "surrogate": '{"session_id":"\\ud800"}',
    "NUL": '{"session_id":"\\u0000"}',
    "another type": '{"session_id":{"a":[1,2]},"account_uuid":7,"device_id":null}',
    "no object": "[1,2,3]",
    "underscores": "user_" * 100_000 + "_account__session_" * 1000,
}


@pytest.mark.parametrize("text", _TEXTS)
def test_no_user_id_makes_an_error_of_the_server(text: str, rig: Rig) -> None:
    for dialect in DIALECTS:
        script = rig.script(dialect=dialect)
        body = rig.body(script, dialect, metadata={"user_id": _TEXTS[text]}, stream=False)
        for path in ("/v1/messages", "/v1/messages/count_tokens"):
            answer = rig.client().post(body, path=path)
            assert answer.status in (200, 400), (dialect, path, answer.raw[:300])
            assert answer.headers["content-type"].startswith("application/json")
            assert answer.headers["request-id"]
            json.loads(answer.raw)
