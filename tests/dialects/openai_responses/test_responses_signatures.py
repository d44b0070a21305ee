"""What a model reasoned comes back with the conversation: answer -> Claude's blocks -> next request, byte for byte."""

from __future__ import annotations

import copy
import json
from typing import Any

import msgspec
import pytest

from tests.claude.claude_blocks import Json, assistant, result, text, use, user
from tests.claude.claude_stream import check_stream
from tests.claude.wire import Case, cases, claude_stream, decode, make_call, sent, sent_body

OPTIONS: dict[str, Any] = {"url": "https://api.openai.com/v1", "model": "gpt-5.4", "session_id": "s1"}
ASKED = user("Look at both files.")
TOOLS = [{"name": "Read", "input_schema": {"type": "object"}}]


def case(name: str) -> Case:
    """One fixture."""
    return next(found for found in cases("openai_responses") if found.folder.name == name)


def request(*messages: Json) -> Json:
    """A request of an agent that lets the model think."""
    return {"thinking": {"type": "adaptive"}, "tools": TOOLS, "max_tokens": 1000, "messages": list(messages)}


def blocks_of(name: str, **options: Any) -> list[Json]:
    """The content that a client gets of a fixture, and would send back."""
    events = decode(make_call("openai_responses", request(ASKED), **{**OPTIONS, **options}), [case(name).body])
    blocks = check_stream(claude_stream(events)).blocks
    return [_echoed(block) for block in blocks]


def _echoed(block: Any) -> Json:
    if block.type == "tool_use":
        return {
            "type": "tool_use",
            "id": block.start["id"],
            "name": block.start["name"],
            "input": json.loads(block.json or "{}"),
        }
    if block.type == "thinking":
        return {"type": "thinking", "thinking": block.thinking, "signature": block.signature}
    return text(block.text)


def items_of(name: str) -> list[Json]:
    """The items that the provider made in a fixture."""
    last = case(name).body.strip().split(b"\n")[-1]
    items: list[Json] = msgspec.json.decode(last.removeprefix(b"data: "))["response"]["output"]
    return items


def test_reasoning_stands_again_before_the_call_that_it_led_to() -> None:
    made = items_of("thinking_twice_between_tools")
    body = request(
        ASKED, assistant(*blocks_of("thinking_twice_between_tools")), user(result("call_a1"), result("call_a2"))
    )
    call = make_call("openai_responses", body, **OPTIONS)
    sent_items = sent_body(call)["input"][1:]
    assert [item["type"] for item in sent_items] == [
        *("reasoning", "function_call", "reasoning", "function_call", "function_call_output", "function_call_output")
    ]
    assert sent_items[0] == {key: made[0][key] for key in ("type", "id", "summary", "encrypted_content")}
    assert sent_items[2]["encrypted_content"] == made[2]["encrypted_content"]
    assert list(call.notes) == []


def test_reasoning_without_a_word_is_carried_by_an_empty_thinking_block() -> None:
    blocks = blocks_of("thinking_empty_summary_then_tool")
    assert [block["type"] for block in blocks] == ["thinking", "tool_use"]
    assert blocks[0]["thinking"] == ""
    sent_items = sent_body(make_call("openai_responses", request(ASKED, assistant(*blocks)), **OPTIONS))["input"]
    assert sent_items[1] == {
        "type": "reasoning",
        "id": "rs_0",
        "summary": [],
        "encrypted_content": "gAAAAABempty",
    }


def test_the_phase_of_a_message_comes_back() -> None:
    blocks = blocks_of("phases")
    sent_items = sent_body(make_call("openai_responses", request(ASKED, assistant(*blocks)), **OPTIONS))["input"]
    assert [item.get("phase") for item in sent_items[1:4]] == [None, "commentary", None]


def test_raw_reasoning_of_an_open_model_comes_back_as_it_was() -> None:
    blocks = blocks_of("thinking_raw_vllm")
    sent_items = sent_body(make_call("openai_responses", request(ASKED, assistant(*blocks)), **OPTIONS))["input"]
    assert sent_items[1]["content"] == [{"type": "reasoning_text", "text": "Raw thought."}]


@pytest.mark.parametrize("other", [{"model": "gpt-5.5"}, {"url": "https://x.openai.azure.com/openai/v1"}])
def test_another_model_or_server_is_not_sent_it(other: dict[str, str]) -> None:
    body = request(ASKED, assistant(*blocks_of("thinking_then_text", **other)), user("Go on."))
    call = make_call("openai_responses", body, **OPTIONS)
    assert [item["type"] for item in sent_body(call)["input"]] == ["message"] * 3
    assert list(call.notes) == ["thinking_dropped"]


def test_claude_is_not_sent_it() -> None:
    body = request(ASKED, assistant(*blocks_of("thinking_then_text")), user("Go on."))
    assert b"px1:" not in sent(make_call("anthropic", body)).body


def test_reasoning_that_nothing_follows_is_left_out_because_the_api_refuses_it() -> None:
    blocks = blocks_of("thinking_then_text")[:1]
    call = make_call("openai_responses", request(ASKED, assistant(*blocks), user("Go on.")), **OPTIONS)
    assert [item["type"] for item in sent_body(call)["input"]] == ["message"] * 2
    assert list(call.notes) == ["thinking_dropped"]


def test_a_damaged_signature_is_left_out() -> None:
    blocks = blocks_of("thinking_then_text")
    blocks[0]["signature"] = blocks[0]["signature"][:-9] + "AAAA"
    call = make_call("openai_responses", request(ASKED, assistant(*blocks), user("Go on.")), **OPTIONS)
    assert "reasoning" not in {item["type"] for item in sent_body(call)["input"]}
    assert list(call.notes) == ["thinking_dropped"]


@pytest.mark.parametrize(
    ("body", "types"),
    [
        ({}, ["text", "tool_use"]),
        ({"tools": TOOLS}, ["thinking", "text", "tool_use"]),
        ({"tools": TOOLS, "thinking": {"type": "disabled"}}, ["text", "tool_use"]),
    ],
)
def test_a_phase_alone_is_sent_only_to_who_expects_thinking(body: Json, types: list[str]) -> None:
    stream = case("phases").body.replace(b'"type":"reasoning"', b'"type":"something_else"')
    stream = stream.replace(b"reasoning_summary_text.delta", b"something_else").replace(b".done", b".other")
    events = decode(make_call("openai_responses", {"messages": [], **body}, **OPTIONS), [stream])
    assert [block.type for block in check_stream(claude_stream(events)).blocks] == types


def test_a_longer_conversation_begins_with_the_bytes_of_the_shorter() -> None:
    first = request(ASKED)
    then = assistant(*blocks_of("thinking_twice_between_tools"))
    second = request(ASKED, then, user(result("call_a2", "two"), result("call_a1", "one")))
    third = request(
        *second["messages"], assistant(text("Done."), use("call_a3")), user(result("call_a3"), text("More."))
    )
    untouched = copy.deepcopy(third)
    bytes_of = [sent(make_call("openai_responses", body, **OPTIONS)).body for body in (first, second, third)]
    assert all(body.endswith(b"]}") for body in bytes_of)
    assert bytes_of[1].startswith(bytes_of[0][:-2])
    assert bytes_of[2].startswith(bytes_of[1][:-2])
    assert third == untouched
