"""No endpoint answers with a 500, and if one ever does, in Claude's shape and with a request id."""

from __future__ import annotations

import asyncio
import math
import socket
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from streaming.consumer import ClaudeConsumer
from streaming.endpoints import count_tokens, me, models
from streaming.ingress import known_lines
from streaming.runtime import Runtime
from tests.harness.call import Client, message
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.http.raw import CLOSE, request
from tests.harness.patience import PATIENCE
from tests.streaming.relaying import KEY

_DEEP = '{"a":' * 100_000


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
@pytest.mark.parametrize("dialect", ["anthropic", "gemini", "ollama", "openai_chat", "openai_responses"])
def test_json_in_a_text_may_be_as_deep_as_it_likes(
    path: str, dialect: str, client: Client, standing: Standing, upstream: Any
) -> None:
    script = upstream.script()
    body = message(standing.routes[dialect].name, script.prompt, metadata={"user_id": _DEEP})
    body["messages"] += [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "n", "input": _DEEP}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": _DEEP}]},
    ]
    answer = client.post(body, path=path)
    assert answer.status in (200, 502)  # The upstream says nothing here.
    assert b"Something went wrong in the gateway" not in answer.raw


@pytest.mark.parametrize(
    "query", ["limit=%C2%B2", "limit=\xb2", "limit=" + "9" * 5_000, "limit=-1", "after_id=%FF", "limit=1&" * 500]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_list_of_models_is_never_a_500(query: str, method: str, gateway: Gateway, standing: Standing) -> None:
    key = ("x-api-key", standing.key.secret)
    sent = request(None, ("Host", "x"), key, CLOSE, start=f"{method} /v1/models?{query} HTTP/1.1")
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE) as connection:
        connection.sendall(sent)
        status = connection.recv(12)
    assert status in (b"HTTP/1.1 200", b"HTTP/1.1 400")


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/messages/count_tokens"), ("GET", "/v1/models"), ("GET", "/v1/models/x"), ("HEAD", "/v1/me")],
)
def test_what_nobody_foresaw_is_an_error_of_the_api(
    method: str, path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise RecursionError("deep")

    for module, name in (
        (count_tokens, "count_tokens"),
        (me, "me"),
        (models, "list_models"),
        (models, "retrieve_model"),
    ):
        monkeypatch.setattr(module, name, broken)
    monkeypatch.setattr(known_lines, "caller", lambda headers, keys, now: KEY)
    sent: list[dict[str, Any]] = []

    async def send(part: dict[str, Any]) -> None:
        sent.append(part)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    runtime = SimpleNamespace(
        started=True, store=SimpleNamespace(current=SimpleNamespace(keys={}), too_old_at=math.inf)
    )
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": []}
    asyncio.run(ClaudeConsumer(cast(Runtime, runtime))(scope, receive, send))
    headers = dict(sent[0]["headers"])
    assert sent[0]["status"] == 500
    answer = msgspec.json.decode(sent[1]["body"])
    assert answer["type"] == "error"
    assert answer["error"]["type"] == "api_error"
    assert answer["request_id"] == headers[b"request-id"].decode()
    assert caplog.records[-1].exc_info is not None
