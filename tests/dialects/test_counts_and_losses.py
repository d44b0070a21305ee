"""Counts that are placeholders, signatures in pieces, and parts of an answer that Claude's API has no place for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects.contract import Call
from providers.events import MessageFinished, MessageStarted, Tokens, TokensReported
from providers.fidelity import Fidelity
from streaming.encoding.encoder import Encoder
from streaming.ingress.claude.frames import SseSink
from tests.claude.claude_events import Json, opening, signature, start, stop, stream, text, thinking
from tests.claude.claude_stream import ParsedStream, check_stream
from tests.claude.wire import claude_stream, decode, make_call

ZERO = {"input_tokens": 0, "output_tokens": 0}


def relayed(*events: Json) -> ParsedStream:
    return check_stream(claude_stream(decode(make_call("anthropic"), [stream(*events)])))


def end(**usage: int) -> tuple[Json, Json]:
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    return {"type": "message_delta", "delta": delta, "usage": usage}, {"type": "message_stop"}


TEXT = (start(0, "text"), text(0, "So."), stop(0))


def test_a_start_without_counts_has_the_estimate() -> None:
    made = relayed(opening(usage=ZERO), *TEXT, *end(output_tokens=3))
    assert made.message is not None
    assert made.message["usage"]["input_tokens"] == 50
    assert made.usage == {"input_tokens": 50, "output_tokens": 3}


def test_the_true_count_comes_in_the_end() -> None:
    made = relayed(opening(usage=ZERO), *TEXT, *end(input_tokens=70, output_tokens=3))
    assert made.usage == {"input_tokens": 70, "output_tokens": 3}


@pytest.mark.parametrize("usage", [{"input_tokens": 0}, {"input_tokens": 0, "cache_read_input_tokens": 0}])
def test_a_later_zero_changes_no_count(usage: dict[str, int]) -> None:
    known = {"input_tokens": 9, "cache_read_input_tokens": 4, "output_tokens": 1}
    made = relayed(opening(usage=known), *TEXT, *end(output_tokens=3, **usage))
    assert made.usage == {"input_tokens": 9, "cache_read_input_tokens": 4, "output_tokens": 3}


def test_a_prompt_that_turns_out_to_be_cached_is_no_zero() -> None:
    before = Tokens(input=9, output=1)
    assert before.updated(Tokens(input=0, cache_read=9, output=3)) == Tokens(input=0, cache_read=9, output=3)
    assert before.updated(Tokens(input=0, output=0)) == before


def test_zeros_of_a_translated_dialect_change_no_count() -> None:
    made = Encoder(SseSink(), "msg_ours", "our-model", 50)
    known, zero = Tokens(input=9, output=5), Tokens(input=0, output=0)
    made.feed([MessageStarted(tokens=known), TokensReported(zero), MessageFinished("end_turn")])
    assert made.tokens == known


@pytest.mark.parametrize(
    ("pieces", "whole"), [(("ab", "cd"), "abcd"), (("ab", "abcd"), "abcd"), (("ab", "ab"), "ab"), (("ab",), "ab")]
)
def test_a_signature_in_pieces_is_one(pieces: tuple[str, ...], whole: str) -> None:
    signed = [signature(0, piece) for piece in pieces]
    made = relayed(opening(), start(0, "thinking"), thinking(0, "Hm."), *signed, stop(0), *end(output_tokens=3))
    assert [delta for delta in made.blocks[0].deltas if delta["type"] == "signature_delta"] == [
        {"type": "signature_delta", "signature": whole}
    ]


@pytest.mark.parametrize(
    "name", ["Bash<|channel|>commentary", "functions.Bash", "functions.Bash<|constrain|>json", "Bash"]
)
def test_harmonys_tokens_are_no_part_of_a_tools_name(name: str) -> None:
    function = {"name": name, "arguments": "{}"}
    item = {"type": "function_call", "call_id": "call_1", **function}
    block = {"type": "tool_use", "id": "toolu_1", "name": name, "input": {}}
    bodies = {
        "openai_chat": sse({"choices": [{"delta": {"tool_calls": [{"function": function}]}, "finish_reason": "stop"}]}),
        "openai_responses": sse({"type": "response.completed", "response": {"output": [item]}}),
        "ollama": json.dumps({"message": {"tool_calls": [{"function": function}]}, "done": True}).encode() + b"\n",
        "anthropic": stream(opening(content=[block]), *end(output_tokens=3)),
    }
    for dialect, sent in bodies.items():
        made = check_stream(claude_stream(decode(make_call(dialect), [sent])))
        assert [call.name for call in made.tool_calls] == ["Bash"], dialect


def sse(*documents: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(document).encode() + b"\n\n" for document in documents)


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
PARTS: list[dict[str, Any]] = [
    {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
    {"executableCode": {"code": "1"}},
    {"codeExecutionResult": {"output": "1"}},
]


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        *(
            ("gemini", sse({"candidates": [{"content": {"parts": [{"text": "So."}, part]}, "finishReason": "STOP"}]}))
            for part in PARTS
        ),
        ("openai_chat", sse({"choices": [{"delta": {"content": "So.", "images": [IMAGE]}, "finish_reason": "stop"}]})),
        (
            "openai_responses",
            sse(
                {"type": "response.output_item.done", "item": {"type": "image_generation_call", "result": "AA=="}},
                {"type": "response.output_text.delta", "delta": "So."},
                {"type": "response.completed", "response": {"status": "completed"}},
            ),
        ),
    ],
)
def test_what_has_no_place_in_claudes_answer_is_noted(dialect: str, body: bytes) -> None:
    call: Call = make_call(dialect)
    made = check_stream(claude_stream(decode(call, [body + b"data: [DONE]\n\n" * (dialect == "openai_chat")])))
    assert made.text == "So."
    assert list(call.notes) == [Fidelity.OUTPUT_DROPPED]
