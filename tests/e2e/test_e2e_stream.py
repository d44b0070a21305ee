"""One request all the way through a running server and back, in both dialects, streamed and not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects import DIALECTS
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, make_model, make_provider, make_route
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.script import Reply
from tests.harness.upstream import Upstream, running_upstream

WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def _rich(dialect: str) -> Reply:
    """Thinking, text and two tool calls (one without arguments)."""
    return speak.reply(
        dialect,
        speak.Thinking("Two cities, so two calls."),
        speak.text("I will ", "löök. \N{SNOWMAN}"),
        speak.call("get_weather", '{"city": ', '"Paris"}', id="call_a"),
        speak.call("get_weather", id="call_b"),
    )


@pytest.mark.parametrize("dialect", DIALECTS)
def test_text_arrives_as_a_legal_stream_with_disjoint_counts(
    dialect: str, client: Client, standing: Standing, upstream: Upstream
) -> None:
    script = upstream.script(speak.answer(dialect, "Hello there"))
    answer = client.post(message(standing.routes[dialect].name, script.prompt))
    stream = answer.stream()
    assert stream.text == "Hello there"
    assert stream.stop_reason == "end_turn"
    fresh, cached, output = speak.counts(dialect)
    assert stream.usage["input_tokens"] == fresh
    assert stream.usage.get("cache_read_input_tokens") == (0 if cached is None else cached)
    assert stream.usage["output_tokens"] == output
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.request_id.startswith("req_")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_thinking_text_and_parallel_tools(dialect: str, client: Client, standing: Standing, upstream: Upstream) -> None:
    script = upstream.script(_rich(dialect))
    stream = client.post(message(standing.routes[dialect].name, script.prompt, tools=[WEATHER])).stream()
    assert stream.thinking == "Two cities, so two calls."
    assert stream.text == "I will löök. \N{SNOWMAN}"
    assert [(call.name, call.input) for call in stream.tool_calls] == [
        ("get_weather", {"city": "Paris"}),
        ("get_weather", {}),
    ]
    assert stream.stop_reason == "tool_use"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_without_streaming_the_same_answer_comes_whole(
    dialect: str, client: Client, standing: Standing, upstream: Upstream
) -> None:
    script = upstream.script(_rich(dialect))
    answer = client.post(message(standing.routes[dialect].name, script.prompt, stream=False, tools=[WEATHER]))
    assert answer.status == 200, answer.raw
    assert answer.headers["content-type"].startswith("application/json")
    complete = answer.json
    assert complete["type"] == "message"
    assert complete["role"] == "assistant"
    # Gemini's signature of a call travels in a block of its own that holds no thinking.
    content = [block for block in complete["content"] if block.get("thinking") != ""]
    assert [block["type"] for block in content] == ["thinking", "text", "tool_use", "tool_use"]
    assert content[0]["thinking"] == "Two cities, so two calls."
    assert content[1]["text"] == "I will löök. \N{SNOWMAN}"
    assert [block["input"] for block in content[2:]] == [{"city": "Paris"}, {}]
    assert complete["stop_reason"] == "tool_use"
    fresh, _, output = speak.counts(dialect)
    assert (complete["usage"]["input_tokens"], complete["usage"]["output_tokens"]) == (fresh, output)
    # The provider streams all the same; Gemini is told so by its path.
    (seen,) = script.seen
    assert seen.body.get("stream") is True or "stream" in seen.path


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stream_that_arrives_byte_by_byte_loses_nothing(
    dialect: str, client: Client, standing: Standing, upstream: Upstream
) -> None:
    reply = _rich(dialect)
    data = b"".join(step for step in reply.steps if isinstance(step, bytes))
    reply.steps = [data[i : i + 1] for i in range(len(data))]
    script = upstream.script(reply)
    stream = client.post(message(standing.routes[dialect].name, script.prompt, tools=[WEATHER])).stream()
    assert stream.text == "I will löök. \N{SNOWMAN}"
    assert [call.input for call in stream.tool_calls] == [{"city": "Paris"}, {}]


@pytest.mark.both_databases
@pytest.mark.parametrize("dialect", DIALECTS)
def test_two_providers_of_one_dialect_each_get_their_own_traffic(
    dialect: str, orm: Rows, gateway: Gateway, client: Client, upstream: Upstream
) -> None:
    with running_upstream() as other:
        here, there = f"{upstream.base_url}/one", f"{other.base_url}/a/deep%20er/prefix"
        routes, names = [], []
        for base_url, secret in ((here, "sk-secret-for-one-1111"), (there, "sk-secret-for-two-2222")):
            provider = make_provider(dialect, base_url, secret=secret, headers={"x-title": base_url[-6:]})
            model = make_model(provider)
            routes.append(make_route([model]))
            names.append(model.name)
        gateway.wait_snapshot()
        one, two = upstream.script(speak.answer(dialect, "one")), other.script(speak.answer(dialect, "two"))
        assert client.post(message(routes[0].name, one.prompt)).stream().text == "one"
        assert client.post(message(routes[1].name, two.prompt)).stream().text == "two"
        assert one.seen[0].path.startswith("/one/")
        assert two.seen[0].path.startswith("/a/deep%20er/prefix/")
        path = one.seen[0].path.removeprefix("/one").replace(names[0], names[1])
        assert path == two.seen[0].path.removeprefix("/a/deep%20er/prefix")
        for script, base_url, secret in ((one, here, "sk-secret-for-one-1111"), (two, there, "sk-secret-for-two-2222")):
            (seen,) = script.seen
            assert secret in {value.split(" ")[-1] for value in seen.headers.values()}
            assert seen.headers["host"] == base_url.split("/")[2]
            assert seen.headers["x-title"] == base_url[-6:]
        assert other.strays == []


def test_to_a_claude_provider_the_request_goes_out_as_it_came(
    client: Client, standing: Standing, upstream: Upstream
) -> None:
    script = upstream.script(speak.claude_answer())
    body = message(
        standing.routes["anthropic"].name,
        [
            {
                "type": "text",
                "text": script.prompt,
                "cache_control": {"type": "ephemeral"},
                "not_yet_known": [1, {"a": None}],
            }
        ],
        system=[
            {"type": "text", "text": "x-anthropic-billing-header: cc_version=1;"},
            {"type": "text", "text": "Be kind."},
        ],
        tools=[{"type": "web_search_20260318", "name": "web_search"}, WEATHER],
        thinking={"type": "adaptive", "display": "updates"},
        context_management={"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        safeguards={"mode": "x"},
        an_unknown_field={"deep": [True, 1.5, "ü"]},
    )
    headers = {"anthropic-version": "2026-10-21", "anthropic-beta": "effort-2025-11-24,not-yet-known"}
    answer = client.post(body, path="/v1/messages?beta=true", headers=headers)
    answer.stream()
    (seen,) = script.seen
    # But for a field that Claude's API does not have: only Anthropic's own server gets those.
    del body["an_unknown_field"]
    assert answer.headers["x-gateway-fidelity"] == "client_field_dropped"
    assert seen.body == {**body, "model": standing.models["anthropic"].name}
    assert seen.headers["anthropic-beta"] == headers["anthropic-beta"]
    assert seen.headers["anthropic-version"] == "2026-10-21"
    assert standing.key.secret not in str(seen.headers)


def test_a_claude_answer_comes_back_with_every_block_and_field(
    client: Client, standing: Standing, upstream: Upstream
) -> None:
    blocks = [
        speak.claude_block(0, {"type": "redacted_thinking", "data": "b3BhcXVl"}),
        speak.claude_block(
            1,
            {
                "type": "server_tool_use",
                "id": "srvtoolu_1",
                "name": "web_search",
                "input": {},
                "caller": {"type": "direct"},
            },
            {"type": "input_json_delta", "partial_json": '{"query": "x"}'},
        ),
        speak.claude_block(2, {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"a": 1}]}),
        speak.claude_block(
            3,
            {"type": "text", "text": "", "citations": []},
            {"type": "text_delta", "text": "cited", "a_new_field": 7},
            {"type": "citations_delta", "citation": {"type": "web_search_result_location", "url": "https://x.test"}},
        ),
        speak.claude_block(4, {"type": "block_of_the_future", "payload": {"k": [1]}}, {"type": "future_delta", "z": 1}),
    ]
    script = upstream.script(speak.chat_reply(speak.claude_start(), *blocks, speak.claude_end()))
    answer = client.post(message(standing.routes["anthropic"].name, script.prompt))
    answer.stream()
    assert _block_events(answer.raw) == _block_events(b"".join(blocks))
    again = upstream.script(speak.chat_reply(speak.claude_start(), *blocks, speak.claude_end()))
    complete = client.post(message(standing.routes["anthropic"].name, again.prompt, stream=False)).json
    assert [block["type"] for block in complete["content"]] == [
        "redacted_thinking",
        "server_tool_use",
        "web_search_tool_result",
        "text",
        "block_of_the_future",
    ]
    assert complete["content"][1]["input"] == {"query": "x"}
    assert complete["content"][1]["caller"] == {"type": "direct"}
    assert complete["content"][3]["citations"] == [{"type": "web_search_result_location", "url": "https://x.test"}]


def _block_events(raw: bytes) -> list[Any]:
    lines = [json.loads(line[6:]) for line in raw.splitlines() if line.startswith(b"data: ")]
    return [event for event in lines if event["type"].startswith("content_block")]
