"""The openai_chat request around the conversation: limits, sampling, output format, headers."""

from __future__ import annotations

from typing import Any

import pytest

from providers.dialects.openai_chat import OPENAI_CHAT
from tests.claude.openai_chat import OPENAI, make_call, upstream_body

HELLO = [{"role": "user", "content": "Hello"}]
OPENROUTER = "https://openrouter.ai/api/v1"
DEEPSEEK = "https://api.deepseek.com/v1"
GROQ = "https://api.groq.com/openai/v1"
MISTRAL = "https://api.mistral.ai/v1"
GENERIC = "https://llm.example.org/v1"
LOCAL = "http://127.0.0.1:8000/v1"


def sent(**fields: Any) -> dict[str, Any]:
    """The upstream body of a hello with these fields; the options of make_call go into `to`."""
    options = fields.pop("to", {})
    return upstream_body({"messages": HELLO, **fields}, **options)


def test_the_least_there_is() -> None:
    assert sent(model="claude-opus", max_tokens=10) == {
        "model": "gpt-4.1",
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_completion_tokens": 10,
        "messages": [{"role": "user", "content": "Hello"}],
    }


def test_a_request_that_is_not_to_be_streamed_is_streamed_too() -> None:
    assert sent(stream=False)["stream"] is True


@pytest.mark.parametrize(
    ("url", "field"),
    [
        (OPENAI, "max_completion_tokens"),
        ("https://x.openai.azure.com/openai/v1", "max_completion_tokens"),
        (GROQ, "max_completion_tokens"),
        (OPENROUTER, "max_tokens"),
        (DEEPSEEK, "max_tokens"),
        (GENERIC, "max_tokens"),
        (LOCAL, "max_tokens"),
        ("https://api.openai.com.example.org/v1", "max_tokens"),
        ("https://notopenai.com/v1", "max_tokens"),
    ],
)
def test_the_limit_is_called_as_the_host_wants(url: str, field: str) -> None:
    body = sent(max_tokens=128000, to={"url": url})
    assert {name for name in body if name.startswith("max_")} == {field}


@pytest.mark.parametrize(
    ("asked", "max_output", "limit"), [(128000, 8192, 8192), (100, 8192, 100), (128000, None, 128000)]
)
def test_the_limit_is_lowered_to_the_models(asked: int, max_output: int | None, limit: int) -> None:
    assert sent(max_tokens=asked, to={"max_output": max_output})["max_completion_tokens"] == limit


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({"url": OPENAI}, {"temperature", "top_p", "stop"}),
        ({"url": OPENAI, "model": "gpt-5-mini"}, set()),
        ({"url": OPENAI, "model": "o3"}, set()),
        ({"url": OPENAI, "model": "ft:x", "capabilities": ["thinking"]}, set()),
        ({"url": OPENAI, "model": "gpt-5-chat-latest"}, {"temperature", "top_p", "stop"}),
        ({"url": OPENROUTER}, {"temperature", "top_p", "top_k", "stop"}),
        ({"url": LOCAL}, {"temperature", "top_p", "top_k", "stop"}),
        ({"url": "http://vllm:8000/v1"}, {"temperature", "top_p", "top_k", "stop"}),
        ({"url": GENERIC}, {"temperature", "top_p", "stop"}),
    ],
)
def test_sampling_goes_only_where_it_is_taken(options: dict[str, Any], kept: set[str]) -> None:
    body = sent(temperature=0.5, top_p=0.9, top_k=40, stop_sequences=["a"], to=options)
    assert {"temperature", "top_p", "top_k", "stop"} & body.keys() == kept


def test_only_four_stop_sequences_are_sent() -> None:
    assert sent(stop_sequences=["a", "b", "", "c", "d", "e"])["stop"] == ["a", "b", "c", "d"]


def test_no_field_of_claudes_alone_reaches_the_upstream() -> None:
    fields: dict[str, Any] = {
        "system": "Be brief.",
        "metadata": {"user_id": "u"},
        "thinking": {"type": "adaptive"},
        "context_management": {"edits": []},
        "container": "c",
        "service_tier": "auto",
        "speed": "fast",
        "inference_geo": "eu",
        "diagnostics": {},
        "mcp_servers": [],
        "safeguards": {},
        "cache_control": {"type": "ephemeral"},
        "stop_sequences": [],
        "tools": [],
        "tool_choice": {"type": "auto"},
    }
    assert sent(**fields, to={"url": GENERIC}).keys() == {"model", "stream", "stream_options", "messages"}


def test_fields_put_in_for_the_upstream_reach_it() -> None:
    extra = {"seed": 7, "provider": {"order": ["a"]}, "reasoning_effort": "low", "service_tier": "auto"}
    body = sent(**extra, thinking={"type": "disabled"}, to={"model": "gpt-5"})
    assert (body["seed"], body["provider"], body["reasoning_effort"]) == (7, {"order": ["a"]}, "low")
    assert "service_tier" not in body


STRICT = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "parts": {"type": "array", "items": {"type": "string"}}},
    "required": ["title", "parts"],
    "additionalProperties": False,
}
LOOSE_INSIDE = {**STRICT, "properties": {**STRICT["properties"], "title": {"type": "object"}}}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("schema", "strict"), [(STRICT, True), ({**STRICT, "required": ["title"]}, False), (LOOSE_INSIDE, False)]
)
def test_an_output_schema(schema: dict[str, Any], strict: bool) -> None:
    wanted = {"type": "json_schema", "schema": {"$schema": "http://json-schema.org/draft-07/schema#", **schema}}
    assert sent(output_config={"format": wanted})["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": schema, "strict": strict},
    }


def test_a_host_without_output_schemas_gets_the_schema_in_words() -> None:
    body = sent(
        system="Be brief.", output_config={"format": {"type": "json_schema", "schema": STRICT}}, to={"url": DEEPSEEK}
    )
    assert body["response_format"] == {"type": "json_object"}
    assert '"additionalProperties":false' in body["messages"][0]["content"]
    assert body["messages"][0]["content"].startswith("Be brief.\n\n")


def test_a_session_stays_where_its_cache_is() -> None:
    user_id = '{"device_id":"d1","account_uuid":"","session_id":"s1"}'
    body = sent(metadata={"user_id": user_id}, to={"session_id": "s1"})
    again = sent(metadata={"user_id": user_id.replace("s1", "s2")}, to={"session_id": "s2"})
    assert (body["prompt_cache_key"], again["prompt_cache_key"]) == ("s1", "s2")
    assert body["safety_identifier"] == again["safety_identifier"]
    assert "d1" not in body["safety_identifier"]
    assert sent(to={"session_id": "s1", "url": OPENROUTER})["session_id"] == "s1"
    assert "session_id" not in sent(to={"session_id": "s1", "url": GENERIC})


def test_headers() -> None:
    call = make_call({"messages": HELLO}, secret="sk-1", headers=(("X-Title", "ours"), ("Accept", "*/*")))
    request = OPENAI_CHAT.request(call)
    assert request.path == "/chat/completions"
    assert request.headers == (
        ("content-type", "application/json"),
        ("accept", "*/*"),
        ("authorization", "Bearer sk-1"),
        ("x-title", "ours"),
    )


def test_without_a_secret_there_is_no_authorization() -> None:
    names = [name for name, _ in OPENAI_CHAT.request(make_call({"messages": HELLO})).headers]
    assert names == ["content-type", "accept"]


def test_a_host_that_refuses_stream_options_gets_none() -> None:
    assert "stream_options" not in sent(to={"url": MISTRAL})
