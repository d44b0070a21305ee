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


@given(
    st.lists(st.tuples(either(TEXTS), st.integers(0, 1)), max_size=12),
    REST,
    AROUND,
    st.booleans(),
    st.integers(0, 9999),
)
def test_events_that_arrive_alone_mean_what_they_mean_together(
    given_texts: list[tuple[Any, int]], rest: dict[str, Any], around: dict[str, Any], spaces: bool, cut: int
) -> None:
    kinds = [(rest, around), ({}, {"model": "m"})]
    whole = body([chunk(text, *kinds[kind]) for text, kind in given_texts], spaces=spaces, ascii_only=True)
    alone = [event + b"\n\n" for event in whole.split(b"\n\n")[:-1]]
    # One of them arrives in two reads, the second of which may be empty.
    number, at = cut % len(alone), cut % 97
    alone[number : number + 1] = [alone[number][:at], alone[number][at:]]
    assert described(decode(alone)) == described(decode([whole]))


@pytest.mark.parametrize(
    ("before", "unusual"),
    [
        # A line that goes on, an event of two lines, an error by its name: what is held belongs to the next read.
        (b"data: ", None),
        (b"data: 1\n", None),
        (b"event: error\n", None),
        (b": a comment\n\n", None),
        (b": half a comment", None),
        (b"\r\n", None),
        (b"data: x\r", None),
        (b"\xef\xbb\xbf", None),
        # Beside a JSON string there may be line ends, which end an event's line.
        (b"", b'\n"abc"'),
        (b"", b'"abc"\n'),
        (b"", b'"abc"\r'),
        (b"", b'"abc"\n\n'),
        (b"", b' "abc" '),
        (b"", b'"ab\nc"'),
        (b"", b'""'),
        (b"", b'"'),
        (b"", b""),
        (b"", b'"abc","x":"abc"'),
    ],
)
def test_an_event_alone_is_no_shorter_way_to_another_meaning(before: bytes, unusual: bytes | None) -> None:
    plain = body([chunk("abc", {}, {})], spaces=False, ascii_only=True).removesuffix(b"data: [DONE]\n\n")
    odd = plain if unusual is None else plain.replace(b'"abc"', unusual)
    reads = [plain, plain, plain, before, odd, plain, b"data: [DONE]\n\n"]
    assert described(decode([read for read in reads if read])) == described(decode([b"".join(reads)]))


def test_a_document_of_two_lines_is_not_compared_with_reads() -> None:
    line = body([chunk("abc", {}, {})], spaces=False, ascii_only=True).removesuffix(b"data: [DONE]\n\n")
    lines = line.replace(b'{"choices"', b'{\ndata: "choices"')
    assert lines != line
    # Without its second `data:` the line would be none of the event.
    torn = lines.replace(b"\ndata: ", b"\n")
    reads = [lines, lines, lines, torn, line, b"data: [DONE]\n\n"]
    assert described(decode(reads)) == described(decode([b"".join(reads)]))


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
