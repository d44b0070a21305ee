"""What the gateway refuses by itself, with a sentence, the request's id everywhere, and a row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream

GOOD: dict[str, Any] = {"model": "ROUTE", "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]}


def _without(name: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name}


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("body", "named"),
    [
        (_without("model"), "model"),
        ({**GOOD, "model": 7}, "model"),
        ({**GOOD, "model": ""}, "model"),
        (_without("max_tokens"), "max_tokens"),
        ({**GOOD, "max_tokens": -1}, "max_tokens"),
        ({**GOOD, "max_tokens": "many"}, "max_tokens"),
        ({**GOOD, "max_tokens": True}, "max_tokens"),
        (_without("messages"), "messages"),
        ({**GOOD, "messages": []}, "messages"),
        ({**GOOD, "messages": {"role": "user"}}, "messages"),
        ({**GOOD, "messages": ["Hi"]}, "messages.0"),
        ({**GOOD, "messages": [{"role": "user"}]}, "messages.0.content"),
        ({**GOOD, "messages": [{"role": "wizard", "content": "Hi"}]}, "messages.0.role"),
        ({**GOOD, "messages": [{"role": "user", "content": [{"text": "no type"}]}]}, "messages.0.content.0"),
        ({**GOOD, "messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
        ({**GOOD, "stream": "yes"}, "stream"),
        ({**GOOD, "tools": "all"}, "tools"),
        ({**GOOD, "system": 3}, "system"),
    ],
)
def test_a_wrong_shape_is_named_and_leaves_a_row(
    body: dict[str, Any], named: str, client: Client, standing: Standing, orm: Rows
) -> None:
    body = json.loads(json.dumps(body).replace("ROUTE", standing.routes["openai_chat"].name))
    answer = client.post(body)
    assert answer.error(400, "invalid_request_error").startswith(named)
    row = orm.request(answer.request_id)
    assert (row.outcome, row.http_status, row.error_type) == ("refused", 400, "invalid_request_error")
    assert (row.attempts, row.input_tokens, row.cost) == (0, None, None)
    assert row.key_prefix == standing.key.row.prefix


@pytest.mark.parametrize("field", ["system", "metadata", "tool_choice", "thinking", "stop_sequences", "temperature"])
def test_an_optional_field_that_is_null_or_odd_is_no_crash(
    field: str, client: Client, standing: Standing, upstream: Upstream
) -> None:
    odd: list[Any] = [None, {}, [], "odd", 3]
    for value in odd:
        script = upstream.script(speak.chat_answer())
        answer = client.post(message(standing.routes["openai_chat"].name, script.prompt, **{field: value}))
        assert answer.status in {200, 400}, (value, answer.raw)


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe{}", b"[]", b'"text"', b"null", b'{"model": NaN}', b"{} trailing", b" "]
)
def test_what_is_no_json_object_is_400(body: bytes, client: Client, orm: Rows) -> None:
    answer = client.post(body)
    assert "JSON" in answer.error(400, "invalid_request_error")
    assert orm.request(answer.request_id).outcome == "refused"


def test_an_empty_body_is_400(client: Client) -> None:
    client.post(None).error(400, "invalid_request_error")


@pytest.mark.parametrize("opened", [b'{"a":', b"["])
def test_deep_nesting_is_400_and_not_a_crash(
    opened: bytes, client: Client, hasty_client: Client, standing: Standing, upstream: Upstream
) -> None:
    for depth in (129, 500, 100_000):
        closed = b"1" + (b"}" if opened[:1] == b"{" else b"]") * depth
        client.post(opened * depth + closed).error(400, "invalid_request_error")
    script = upstream.script(speak.chat_answer("deep enough"))
    body = message(standing.routes["openai_chat"].name, script.prompt, metadata=_nested(110))
    assert client.post(body).stream().text == "deep enough"
    assert "20" in hasty_client.post(body).error(400, "invalid_request_error")


def _nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


def test_a_body_over_the_limit_is_413_announced_or_not(hasty_client: Client, standing: Standing, orm: Rows) -> None:
    body = json.dumps(message(standing.routes["openai_chat"].name, "x" * 100_001)).encode()
    announced = hasty_client.post(body)
    assert "100000" in announced.error(413, "request_too_large")
    row = orm.request(announced.request_id)
    assert (row.outcome, row.http_status, row.error_type) == ("refused", 413, "request_too_large")
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:70_000], body[70_000:])) + b"0\r\n\r\n"
    chunked = {"transfer-encoding": "chunked", "content-type": "application/json"}
    hasty_client.post(chunks, headers=chunked).error(413, "request_too_large")


def test_a_claude_code_sized_request_and_a_large_image_are_taken(
    client: Client, standing: Standing, upstream: Upstream
) -> None:
    script = upstream.script(speak.claude_answer("seen"))
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO" * 5_000_000}}
    body = message(standing.routes["anthropic"].name, [image, {"type": "text", "text": script.prompt}])
    assert client.post(body).stream().text == "seen"
    assert len(script.seen[0].raw) > 20_000_000


def test_the_request_id_is_in_header_body_log_and_row(
    client: Client, gateway: Gateway, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    script = upstream.script(speak.refusal("openai_chat", 400, "No."))
    answer = client.post(message(standing.routes["openai_chat"].name, script.prompt))
    answer.error(400, "invalid_request_error")
    row = orm.request(answer.request_id)
    (line,) = [record for record in gateway.records(answer.request_id) if record["level"] == "INFO"]
    assert line["outcome"] == row.outcome == "failed"
    ids = {client.post(message(standing.routes["openai_chat"].name)).request_id for _ in range(5)}
    assert len(ids) == 5
