"""Thinking between tags in the answer's text becomes thinking, however the text is cut."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.errors import ErrorKind, UpstreamError
from providers.events import (
    Event,
    NativeBlockDelta,
    NativeBlockStarted,
    StreamFailed,
    TextDelta,
    ThinkingDelta,
    Tokens,
    TokensReported,
    ToolCallStarted,
)
from tests.transforms.cutting import END, apart, cut_at, edits_of, sizes, streamed, through


def tagged(text: str, **options: Any) -> list[Event]:
    """What becomes of an answer's text, the same whether it comes whole or in single characters."""
    chain = [{"name": "extrathinktag", "options": options}]
    whole = through(edits_of(chain), [[TextDelta(text), END]])
    assert through(edits_of(chain), apart([TextDelta(text), END])) == whole
    assert whole[-1] == END
    return whole[:-1]


T, S = ThinkingDelta, TextDelta


@pytest.mark.parametrize(
    ("text", "options", "events"),
    [
        ("<think>why</think>so", {}, [T("why"), S("so")]),
        (" \n<think>\nwhy\n</think>\n\nso ", {}, [T("why\n"), S("so ")]),
        ("so <think>why</think>", {}, [S("so <think>why</think>")]),
        ("so <think>why</think> be", {"anywhere": True}, [S("so "), T("why"), S("be")]),
        ("<think>a</think>b<think>c</think>d", {"anywhere": True}, [T("a"), S("b"), T("c"), S("d")]),
        ("<think>a</think>b<think>c</think>d", {}, [T("a"), S("b<think>c</think>d")]),
        ("<think>\n\n</think>\n\nso", {}, [S("so")]),
        ("<think>why", {}, [T("why")]),
        ("<think>why</thi", {}, [T("why</thi")]),
        ("<thi", {}, [S("<thi")]),
        ("<thinking>why</thinking>", {}, [S("<thinking>why</thinking>")]),
        ("<think>a < b </think>so", {}, [T("a < b "), S("so")]),
        ("why</think>so", {"opened": True}, [T("why"), S("so")]),
        ("<think>why</think>so", {"opened": True}, [T("why"), S("so")]),
        ("\n why", {"opened": True}, [T("why")]),
        ("<reasoning>why</reasoning>so", {"tag": "reasoning"}, [T("why"), S("so")]),
        ("<think>why</reasoning></think>so", {}, [T("why</reasoning>"), S("so")]),
        ("   ", {}, []),
        (" so", {}, [S(" so")]),
        (" " * 1024 + "<think>a</think>b", {}, [T("a"), S("b")]),
        (" " * 1025 + "<think>a</think>b", {}, [S(" " * 1025 + "<think>a</think>b")]),
    ],
)
def test_what_becomes_of_a_text(text: str, options: dict[str, Any], events: list[Event]) -> None:
    assert tagged(text, **options) == events


PARTS = st.lists(st.sampled_from(["<think>", "</think>", "<", "</", "think>", "a", "\n", " ", "é"]), max_size=12)


@given(PARTS, st.booleans(), st.booleans(), st.data())
def test_the_same_however_it_is_cut(parts: list[str], anywhere: bool, opened: bool, data: st.DataObject) -> None:
    chain = [{"name": "extrathinktag", "options": {"anywhere": anywhere, "opened": opened}}]
    events: list[Event] = [TextDelta("".join(parts))] if parts else []
    events += [ToolCallStarted(0, "toolu_1", "Read"), TextDelta("</think>x"), END]
    whole = through(edits_of(chain), [events])
    assert through(edits_of(chain), cut_at(events, sizes(data))) == whole
    assert all(event.text for event in whole if isinstance(event, TextDelta | ThinkingDelta))
    streamed(whole)


def test_thinking_is_reported_as_it_comes() -> None:
    (edit,) = edits_of([{"name": "extrathinktag"}])
    assert edit.feed([TextDelta("<think>one ")]) == [ThinkingDelta("one ")]
    assert edit.feed([TextDelta("two</")]) == [ThinkingDelta("two")]
    assert edit.feed([TextDelta("x")]) == [ThinkingDelta("</x")]
    assert edit.feed([TextDelta("</think>so")]) == [TextDelta("so")]


def test_counts_in_between_disturb_nothing() -> None:
    counts = TokensReported(Tokens(output=1))
    events: list[Event] = [TextDelta("<th"), counts, TextDelta("ink>why</think>so"), END]
    assert through(edits_of([{"name": "extrathinktag"}]), [events]) == [counts, T("why"), S("so"), END]


def test_a_failed_answer_says_nothing_more() -> None:
    failed = StreamFailed(UpstreamError(ErrorKind.TRUNCATED, "over"))
    assert through(edits_of([{"name": "extrathinktag"}]), [[TextDelta("<th")], [failed]]) == [failed]


def test_claudes_own_blocks_pass_untouched() -> None:
    native: list[Event] = [NativeBlockStarted(0, "text", b"{}"), NativeBlockDelta(0, b'{"text":"<think>"}')]
    for name in ("extrathinktag", "forcereasoning", "tooluse", "enhancetool"):
        assert through(edits_of([{"name": name}]), [[*native, END]]) == [*native, END]


def test_forced_reasoning_is_read_from_its_own_tags() -> None:
    events: list[Event] = [TextDelta("<reasoning_content>\nwhy\n</reasoning_content>\n\nso"), END]
    parsed = streamed(through(edits_of([{"name": "forcereasoning"}]), apart(events)))
    assert [block.type for block in parsed.blocks] == ["thinking", "text"]
    assert (parsed.thinking, parsed.text) == ("why\n", "so")
