"""A client of the demo upstream: chat requests, and answers read both whole and as a stream."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import httpx

from proxysite.demo import server
from tests.harness.gateway import free_port
from tests.harness.patience import PATIENCE


@contextlib.contextmanager
def running_demo() -> Iterator[httpx.Client]:
    """A client of a demo upstream that runs as long."""
    running = server.start(free_port())
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{running.port}/v1", trust_env=False, timeout=PATIENCE) as client:
            yield client
    finally:
        running.stop()


def chat_request(model: str, prompt: Any = "Hello there", *functions: Any, **fields: Any) -> dict[str, Any]:
    """A chat request: the prompt (or all messages), the functions it offers, and other fields."""
    messages = prompt if isinstance(prompt, list) and "role" in prompt[0] else [{"role": "user", "content": prompt}]
    tools = {"tools": [{"type": "function", "function": function} for function in functions]} if functions else {}
    return {"model": model, "messages": messages, **tools, **fields}


def read_stream(demo: httpx.Client, request: dict[str, Any]) -> list[dict[str, Any]]:
    """The chunks of a streamed answer that ended properly."""
    answer = demo.post("/chat/completions", json={**request, "stream": True})
    assert answer.status_code == 200, answer.text
    events = answer.text.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    return [json.loads(event.removeprefix("data: ")) for event in events[:-2]]


def read_message(demo: httpx.Client, request: dict[str, Any]) -> dict[str, Any]:
    """The message of an answer that is not streamed, after checking that the stream has the same."""
    whole = demo.post("/chat/completions", json=request).json()
    message: dict[str, Any] = whole["choices"][0]["message"]
    chunks = read_stream(demo, {**request, "stream_options": {"include_usage": True}})
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == (message["content"] or "")
    thought = "".join(delta.get("reasoning_content") or "" for delta in deltas)
    assert thought == message.get("reasoning_content", "")
    assert [call["function"] for call in _joined(deltas)] == [c["function"] for c in message.get("tool_calls", [])]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"].keys() == whole["usage"].keys()
    assert chunks[-1]["usage"]["completion_tokens"] == whole["usage"]["completion_tokens"]
    return message


def _joined(deltas: list[dict[str, Any]]) -> list[dict[str, Any]]:
    calls: dict[int, dict[str, Any]] = {}
    for fragment in (fragment for delta in deltas for fragment in delta.get("tool_calls", [])):
        call = calls.setdefault(fragment["index"], {"id": None, "function": {"name": "", "arguments": ""}})
        call["id"] = fragment.get("id") or call["id"]
        for key, text in fragment["function"].items():
            call["function"][key] += text
    return list(calls.values())


def tool_calls(message: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Name and arguments of each tool call."""
    calls = [call["function"] for call in message.get("tool_calls", [])]
    return [(function["name"], json.loads(function["arguments"])) for function in calls]
