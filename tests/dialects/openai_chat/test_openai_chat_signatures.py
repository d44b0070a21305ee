"""Thinking comes back: what an answer gave the client is sent to its own server as it was, and to no other."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from providers.claude.signatures import origin_of, pack
from providers.events import ThinkingSignature
from streaming.encoding.encoder import Encoder
from streaming.ingress.claude.message import MessageFold
from tests.claude.claude_blocks import Json, assistant, result, text, use, user
from tests.claude.openai_chat import at, outcome
from tests.claude.wire import cases, decode, make_call

HELLO = user("Hello")
GLM = at("zhipu", url="https://api.z.ai/api/paas/v4", model="glm-5")
OPENROUTER = at("openrouter", model="google/gemini-x")
ENCRYPTED = {"type": "reasoning.encrypted", "format": "google-gemini-v1"}


def answered(stream: bytes, options: dict[str, Any]) -> list[Json]:
    """The content that a client has of an answer."""
    fold = MessageFold()
    encoder = Encoder(fold, "msg_ours", "our-model", 50)
    encoder.feed(decode(make_call("openai_chat", **options), [stream]))
    encoder.finish()
    content: list[Json] = fold.message()["content"]
    return content


def fixture(name: str) -> bytes:
    """The bytes of a fixture's answer."""
    return next(case.body for case in cases("openai_chat") if case.folder.name == name)


def sent_back(content: list[Json], options: dict[str, Any]) -> tuple[Json, list[str]]:
    """The assistant message that goes out for a content, and the codes."""
    calls = [block["id"] for block in content if block["type"] == "tool_use"]
    results = [user(*(result(call) for call in calls))] if calls else []
    body, codes = outcome({"messages": [HELLO, {"role": "assistant", "content": content}, *results]}, options)
    return next(message for message in body["messages"] if message["role"] == "assistant"), codes


def test_reasoning_details_come_back_unmodified_and_in_order() -> None:
    content = answered(fixture("thinking_encrypted_openrouter"), OPENROUTER)
    kinds = [block["type"] for block in content]
    assert kinds == ["thinking", "text", "thinking", "tool_use", "tool_use", "thinking"]
    message, codes = sent_back(content, OPENROUTER)
    assert message["reasoning_details"] == [
        {"type": "reasoning.summary", "summary": "**Reading** it.", "format": "google-gemini-v1", "index": 0},
        {**ENCRYPTED, "data": "ZW5jMQ==", "id": "tool_Read_1", "index": 0},
        {**ENCRYPTED, "data": "ZW5jMg==", "id": "tool_Read_2", "index": 1},
    ]
    assert "reasoning" not in message
    assert codes == []


def test_a_signed_text_comes_back_with_its_signature() -> None:
    claude = at("openrouter", model="anthropic/claude-x")
    message, codes = sent_back(answered(fixture("thinking_openrouter"), claude), claude)
    assert message["reasoning_details"] == [
        {
            "type": "reasoning.text",
            "text": "Hm",
            "format": "anthropic-claude-v1",
            "index": 0,
            "signature": "c2ln",
        }
    ]
    assert codes == []


@pytest.mark.parametrize(
    "options",
    [
        at("openrouter", model="another/model"),
        at("openrouter", model="google/gemini-x", url="https://eu.openrouter.ai/api/v1"),
        GLM,
        at("openai"),
    ],
)
def test_details_go_to_no_other_origin(options: dict[str, Any]) -> None:
    message, codes = sent_back(answered(fixture("thinking_encrypted_openrouter"), OPENROUTER), options)
    assert not {"reasoning_details", "reasoning", "reasoning_content"} & message.keys()
    assert "thinking_dropped" in codes


def test_details_whose_text_a_client_changed_are_left_out() -> None:
    content = answered(fixture("thinking_openrouter"), OPENROUTER)
    content[0]["thinking"] = "H"
    message, codes = sent_back(content, OPENROUTER)
    assert "reasoning_details" not in message
    assert codes == ["thinking_dropped"]


def test_very_long_thinking_goes_back_without_its_details() -> None:
    detail = {"type": "reasoning.text", "text": "x" * 1_000_000, "index": 0}
    delta = {"choices": [{"delta": {"reasoning": detail["text"], "reasoning_details": [detail]}}]}
    stream = b"data: " + msgspec.json.encode(delta) + b"\n\n"
    events = decode(make_call("openai_chat", **OPENROUTER), [stream] * 4 + [fixture("text_usage_apart")])
    signatures = [event.signature for event in events if isinstance(event, ThinkingSignature)]
    assert [signature.split(":")[1] for signature in signatures] == ["chat"]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (at("deepseek", model="deepseek-v4-pro"), "reasoning_content"),
        (at("qwen"), "reasoning_content"),
        (at("moonshot", model="kimi-k3"), "reasoning_content"),
        (GLM, "reasoning_content"),
        (at("fireworks"), "reasoning_content"),
        (at("vllm"), "reasoning"),
        (at("sglang"), "reasoning_content"),
        (at("llamacpp"), "reasoning_content"),
        (at("ollama"), "reasoning"),
        (at("litellm"), "reasoning_content"),
        (at("openrouter", model="z-ai/glm-5"), "reasoning"),
    ],
)
def test_text_comes_back_where_it_is_wanted(options: dict[str, Any], field: str) -> None:
    content = answered(fixture("thinking_then_tool"), options)
    message, codes = sent_back(content, options)
    assert message[field] == "Use it."
    assert "thinking_dropped" not in codes


@pytest.mark.parametrize(
    "signature",
    ["EqQBCkYIBxgCKkBc", "px1:gemini:12345678:MQ", "px1:chat:00000000:MQ", "4f9c2d1e-0000-4000-8000-000000000000"],
)
def test_thinking_of_others_is_left_out(signature: str) -> None:
    content = [{"type": "thinking", "thinking": "Hm", "signature": signature}, text("Hi")]
    message, codes = sent_back(content, GLM)
    assert message == {"role": "assistant", "content": "Hi"}
    assert codes == ["thinking_dropped"]


def test_thinking_that_nobody_signed_is_taken_for_their_own() -> None:
    message, codes = sent_back([{"type": "thinking", "thinking": "Hm", "signature": ""}, text("Hi")], GLM)
    assert (message["reasoning_content"], codes) == ("Hm", [])


@pytest.mark.parametrize("profile", ["deepseek", "moonshot"])
def test_where_it_is_required_every_message_with_calls_has_the_field(profile: str) -> None:
    claudes = {"type": "thinking", "thinking": "Hm", "signature": "EqQB"}
    messages = [HELLO, assistant(claudes, use("t1")), user(result("t1")), assistant(text("Hi")), HELLO]
    body, codes = outcome({"messages": messages}, at(profile))
    fields = [message.get("reasoning_content") for message in body["messages"] if message["role"] == "assistant"]
    assert fields == [" ", None]
    assert "thinking_dropped" in codes


@pytest.mark.parametrize("carried", [3, {}, [3], [{"type": ["odd"]}], [{"type": "reasoning.text", "text": -1}]])
def test_odd_carriers_are_survived(carried: Any) -> None:
    call = make_call("openai_chat", **OPENROUTER)
    signature = pack("openrouter", origin_of(call.provider, call.model), carried)
    message, _ = sent_back([{"type": "thinking", "thinking": "Hm", "signature": signature}, text("Hi")], OPENROUTER)
    assert message["content"] == [text("Hi")]


@pytest.mark.parametrize("upstream_id", ["functions.Bash:0", "call:1", "ü", "call_1"])
def test_a_server_gets_its_own_call_ids_back(upstream_id: str) -> None:
    call = {"index": 0, "id": upstream_id, "function": {"name": "Bash", "arguments": "{}"}}
    chunk = {"choices": [{"delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    content = answered(b"data: " + msgspec.json.encode(chunk) + b"\n\n", at("vllm"))
    assert content[0]["id"].replace("_", "").replace("-", "").isalnum()
    assert content[0]["id"].isascii()
    message, codes = sent_back(content, at("vllm"))
    assert message["tool_calls"][0]["id"] == upstream_id
    assert codes == []
