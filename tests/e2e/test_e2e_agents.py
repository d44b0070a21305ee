"""Coding agents' requests through a running server: taken whole, and legal for the provider that gets them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects import DIALECTS
from tests.claude.agent_bodies import bodies
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, make_model, make_provider, make_route
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream

SITUATIONS = list(bodies(""))


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_chat_provider_gets_a_legal_request(
    situation: str, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    script = upstream.script(speak.chat_answer("done"))
    body = {"model": standing.routes["openai_chat"].name, **bodies(script.prompt)[situation]}
    answer = client.post(body, path="/v1/messages?beta=true")
    assert answer.stream().text == "done"
    sent = script.seen[0].body
    _check_chat_messages(sent["messages"])
    text = json.dumps(sent)
    for leak in (
        "cache_control",
        "defer_loading",
        "x-anthropic-billing-header",
        "tool_reference",
        "context_management",
    ):
        assert leak not in text, leak
    assert script.mark in text
    assert sent["stream"] is True
    names = [tool["function"]["name"] for tool in sent.get("tools", [])]
    assert all(len(name) <= 64 for name in names)
    assert "DeferredToolPlaceholder" not in names
    assert "tools" not in sent or names, "an empty list of tools is refused by providers"
    assert names or "tool_choice" not in sent
    assert orm.request(answer.request_id).session_id == "0f3f9a52-6d6e-4b0e-9d07-1c1f5d2b7a11"


def _check_chat_messages(messages: list[dict[str, Any]]) -> None:
    """Each tool result follows the calls it belongs to, every call has one, and no message is empty."""
    waiting: list[str] = []
    for entry in messages:
        if entry["role"] == "tool":
            assert entry["tool_call_id"] in waiting, "a result without its call"
            assert isinstance(entry["content"], str)
            waiting.remove(entry["tool_call_id"])
            continue
        assert waiting == [], "calls without a result"
        assert entry["role"] in {"system", "developer", "user", "assistant"}
        assert entry.get("content") or entry.get("tool_calls"), entry
        waiting = [call["id"] for call in entry.get("tool_calls", [])]
        assert all(isinstance(json.loads(call["function"]["arguments"]), dict) for call in entry.get("tool_calls", []))
    assert waiting == []


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_claude_provider_gets_it_as_it_came(
    situation: str, client: Client, standing: Standing, upstream: Upstream
) -> None:
    script = upstream.script(speak.claude_answer("done"))
    body = {"model": standing.routes["anthropic"].name, **bodies(script.prompt)[situation]}
    assert client.post(body).stream().text == "done"
    assert script.seen[0].body == {**body, "model": standing.models["anthropic"].name}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_tool_whose_name_is_too_long_for_a_provider_keeps_its_name_for_the_client(
    dialect: str, client: Client, standing: Standing, upstream: Upstream
) -> None:
    name = "mcp__a_server_with_a_very_long_name__and_a_tool_whose_name_is_even_longer_than_that"
    ask = bodies("x")["first-turn"]
    first = upstream.script(speak.answer(dialect))
    client.post({"model": standing.routes[dialect].name, **ask, **_prompted(ask, first.prompt)}).stream()
    sent = speak.tool_names(dialect, first.seen[0].body)
    theirs = next(word for word in sent if word.startswith("mcp__"))
    second = upstream.script(speak.reply(dialect, speak.call(theirs, "{}")))
    answer = client.post({"model": standing.routes[dialect].name, **ask, **_prompted(ask, second.prompt)})
    assert [call.name for call in answer.stream().tool_calls] == [name]


def _prompted(body: dict[str, Any], prompt: str) -> dict[str, Any]:
    return {"messages": [*body["messages"], {"role": "user", "content": prompt}]}


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic"])
def test_the_chains_of_provider_and_model_run_in_their_order(
    dialect: str, orm: Rows, gateway: Gateway, client: Client, upstream: Upstream
) -> None:
    def chain(limit: int, word: str, **more: Any) -> list[dict[str, Any]]:
        added = {"name": "customparams", "options": {"params": {"stop_sequences": [word], **more}}}
        return [{"name": "maxtoken", "options": {"limit": limit}}, added]

    provider = make_provider(dialect, f"{upstream.base_url}/chains/v1", transforms=chain(500, "first"))
    model = make_model(provider, transforms=chain(300, "second", top_p=0.5))
    route = make_route([model])
    gateway.wait_snapshot()
    script = upstream.script(speak.answer(dialect))
    client.post(message(route.name, script.prompt)).stream()
    sent = script.seen[0].body
    # Each overwrites what it finds, so the one that ran last has its way.
    assert sent["stop" if dialect == "openai_chat" else "stop_sequences"] == ["second"]
    assert sent["top_p"] == 0.5
    assert sent.get("max_tokens", sent.get("max_completion_tokens")) == 300
