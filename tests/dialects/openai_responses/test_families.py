"""A family's own rules hold wherever a model of it is served, by its name."""

from __future__ import annotations

from typing import Any

import pytest

from providers.config import ModelConfig
from providers.families import family_of
from tests.claude.wire import make_call, sent_body

ROUTER = "https://openrouter.ai/api/v1"
PROXY = "https://litellm.example.com/v1"
USER = {"role": "user", "content": "Hi"}
TOOLS = [{"name": "read", "input_schema": {"type": "object", "properties": {}}}]


def sent(url: str, model: str, dialect: str = "openai_chat", **fields: Any) -> tuple[dict[str, Any], list[str]]:
    call = make_call(dialect, {"max_tokens": 1000, "messages": [USER], **fields}, url=url, model=model)
    body = sent_body(call)
    return body, list(call.notes)


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic"])
def test_openais_models_behind_openrouter(dialect: str) -> None:
    """400 "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 1 instead."."""
    body, notes = sent(ROUTER, "openai/gpt-5", dialect, max_tokens=1, temperature=0.2, top_p=0.5)
    assert body["max_tokens"] == 16
    assert {"temperature", "top_p"}.isdisjoint(body)
    assert sorted(notes) == ["max_tokens_raised", "sampling_dropped"]
    body, notes = sent(ROUTER, "openai/gpt-4.1-mini", dialect, max_tokens=1, temperature=0.2)
    assert (body["max_tokens"], body["temperature"], notes) == (16, 0.2, ["max_tokens_raised"])
    body, notes = sent(ROUTER, "openai/gpt-5", dialect, max_tokens=16)
    assert (body["max_tokens"], notes) == (16, [])


@pytest.mark.parametrize("url", [ROUTER, PROXY, "https://gateway.example.com/v1"])
def test_stop_sequences_and_the_control_of_parallel_calls(url: str) -> None:
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    body, notes = sent(url, "openai/o4-mini", stop_sequences=["END"], tools=TOOLS, tool_choice=choice)
    assert {"stop", "parallel_tool_calls"}.isdisjoint(body)
    assert {"stop_sequences_matched_here", "parallel_control_dropped"} <= set(notes)
    body, _ = sent(url, "openai/gpt-5", tools=TOOLS, tool_choice=choice)
    assert body["parallel_tool_calls"] is False


@pytest.mark.parametrize("model", ["x-ai/grok-4", "xai.grok-4.6", "grok-3-mini", "xai/grok-code-fast-1"])
def test_grok_takes_no_stop_sequences_anywhere(model: str) -> None:
    body, notes = sent(PROXY, model, stop_sequences=["END"])
    assert "stop" not in body
    assert notes == ["stop_sequences_matched_here"]
    assert sent(PROXY, "x-ai/grok-3", stop_sequences=["END"])[0]["stop"] == ["END"]


def test_claude_behind_a_server_of_another_dialect() -> None:
    """400 "`temperature` is deprecated for this model."."""
    body, notes = sent(PROXY, "claude-opus-4-7", temperature=0.2)
    assert ("temperature" in body, notes) == (False, ["sampling_dropped"])
    body, notes = sent(ROUTER, "anthropic/claude-sonnet-4.5", temperature=0.2, top_p=0.9)
    assert (body["temperature"], "top_p" in body, notes) == (0.2, False, ["sampling_dropped"])
    body, notes = sent(ROUTER, "anthropic/claude-opus-5.5", "openai_responses", temperature=0.2)
    assert ("temperature" in body, notes) == (False, ["sampling_dropped"])
    body, notes = sent(PROXY, "claude-opus-5-5", tools=TOOLS, tool_choice={"type": "tool", "name": "read"})
    assert "tool_choice" not in body
    assert body["messages"][-1]["content"].endswith("Answer with a call of the tool read.\n</system-reminder>")
    assert notes == ["tool_choice_told"]


def test_a_model_with_open_weights_takes_what_its_server_takes() -> None:
    body, notes = sent(ROUTER, "openai/gpt-oss-120b", max_tokens=1, temperature=0.2, stop_sequences=["END"])
    assert (body["max_tokens"], body["temperature"], body["stop"], notes) == (1, 0.2, ["END"], [])


def test_openais_own_chat_completions_take_a_limit_of_one_token() -> None:
    body, notes = sent("https://api.openai.com/v1", "gpt-5", max_tokens=1)
    assert (body["max_completion_tokens"], notes) == (1, [])


def test_a_name_that_tells_nothing_limits_nothing() -> None:
    for name in ("my-deployment", "qwen3-30b", "llama-3.3-70b", "mistral-large", ""):
        family = family_of(ModelConfig(id=1, provider_id=1, name=name))
        assert (family.sampling, family.stops, family.parallel_control, family.least_output) == ("any", True, True, 1)
