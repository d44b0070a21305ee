"""Lines out of bytes that are cut anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.framing.decoding import LineReader
from providers.framing.sse import MAX_EVENT_BYTES, EventTooLong


@given(st.lists(st.binary(max_size=6), max_size=8), st.lists(st.integers(0, 60), max_size=6))
def test_the_same_lines_however_the_bytes_are_cut(parts: list[bytes], cuts: list[int]) -> None:
    body = b"\n".join(parts)
    reader = LineReader()
    lines: list[bytes] = []
    start = 0
    for cut in sorted({cut for cut in cuts if cut < len(body)}):
        lines += reader.feed(body[start:cut])
        start = cut
    lines += reader.feed(body[start:]) + reader.close()
    assert lines == [line for line in body.split(b"\n") if line.strip()]


def test_a_line_without_an_end_does_not_fill_the_memory() -> None:
    reader = LineReader()
    piece = b"x" * 1024 * 1024
    for _ in range(MAX_EVENT_BYTES // len(piece)):
        assert reader.feed(piece) == []
    with pytest.raises(EventTooLong):
        reader.feed(piece)


def test_many_lines_of_any_total_size_pass() -> None:
    reader = LineReader()
    line = b"x" * (1024 * 1024 - 1) + b"\n"
    assert sum(len(reader.feed(line)) for _ in range(40)) == 40
