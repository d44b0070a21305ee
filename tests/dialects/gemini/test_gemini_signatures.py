"""Thought signatures out through a client and back: each returns to the part that it came with, to its model only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from providers.claude import signatures
from tests.claude.claude_blocks import Json, assistant, result, text, use, user
from tests.claude.claude_stream import check_stream
from tests.claude.wire import ROOT, TYPES, claude_stream, decode, make_call, sent_body

MODEL = "gemini-3.8-flash"
ESCAPE = "skip_thought_signature_validator"
SIG, SIG2 = "EoYCCoMCARFNMg==", "CiQBjz1rXw=="


def answered(case: str, model: str = MODEL) -> list[Json]:
    """The blocks that a client has of a fixture's answer, as it echoes them."""
    body = next(Path(ROOT / "gemini" / case).glob("upstream.*")).read_bytes()
    stream = check_stream(claude_stream(decode(make_call("gemini", model=model), [body], TYPES["sse"])))
    blocks: list[Json] = []
    for block in stream.blocks:
        match block.type:
            case "thinking":
                blocks.append({"type": "thinking", "thinking": block.thinking, "signature": block.signature})
            case "tool_use":
                called = {"id": block.start["id"], "name": block.start["name"], "input": json.loads(block.json or "{}")}
                blocks.append({"type": "tool_use", **called})
            case _:
                blocks.append(text(block.text))
    return blocks


def echoed(blocks: list[Json], model: str = MODEL, **options: Any) -> tuple[list[Json], list[str]]:
    """The parts of the answer as they go back, and the notes."""
    results = [result(block["id"]) for block in blocks if block["type"] == "tool_use"]
    messages = [user("Go on."), assistant(*blocks), user(*results, text("And?"))]
    call = make_call("gemini", {"messages": messages}, model=model, **options)
    return sent_body(call)["contents"][1]["parts"], list(call.notes)


def shown(parts: list[Json]) -> list[tuple[Any, ...]]:
    """What kind of part, what it says, its signature."""
    return [
        (
            "thought" if part.get("thought") else "call" if "functionCall" in part else "text",
            part["functionCall"]["args"] if "functionCall" in part else part["text"],
            part.get("thoughtSignature"),
        )
        for part in parts
    ]


@pytest.mark.parametrize(
    ("case", "parts"),
    [
        ("tool", [("call", {"path": "a.txt", "limit": 5}, SIG)]),
        ("parallel_tools", [("call", {"path": "a"}, SIG), ("call", {"path": "b"}, None), ("call", {}, None)]),
        ("sequential_signatures", [("call", {"path": "a"}, SIG), ("call", {"path": "b"}, SIG2)]),
        ("tool_after_thinking_and_text", [("text", "I read it.", None), ("call", {"path": "a"}, SIG)]),
        ("text_after_tools", [("call", {"path": "a"}, SIG), ("text", "Reading.", None)]),
        ("streamed_arguments", [("call", {"location": "Boston"}, SIG)]),
        ("thinking_signed", [("thought", "Hm.", SIG), ("text", "Yes.", None)]),
        # A call of generation 3 is not refused for want of one, whatever the text before it had.
        ("tool_signature_on_text", [("text", "I read it.", SIG), ("call", {"path": "a"}, ESCAPE)]),
    ],
)
def test_a_signature_comes_back_to_its_part(case: str, parts: list[Any]) -> None:
    sent, notes = echoed(answered(case))
    assert shown(sent) == parts
    assert notes == []


def test_the_id_of_a_call_comes_back_with_it() -> None:
    sent, _ = echoed(answered("tool"))
    assert sent[0]["functionCall"]["id"] == "k9fjx2"


def test_a_text_answer_stays_one_block_and_ends_with_it() -> None:
    blocks = answered("text_signature_in_last_chunk")
    assert blocks == [text("Forty-two.")]


def test_thinking_without_a_signature_is_not_sent_again() -> None:
    sent, notes = echoed(answered("thinking"))
    assert shown(sent) == [("text", "Four.", None)]
    assert notes == ["thinking_dropped"]


@pytest.mark.parametrize(
    "signature", ["ErUBCkYIBxgCIkD", "", "px1:openrouter:aaaaaaaa:e30", "px1:gemini:00000000:eyJjYWxsIjoieCJ9", None, 5]
)
@pytest.mark.parametrize(
    ("model", "given"), [(MODEL, ESCAPE), ("gemini-4-argon", ESCAPE), ("gemini-2.5-pro", None), ("gemma-3-27b", None)]
)
def test_foreign_thinking_is_dropped_and_its_first_call_excused(signature: Any, model: str, given: str | None) -> None:
    thought = {"type": "thinking", "thinking": "Both.", "signature": signature}
    sent, notes = echoed([thought, use("1", path="a"), use("2", path="b")], model=model)
    assert shown(sent) == [("call", {"path": "a"}, given), ("call", {"path": "b"}, None)]
    assert notes == ["thinking_dropped"]


def test_another_model_or_server_does_not_get_it() -> None:
    blocks = answered("tool")
    for options in ({"model": "gemini-3.1-pro-preview"}, {"url": "https://elsewhere.example/v1beta"}):
        sent, notes = echoed(blocks, **options)
        assert shown(sent) == [("call", {"path": "a.txt", "limit": 5}, ESCAPE)]
        assert notes == ["thinking_dropped"]


def test_generation_2_gets_its_own_back_too() -> None:
    sent, notes = echoed(answered("tool", "gemini-2.5-flash"), model="gemini-2.5-flash")
    assert shown(sent) == [("call", {"path": "a.txt", "limit": 5}, SIG)]
    assert notes == []


def test_a_carrier_with_nonsense_in_it_does_no_harm() -> None:
    call = make_call("gemini", model=MODEL)
    origin = signatures.origin_of(call.provider, call.model)
    values: list[Any] = [[], {"call": 5}, {"text": None}, "x", {}]
    for value in values:
        thought = {"type": "thinking", "thinking": "", "signature": signatures.pack("gemini", origin, value)}
        assert shown(echoed([thought, use("1")])[0]) == [("call", {}, ESCAPE)]
