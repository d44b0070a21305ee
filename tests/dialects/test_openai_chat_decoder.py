"""The openai_chat decoder over its fixtures: however the bytes are cut, the same events; never an invented end."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.events import (
    MessageFinished,
    StreamFailed,
    TextDelta,
    ThinkingDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
)
from tests.claude.openai_chat import CASES, decode, make_call, told

CALL = make_call({"messages": [], "stop_sequences": ["\n\nHuman:"]})
FOLDERS = sorted(folder for folder in CASES.iterdir() if folder.is_dir())
STREAMS = [folder for folder in FOLDERS if (folder / "upstream.sse").exists()]
a_case = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
a_stream = pytest.mark.parametrize("folder", STREAMS, ids=lambda folder: folder.name)


def sent(folder: Path) -> bytes:
    """What the upstream sends in a case."""
    return next(folder.glob("upstream.*")).read_bytes()


def expected(folder: Path) -> Any:
    """The events that a case must give."""
    return msgspec.json.decode((folder / "expected.json").read_bytes())


def at_random(body: bytes) -> Iterable[bytes]:
    """The body in pieces of 1 to 60 bytes."""
    start = 0
    while start < len(body):
        size = random.randint(1, 60)
        yield body[start : start + size]
        start += size


CUTS: dict[str, Callable[[bytes], Iterable[bytes]]] = {
    "whole": lambda body: [body],
    "byte by byte": lambda body: (body[at : at + 1] for at in range(len(body))),
    "at random": at_random,
}


@a_case
@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_the_same_events_however_the_bytes_are_cut(folder: Path, cut: Callable[[bytes], Iterable[bytes]]) -> None:
    assert told(decode(cut(sent(folder)), CALL)) == expected(folder)


@a_stream
@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_the_same_events_with_crlf(folder: Path, cut: Callable[[bytes], Iterable[bytes]]) -> None:
    body = b"\xef\xbb\xbf" + sent(folder).replace(b"\n", b"\r\n")
    assert told(decode(cut(body), CALL)) == expected(folder)


@a_stream
def test_the_same_events_between_comments(folder: Path) -> None:
    body = b": first\n\n" + sent(folder).replace(b"data:", b": OPENROUTER PROCESSING\n\nevent: message\nid: 3\ndata:")
    assert told(decode(at_random(body), CALL)) == expected(folder)


@a_case
def test_an_answer_cut_off_anywhere_ends_only_if_its_end_was_announced(folder: Path) -> None:
    body = sent(folder)
    for at in range(len(body)):
        events = decode([body[:at]], CALL)
        assert isinstance(events[-1], MessageFinished | StreamFailed)
        assert sum(isinstance(event, MessageFinished | StreamFailed) for event in events) == 1
        if isinstance(events[-1], MessageFinished):
            assert re.search(rb'"finish_reason":"|\[DONE\]', body[:at])


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def either(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """What servers send there, or anything else."""
    return usual | JSON


TEXTS = either(st.sampled_from(["", "a", None]))
FUNCTIONS = either(
    st.fixed_dictionaries({}, optional={"name": TEXTS, "arguments": either(st.sampled_from(["{", "}"]))})
)
CALLS = st.fixed_dictionaries({}, optional={"index": either(st.integers(0, 2)), "id": TEXTS, "function": FUNCTIONS})
DETAILS = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "thinking", "reasoning.text"])}, optional={"text": JSON, "thinking": JSON}
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
    st.sampled_from(["prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "cost"]), JSON
)
CHUNKS = either(
    st.fixed_dictionaries({}, optional={"choices": either(st.lists(CHOICES, max_size=2)), "usage": either(USAGES)})
)


@given(st.lists(CHUNKS, max_size=6), st.booleans())
def test_whatever_a_server_sends_there_is_one_end_and_every_delta_has_a_start(chunks: list[Any], done: bool) -> None:
    body = b"".join(b"data: " + msgspec.json.encode(chunk) + b"\n\n" for chunk in chunks)
    events = decode([body + b"data: [DONE]\n\n" * done])
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
    if isinstance(events[-1], MessageFinished):
        assert (events[-1].stop_reason == "tool_use") == bool(started) or events[-1].stop_reason == "refusal"
