"""The openai_chat decoder over whatever a server may send: one end, and every delta has its start."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from providers.events import (
    MessageFinished,
    StreamFailed,
    TextDelta,
    ThinkingDelta,
    ThinkingSignature,
    ToolArgumentsDelta,
    ToolCallStarted,
)
from tests.claude.anything import ANYTHING, either
from tests.claude.openai_chat import decode, make_call

OPENROUTER = make_call(url="https://openrouter.ai/api/v1")


TEXTS = either(st.sampled_from(["", "a", None]))
FUNCTIONS = either(
    st.fixed_dictionaries({}, optional={"name": TEXTS, "arguments": either(st.sampled_from(["{", "}"]))})
)
CALLS = st.fixed_dictionaries({}, optional={"index": either(st.integers(0, 2)), "id": TEXTS, "function": FUNCTIONS})
DETAILS = st.fixed_dictionaries(
    {"type": either(st.sampled_from(["text", "thinking", "reasoning.text", "reasoning.encrypted"]))},
    optional={"text": either(st.just("a")), "thinking": ANYTHING, "index": ANYTHING, "id": ANYTHING, "data": ANYTHING},
)
DELTAS = st.fixed_dictionaries(
    {},
    optional={
        "content": TEXTS | st.lists(DETAILS, max_size=2),
        "reasoning": TEXTS,
        "reasoning_details": either(st.lists(DETAILS, max_size=2)),
        "refusal": TEXTS,
        "tool_calls": either(st.lists(either(CALLS), max_size=3)),
    },
)
CHOICES = st.fixed_dictionaries({}, optional={"delta": either(DELTAS), "finish_reason": either(st.just("stop"))})
USAGES = st.dictionaries(
    st.sampled_from(["prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "cost"]), ANYTHING
)
CHUNKS = either(
    st.fixed_dictionaries({}, optional={"choices": either(st.lists(CHOICES, max_size=2)), "usage": either(USAGES)})
)


@given(st.lists(CHUNKS, max_size=6), st.booleans())
def test_whatever_a_server_sends_there_is_one_end_and_every_delta_has_a_start(chunks: list[Any], done: bool) -> None:
    body = b"".join(b"data: " + msgspec.json.encode(chunk) + b"\n\n" for chunk in chunks)
    events = decode([body + b"data: [DONE]\n\n" * done], OPENROUTER)
    assert [isinstance(event, MessageFinished | StreamFailed) for event in events] == [False] * (len(events) - 1) + [
        True
    ]
    started: set[int] = set()
    for event in events:
        if isinstance(event, ToolCallStarted):
            assert event.key not in started
            assert event.name
            started.add(event.key)
        elif isinstance(event, ToolArgumentsDelta):
            assert event.key in started
            assert event.json
        elif isinstance(event, TextDelta | ThinkingDelta):
            assert event.text
        elif isinstance(event, ThinkingSignature):
            assert event.signature
    if isinstance(events[-1], MessageFinished):
        assert (events[-1].stop_reason == "tool_use") == bool(started) or events[-1].stop_reason == "refusal"
