"""A stream's chunks that are all alike mean what they mean alone: each chunk between others that are not like it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.events import Event, TextDelta, ThinkingDelta, ThinkingSignature
from tests.claude.anything import either
from tests.claude.openai_chat import decode

TEXTS = st.sampled_from(["", "a", '"', "\\", 'a"b\\', "é", "😀", "\n", '"content":"x"', '","content":"'])
REST: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "role": st.just("assistant"),
        "refusal": st.sampled_from([None, "", "no"]),
        "tool_calls": st.sampled_from([None, []]),
        "reasoning": st.sampled_from([None, "", "hm"]),
    },
)
AROUND = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(["m", '"content":"x"']),
        "prompt": st.just({"content": "x"}),
        "usage": st.sampled_from([None, {"prompt_tokens": 1, "completion_tokens": 2}]),
        "citations": st.sampled_from([None, ["c"]]),
        "error": st.sampled_from([None, ""]),
    },
)


def chunk(text: Any, rest: dict[str, Any], around: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {**around, "choices": [{"index": 0, "delta": {**rest, "content": text}, "finish_reason": finish}]}


def body(chunks: list[dict[str, Any]], *, spaces: bool, ascii_only: bool) -> bytes:
    separators = (", ", ": ") if spaces else (",", ":")
    texts = (json.dumps(one, separators=separators, ensure_ascii=ascii_only) for one in chunks)
    return b"".join(b"data: " + text.encode() + b"\n\n" for text in texts) + b"data: [DONE]\n\n"


def events(chunks: list[dict[str, Any]], **how: bool) -> list[Event]:
    return decode([body(chunks, **how)])


def described(found: list[Event]) -> list[str]:
    """Failures are compared by what they say."""
    return [repr(event) for event in found]


@given(st.lists(st.tuples(either(TEXTS), st.integers(0, 1)), max_size=12), REST, AROUND, st.booleans(), st.booleans())
def test_chunks_that_are_alike_mean_what_they_mean_alone(
    given_texts: list[tuple[Any, int]], rest: dict[str, Any], around: dict[str, Any], spaces: bool, ascii_only: bool
) -> None:
    kinds = [(rest, around), ({}, {"model": "m"})]
    alike = [chunk(text, *kinds[kind]) for text, kind in given_texts]
    alone = [{"number": number, **one} for number, one in enumerate(alike)]
    how = {"spaces": spaces, "ascii_only": ascii_only}
    assert described(events(alike, **how)) == described(events(alone, **how))


@pytest.mark.parametrize("broken", [b'"\\ud83d"', b'"\xff"', b'"\\x"', b"7", b"null", b'["a"]', b'"a" "b"', b'"a",'])
def test_what_is_no_text_between_alike_chunks_is_read_as_what_it_is(broken: bytes) -> None:
    plain = body([chunk("abc", {}, {})] * 4, spaces=False, ascii_only=True).removesuffix(b"data: [DONE]\n\n")
    unusual = body([chunk("MARK", {}, {})], spaces=False, ascii_only=True).replace(b'"MARK"', broken)
    before = [TextDelta("abc")] * 4
    alone = decode([body([chunk("abc", {}, {})], spaces=False, ascii_only=True)[:-14] + unusual])
    found = decode([plain + unusual])
    others = [[event for event in some if event != TextDelta("abc")] for some in (found, alone)]
    assert described(others[0]) == described(others[1])
    assert found[1:5] == before


def test_text_after_more_thinking_is_signed_again() -> None:
    thought: dict[str, Any] = {"choices": [{"delta": {"reasoning_content": "hm"}}]}
    texts = [chunk("a", {}, {})] * 3
    found = events([*texts, thought, *texts], spaces=False, ascii_only=True)
    kinds = [type(event) for event in found[1:-1]]
    assert kinds[3:6] == [ThinkingDelta, ThinkingSignature, TextDelta]


def test_what_is_called_content_elsewhere_is_no_text() -> None:
    around = {"prompt": {"content": "first"}}
    other = {"prompt": {"content": "second"}}
    found = events([*[chunk("a", {}, around)] * 3, *[chunk("a", {}, other)] * 3], spaces=False, ascii_only=True)
    assert [event for event in found if isinstance(event, TextDelta)] == [TextDelta("a")] * 6
