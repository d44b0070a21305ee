"""Server-sent events, read: the same events however the bytes are cut, and no more memory than one event may take."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.framing.sse import MAX_EVENT_BYTES, EventTooLong, SSEReader


def read(pieces: Iterable[bytes]) -> list[bytes]:
    """The data of every event of a body that comes in these pieces."""
    reader = SSEReader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    return events + reader.close()


def singly(body: bytes) -> Iterable[bytes]:
    """One byte after the other."""
    return (body[at : at + 1] for at in range(len(body)))


@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b"data: a\n\n", [b"a"]),
        (b"data:a\n\n", [b"a"]),
        (b"data:  a \n\n", [b" a "]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"event: x\nid: 1\nretry: 5\ndata: a\n\n", [b"a"]),
        (b": comment\n\n:\n\ndata: a\n: inside\n\n", [b"a"]),
        (b"event: ping\n\n", []),
        (b"\n\n\n", []),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b"data: a\xe2\x80\xa8b\xc2\x85c\x0bd\n\n", [b"a\xe2\x80\xa8b\xc2\x85c\x0bd"]),
        (b"database: a\ndatum\n\n", []),
        (b"data: no blank line at the end", [b"no blank line at the end"]),
        (b"data: a\n\ndata: b\n", [b"a", b"b"]),
        (b"", []),
        # What servers write beside the standard.
        (b'error: {"code":400,"message":"m"}\n\n', [b'{"error":{"code":400,"message":"m"}}']),
        (b'data: a\nerror:{"error":{"message":"m"}}\n\n', [b"a", b'{"error":{"message":"m"}}']),
        (b"error: it broke\n\n", [b'{"error":"it broke"}']),
        (b'event: error\ndata: {"message":"m"}\n\ndata: a\n\n', [b'{"error":{"message":"m"}}', b"a"]),
        (b'event:error\ndata: {"type":"error","code":"c"}\n\n', [b'{"type":"error","code":"c"}']),
        (b"event: error\ndata: Busy\n\n", [b'{"error":"Busy"}']),
        (b"event: error\n\ndata: a\n\n", [b"a"]),
        (b'data: a\n\n{"b":1}\ndata: c\n\n', [b"a", b'{"b":1}', b"c"]),
        (b'data: {"a":\ndata: 1}\n{"a":2}\n\n', [b'{"a":\n1}']),
    ],
)
def test_what_a_body_says(body: bytes, events: list[bytes]) -> None:
    assert read([body]) == events
    assert read(singly(body)) == events


BODIES = st.lists(
    st.sampled_from([b"data: ", b"data:", b"x", b"\xc3\xa9", b"\n", b"\r", b"\r\n", b":", b"\n\n", b"data: a\n\n"])
).map(b"".join)


@given(BODIES, st.lists(st.integers(0, 60)))
def test_where_the_bytes_are_cut_does_not_matter(body: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    pieces = [body[start:end] for start, end in pairwise(places)]
    assert read(pieces) == read([body])


def test_an_event_is_there_with_its_blank_line() -> None:
    reader = SSEReader()
    assert reader.feed(b"data: a\n") == []
    assert reader.feed(b"\n") == [b"a"]
    assert reader.feed(b"data: b\r\n\r\n") == [b"b"]


def test_a_line_without_end_is_refused() -> None:
    with pytest.raises(EventTooLong):
        read(b"x" * 2**20 for _ in range(MAX_EVENT_BYTES // 2**20 + 1))


def test_an_event_without_end_is_refused() -> None:
    line = b"data: " + b"x" * 2**20 + b"\n"
    with pytest.raises(EventTooLong):
        read(line for _ in range(MAX_EVENT_BYTES // 2**20 + 1))


def test_many_events_are_no_long_one() -> None:
    reader = SSEReader()
    event = b"data: " + b"x" * 2**20 + b"\n\n"
    assert sum(len(reader.feed(event)) for _ in range(MAX_EVENT_BYTES // 2**20 + 2)) == MAX_EVENT_BYTES // 2**20 + 2


def test_comments_without_end_cost_no_memory() -> None:
    reader = SSEReader()
    comments = b": keep-alive\n" * 80_000
    for _ in range(MAX_EVENT_BYTES // len(comments) + 2):
        assert reader.feed(comments) == []
