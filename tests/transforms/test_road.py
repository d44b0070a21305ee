"""Transforms on the road, over real sockets; and `max_tokens: 0`, which only Claude servers are asked."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from providers.models import Provider
from routing.models import Route
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, make_model, make_provider, make_route
from tests.harness.gateway import Gateway
from tests.harness.patience import SOON
from tests.harness.rows import Rows
from tests.harness.script import HANG, Reply
from tests.harness.upstream import Upstream

READ = {"name": "Read", "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}}}


def chained(upstream: Upstream, gateway: Gateway, *names: str, dialect: str = "openai_chat") -> tuple[Provider, Route]:
    """A provider of the scripted upstream with a chain of transforms, and a route to it."""
    url = f"{upstream.base_url}/chained" + ("" if dialect == "anthropic" else "/v1")
    provider = make_provider(dialect, url, transforms=[{"name": name} for name in names])
    route = make_route([make_model(provider)])
    gateway.wait_snapshot()
    return provider, route


def responses_text(text: str) -> bytes:
    """A piece of an answer's text in the Responses API."""
    event = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": text}
    return f"data: {json.dumps(event)}\n\n".encode()


def content_of(answer: Any, stream: bool) -> list[tuple[str, Any]]:
    """The blocks of an answer, streamed or not: type, and text, thinking or input."""
    if not stream:
        field = {"text": "text", "thinking": "thinking", "tool_use": "input"}
        return [(block["type"], block[field[block["type"]]]) for block in answer.json["content"]]
    value = {
        "text": lambda block: block.text,
        "thinking": lambda block: block.thinking,
        "tool_use": lambda block: json.loads(block.json),
    }
    return [(block.type, value[block.type](block)) for block in answer.stream().blocks]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_a_chain_changes_request_and_answer(
    stream: bool, client: Client, gateway: Gateway, upstream: Upstream, orm: Rows
) -> None:
    _, route = chained(upstream, gateway, "extrathinktag", "tooluse", "enhancetool")
    reply = speak.chat_reply(
        speak.chat_text("<thi"),
        speak.chat_text("nk>why</think>\n\nReading. "),
        speak.chat_tool(0, '{"path":', "call_1", "Read"),
        speak.chat_tool(0, '"/a",}'),
        speak.chat_end("tool_calls"),
    )
    script = upstream.script(reply)
    answer = client.post(message(route.name, script.prompt, stream=stream, tools=[READ]))
    assert content_of(answer, stream) == [("thinking", "why"), ("text", "Reading. "), ("tool_use", {"path": "/a"})]
    assert script.seen[0].body["tool_choice"] == "required"
    row = orm.request(answer.request_id)
    assert {"transformed", "arguments_repaired"} <= set(row.fidelity or [])
    assert row.stop_reason == "tool_use"


def test_the_way_out_is_plain_text(client: Client, gateway: Gateway, upstream: Upstream, orm: Rows) -> None:
    _, route = chained(upstream, gateway, "tooluse")
    left = speak.chat_tool(0, '{"response":"All ', "call_1", "ExitTool")
    script = upstream.script(speak.chat_reply(left, speak.chat_tool(0, 'done."}'), speak.chat_end("tool_calls")))
    parsed = client.post(message(route.name, script.prompt, tools=[READ])).stream()
    assert (parsed.text, parsed.stop_reason, parsed.tool_calls) == ("All done.", "end_turn", [])


def test_at_a_claude_server_nothing_is_promised_that_its_blocks_could_not_keep(
    client: Client, gateway: Gateway, upstream: Upstream, orm: Rows
) -> None:
    _, route = chained(upstream, gateway, "tooluse", "forcereasoning", "cleancache", dialect="anthropic")
    script = upstream.script(speak.claude_answer())
    client.post(message(route.name, script.prompt, tools=[READ], cache_control={"type": "ephemeral"})).stream()
    sent = script.seen[0].body
    assert (sent["tools"], "tool_choice" in sent, "system" in sent, "cache_control" in sent) == (
        [READ],
        False,
        False,
        False,
    )


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_a_stop_sequence_of_ours_ends_the_answer_and_leaves_the_provider(
    stream: bool, client: Client, gateway: Gateway, upstream: Upstream, orm: Rows
) -> None:
    # This API takes none at all: https://platform.openai.com/docs/api-reference/responses/create
    _, route = chained(upstream, gateway, dialect="openai_responses")
    script = upstream.script(Reply([responses_text("One. ST"), responses_text("OP Two."), HANG]))
    began = time.monotonic()
    answer = client.post(message(route.name, script.prompt, stream=stream, stop_sequences=["STOP"]))
    assert content_of(answer, stream) == [("text", "One. ")]
    if stream:
        parsed = answer.stream()
        end = (parsed.stop_reason, parsed.stop_sequence, parsed.usage["output_tokens"])
    else:
        end = (answer.json["stop_reason"], answer.json["stop_sequence"], answer.json["usage"]["output_tokens"])
    assert end == ("stop_sequence", "STOP", 2)
    assert script.wait_closed() - began < SOON
    row = orm.request(answer.request_id)
    assert (row.outcome, row.stop_reason, row.output_tokens, row.estimated) == (
        "completed",
        "stop_sequence",
        2,
        True,
    )
    assert "stop_sequences_matched_here" in (row.fidelity or [])


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_no_provider_is_called_for_nothing(
    stream: bool, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    script = upstream.script(speak.chat_answer())
    body = message(standing.routes["openai_chat"].name, script.prompt, stream=stream, max_tokens=0)
    answer = client.post(body)
    if stream:
        parsed = answer.stream()
        content, stop_reason, usage = parsed.blocks, parsed.stop_reason, parsed.usage
    else:
        content, stop_reason, usage = (answer.json[field] for field in ("content", "stop_reason", "usage"))
    assert (content, stop_reason) == ([], "max_tokens")
    assert (usage["input_tokens"], usage["output_tokens"]) == (0, 0)
    assert script.seen == []
    assert answer.headers["x-gateway-fidelity"] == "answered_here"
    row = orm.request(answer.request_id)
    assert (row.outcome, row.model_name, row.stop_reason) == (
        "completed",
        standing.models["openai_chat"].name,
        "max_tokens",
    )
    assert (row.cost, row.input_tokens, row.output_tokens, row.estimated) == (0, 0, 0, False)
    assert row.provider_name == standing.models["openai_chat"].provider.name
    assert row.fidelity == ["answered_here"]


def test_a_claude_server_is_asked(client: Client, standing: Standing, upstream: Upstream) -> None:
    script = upstream.script(speak.claude_answer())
    client.post(message(standing.routes["anthropic"].name, script.prompt, max_tokens=0)).stream()
    assert [seen.body["max_tokens"] for seen in script.seen] == [0]
