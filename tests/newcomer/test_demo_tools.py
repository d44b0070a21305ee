"""The tools that the demo upstream calls, and the arguments it makes up for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from proxysite.demo.schema import example
from tests.newcomer.demo_client import chat_request, read_message, running_demo, tool_calls

BASH = {
    "name": "Bash",
    "parameters": {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]},
}
WEATHER = {
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CLOCK = {**WEATHER, "name": "get_time"}
READ, WRITE = {**WEATHER, "name": "Read"}, {**WEATHER, "name": "Write"}
AGENT = (READ, BASH, WRITE)


@pytest.fixture(scope="module")
def demo() -> Iterator[httpx.Client]:
    """A client of a running demo upstream."""
    with running_demo() as client:
        yield client


def test_a_bash_turn_as_an_agent_has_it(demo: httpx.Client) -> None:
    reminder = {"type": "text", "text": "<system-reminder>\nUse the Read tool and call Write.\n</system-reminder>"}
    prompt = [reminder, {"type": "text", "text": "Run echo hi with Bash and report."}]
    messages = [{"role": "user", "content": prompt}, {"role": "system", "content": "# Use Read"}]
    request = chat_request("demo-fast", messages, *AGENT)
    asked = demo.post("/chat/completions", json=request).json()["choices"][0]
    assert asked["finish_reason"] == "tool_calls"
    assert tool_calls(asked["message"]) == [("Bash", {"command": "echo hi", "description": "Run echo"})]
    assert tool_calls(read_message(demo, request)) == tool_calls(asked["message"])

    result = {"role": "tool", "tool_call_id": asked["message"]["tool_calls"][0]["id"], "content": "hi from the shell"}
    request["messages"] += [asked["message"], result]
    choice = demo.post("/chat/completions", json=request).json()["choices"][0]
    assert choice["finish_reason"] == "stop"
    assert "hi from the shell" in choice["message"]["content"]
    assert "tool_calls" not in choice["message"]

    request["messages"] += [choice["message"], {"role": "user", "content": "Now run pwd with Bash."}]
    again = read_message(demo, request)
    assert tool_calls(again)[0][1]["command"] == "pwd"
    assert again["tool_calls"][0]["id"] != asked["message"]["tool_calls"][0]["id"]


@pytest.mark.parametrize(
    ("prompt", "functions", "called"),
    [
        ("Run ls", AGENT, [("Bash", "ls")]),
        ("Use Bash to run `ls -la`.", AGENT, [("Bash", "ls -la")]),
        ("Run echo a && echo b using Bash.", AGENT, [("Bash", "echo a && echo b")]),
        ("Run two commands with Bash: echo hi and echo ho", AGENT, [("Bash", "echo hi"), ("Bash", "echo ho")]),
        ("Run `echo a` and `echo b` in parallel with Bash", AGENT, [("Bash", "echo a"), ("Bash", "echo b")]),
        ("Use the Read tool", AGENT, [("Read", "demo")]),
        ("Write a haiku about how to read", AGENT, []),
        ("How do I use git?", AGENT, []),
        ("Hello", (WEATHER, CLOCK), []),
        ("What is the weather in Paris?", (WEATHER, CLOCK), [("get_weather", "Paris")]),
        ("Call get_time and get_weather for Rome", (WEATHER, CLOCK), [("get_weather", "Rome"), ("get_time", "Rome")]),
        ("Use the tool", (CLOCK,), [("get_time", "demo")]),
    ],
)
def test_it_calls_the_tools_that_the_user_asks_for(
    demo: httpx.Client, prompt: str, functions: Any, called: list[tuple[str, str]]
) -> None:
    message = read_message(demo, chat_request("demo-fast", prompt, *functions))
    arguments = [(name, made.get("command") or made.get("city")) for name, made in tool_calls(message)]
    assert arguments == called


REMINDER = "<system-reminder>\nUse the Read tool and call Write.\n\nRun rm with Bash.\n</system-reminder>"


@pytest.mark.parametrize(
    "prompt",
    [
        f"{REMINDER}\n\nRun echo hi with Bash and report.",
        f"Run echo hi with Bash and report.\n{REMINDER}",
        f"{REMINDER.partition('</')[0]}\n\nRun echo hi with Bash and report.",
        [{"type": "text", "text": "Run echo hi with Bash and report."}, {"type": "text", "text": REMINDER}],
        [{"type": "text", "text": REMINDER.partition("</")[0]}, {"type": "text", "text": "Run echo hi with Bash."}],
    ],
    ids=["before", "after", "unclosed", "part after", "unclosed part"],
)
def test_what_a_client_puts_around_a_prompt_is_not_the_prompt(demo: httpx.Client, prompt: Any) -> None:
    message = read_message(demo, chat_request("demo-fast", prompt, *AGENT))
    assert [arguments["command"] for _, arguments in tool_calls(message)] == ["echo hi"]


def test_demo_parallel_calls_two_tools_unasked_unless_one_is_the_limit(demo: httpx.Client) -> None:
    message = read_message(demo, chat_request("demo-parallel", "Hello", WEATHER, CLOCK))
    assert [name for name, _ in tool_calls(message)] == ["get_weather", "get_time"]
    assert len({call["id"] for call in message["tool_calls"]}) == 2
    limited = read_message(demo, chat_request("demo-parallel", "Hello", WEATHER, CLOCK, parallel_tool_calls=False))
    assert [name for name, _ in tool_calls(limited)] == ["get_weather"]


def test_tool_choice_decides(demo: httpx.Client) -> None:
    def names(prompt: str, choice: Any) -> list[str]:
        request = chat_request("demo-fast", prompt, WEATHER, CLOCK, tool_choice=choice)
        return [name for name, _ in tool_calls(read_message(demo, request))]

    assert names("Hi", {"type": "function", "function": {"name": "get_time"}}) == ["get_time"]
    assert names("Hi", "required") == ["get_weather"]
    assert names("Use get_time", "none") == []


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({}, "demo"),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, {}),
        ({"enum": ["x", "y"]}, "x"),
        ({"const": 7}, 7),
        ({"type": "integer", "minimum": 3, "maximum": 9}, 3),
        ({"type": "integer", "exclusiveMinimum": 4}, 5),
        ({"type": "number", "maximum": -2}, -2),
        ({"type": ["null", "boolean"]}, True),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, 1),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [1, 1]),
        ({"type": "string", "minLength": 6}, "demo.."),
        ({"type": "string", "maxLength": 2}, "de"),
        ({"type": "string", "format": "date"}, "2026-01-31"),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}}, 1),
        ({"allOf": [{"required": ["a"]}, {"properties": {"a": {"type": "boolean"}}}]}, {"a": True}),
        (
            {"type": "object", "required": ["in"], "properties": {"in": {"type": "object", "required": ["x"]}}},
            {"in": {"x": "demo"}},
        ),
    ],
)
def test_arguments_satisfy_the_schema(schema: dict[str, Any], value: Any) -> None:
    assert example(schema) == value


def test_a_schema_that_refers_to_itself_ends() -> None:
    node = {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#"}}}
    assert json.dumps(example(node)).count("next") < 20
