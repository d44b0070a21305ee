"""How hard to think, in the words of each host of the openai_chat dialect."""

from __future__ import annotations

from typing import Any

import pytest

from tests.claude.openai_chat import OPENAI, upstream_body

OPENROUTER = "https://openrouter.ai/api/v1"
DEEPSEEK = "https://api.deepseek.com/v1"
MISTRAL = "https://api.mistral.ai/v1"
QWEN = "https://dashscope.aliyuncs.com/compatible-mode/v1"
GENERIC = "https://llm.example.org/v1"
READ = {"name": "Read", "input_schema": {"type": "object", "properties": {}}}


def sent(**fields: Any) -> dict[str, Any]:
    """The upstream body of a hello with these fields; the options of make_call go into `to`."""
    options = fields.pop("to", {})
    return upstream_body({"messages": [{"role": "user", "content": "Hello"}], **fields}, **options)


ADAPTIVE: dict[str, Any] = {"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}}
OFF = {"thinking": {"type": "disabled"}, "output_config": {"effort": "high"}}


def budget(tokens: int) -> dict[str, Any]:
    """Thinking with a budget."""
    return {"thinking": {"type": "enabled", "budget_tokens": tokens}}


@pytest.mark.parametrize(
    ("url", "model", "asked", "fields"),
    [
        (OPENAI, "gpt-5", ADAPTIVE, {"reasoning_effort": "medium"}),
        (OPENAI, "gpt-5", {"output_config": {"effort": "max"}}, {"reasoning_effort": "high"}),
        (OPENAI, "gpt-5", budget(1024), {"reasoning_effort": "low"}),
        (OPENAI, "gpt-5", budget(8000), {"reasoning_effort": "medium"}),
        (OPENAI, "gpt-5", budget(31999), {"reasoning_effort": "high"}),
        (OPENAI, "gpt-5", OFF, {"reasoning_effort": "minimal"}),
        (OPENAI, "gpt-5.2", OFF, {"reasoning_effort": "none"}),
        (OPENAI, "o3", OFF, {"reasoning_effort": "low"}),
        (OPENAI, "gpt-5", {"thinking": {"type": "adaptive"}}, {}),
        (OPENAI, "gpt-5", {}, {}),
        (OPENAI, "gpt-4.1", ADAPTIVE, {}),
        (OPENROUTER, "z-ai/glm", ADAPTIVE, {"reasoning": {"effort": "medium"}}),
        (OPENROUTER, "z-ai/glm", {"output_config": {"effort": "max"}}, {"reasoning": {"effort": "xhigh"}}),
        (OPENROUTER, "z-ai/glm", {"thinking": {"type": "adaptive"}}, {"reasoning": {"enabled": True}}),
        (OPENROUTER, "z-ai/glm", OFF, {"reasoning": {"enabled": False}}),
        (OPENROUTER, "openai/gpt-5", OFF, {"reasoning": {"effort": "low"}}),
        (OPENROUTER, "z-ai/glm", {}, {}),
        (MISTRAL, "magistral", ADAPTIVE, {}),
        (GENERIC, "anything", ADAPTIVE, {}),
    ],
)
def test_thinking_in_the_words_of_the_host(url: str, model: str, asked: dict[str, Any], fields: dict[str, Any]) -> None:
    body = sent(**asked, to={"url": url, "model": model})
    names = {"reasoning_effort", "reasoning", "thinking", "enable_thinking", "thinking_budget"}
    assert {name: body[name] for name in names & body.keys()} == fields


@pytest.mark.parametrize(
    ("url", "asked", "fields"),
    [
        (DEEPSEEK, ADAPTIVE, {"thinking": {"type": "enabled"}, "reasoning_effort": "medium"}),
        (DEEPSEEK, OFF, {"thinking": {"type": "disabled"}}),
        (QWEN, budget(4000), {"enable_thinking": True, "thinking_budget": 4000}),
        (QWEN, OFF, {"enable_thinking": False}),
        (GENERIC, ADAPTIVE, {"reasoning_effort": "medium"}),
        (GENERIC, OFF, {}),
    ],
)
def test_thinking_by_the_models_row(url: str, asked: dict[str, Any], fields: dict[str, Any]) -> None:
    body = sent(**asked, to={"url": url, "model": "m", "capabilities": ["thinking"]})
    names = {"reasoning_effort", "reasoning", "thinking", "enable_thinking", "thinking_budget"}
    assert {name: body[name] for name in names & body.keys()} == fields


@pytest.mark.parametrize(("model", "effort"), [("gpt-5.4", "none"), ("gpt-5.2", "medium"), ("gpt-5", "medium")])
def test_new_gpt_models_with_tools_are_asked_for_no_effort(model: str, effort: str) -> None:
    assert sent(**ADAPTIVE, tools=[READ], to={"model": model})["reasoning_effort"] == effort
