"""A server that speaks the Responses API behind the gateway: statuses, fallback, and what a client carries back."""

from __future__ import annotations

import pytest

from routing.models import Route
from tests.claude.wire import cases
from tests.harness.call import Client, message
from tests.harness.configure import make_model, make_provider, make_route
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.script import Reply
from tests.harness.upstream import Upstream

FIXTURES = {case.folder.name: case.body for case in cases("openai_responses") if case.ending == "sse"}
TOOL = {"name": "Read", "input_schema": {"type": "object"}}


def events_of(name: str) -> list[bytes]:
    """A fixture, one event a write."""
    return [part + b"\n\n" for part in FIXTURES[name].split(b"\n\n") if part]


@pytest.fixture
def route(orm: Rows, gateway: Gateway, upstream: Upstream) -> Route:
    """A route to a reasoning model."""
    provider = make_provider("openai_responses", f"{upstream.base_url}/responses/v1")
    made = make_route([make_model(provider, capabilities=["thinking", "tools"])])
    gateway.wait_snapshot()
    return made


def test_reasoning_goes_through_the_client_and_back(
    route: Route, client: Client, upstream: Upstream, orm: Rows
) -> None:
    first = upstream.script(Reply(events_of("thinking_empty_summary_then_tool")))
    asked = message(route.name, first.prompt, stream=False, thinking={"type": "adaptive"}, tools=[TOOL])
    answered = client.post(asked)
    content = answered.json["content"]
    assert [block["type"] for block in content] == ["thinking", "tool_use"]
    row = orm.request(answered.request_id)
    assert (row.outcome, row.input_tokens, row.output_tokens) == ("completed", 20, 40)

    second = upstream.script(Reply(events_of("text")))
    result = {"type": "tool_result", "tool_use_id": content[1]["id"], "content": "ok"}
    turns = [("user", second.prompt), ("assistant", content), ("user", [result])]
    asked["messages"] = [{"role": role, "content": content} for role, content in turns]
    assert client.post({**asked, "stream": True}).stream().text == "Hello there."
    sent = second.seen[0]
    assert sent.path == "/responses/v1/responses"
    types = [item["type"] for item in sent.body["input"]]
    assert types == ["message", "reasoning", "function_call", "function_call_output"]
    assert sent.body["input"][1]["encrypted_content"] == "gAAAAABempty"


def test_an_error_before_the_first_item_has_the_status_that_it_means(
    route: Route, client: Client, upstream: Upstream
) -> None:
    script = upstream.script(Reply(events_of("error_first_overflow")))
    error_text = client.post(message(route.name, script.prompt)).error(400, "invalid_request_error")
    assert error_text.startswith("prompt is too long")
    script = upstream.script(Reply(events_of("error_first_quota")))
    client.post(message(route.name, script.prompt)).error(502, "api_error")


def test_a_stop_sequence_is_watched_for_here(route: Route, client: Client, upstream: Upstream) -> None:
    script = upstream.script(Reply(events_of("text")))
    answered = client.post(message(route.name, script.prompt, stop_sequences=["o there"]))
    parsed = answered.stream()
    assert (parsed.text, parsed.stop_reason, parsed.stop_sequence) == ("Hell", "stop_sequence", "o there")
    assert answered.headers["x-gateway-fidelity"] == "stop_sequences_matched_here"
