"""Responses from bytes: however they are cut, they mean the same, and no more is believed than is certain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.transport.corpus import AGREED, BAD_CHUNKS, LEFT_OVER, NO_HTTP, UNTIL_CLOSE
from tests.transport.outcomes import BROKEN, NO_ANSWER, NOT_HTTP, TOO_MANY, WHOLE, Outcome, aiohttps, cut, ours


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that does not run."""
    with asyncio.Runner() as runner:
        yield runner.get_loop()


CLOSED = {"told to close", "old, with a length"}


@pytest.mark.parametrize("name", AGREED)
def test_a_response_is_read_as_aiohttp_reads_it_wherever_it_is_cut(name: str, loop: asyncio.AbstractEventLoop) -> None:
    data = AGREED[name]
    whole = aiohttps(loop, [data])
    assert whole.ending == WHOLE
    assert ours([data]) == whole._replace(keeps=name not in CLOSED)
    for place in range(1, len(data)):
        assert ours(cut(data, [place]))[:3] == whole[:3]
    assert ours(cut(data, range(len(data))))[:3] == whole[:3]


@pytest.mark.parametrize("name", [*AGREED, *UNTIL_CLOSE])
def test_one_that_is_cut_off_anywhere_is_whole_for_neither_or_for_both(
    name: str, loop: asyncio.AbstractEventLoop
) -> None:
    data = (AGREED | UNTIL_CLOSE)[name]
    for end in range(len(data) + 1):
        expected, got = aiohttps(loop, [data[:end]], closes=True), ours([data[:end]], closes=True)
        assert (got.status, got.ending) == (expected.status, expected.ending), data[:end]
        assert expected.ending != WHOLE or got.body == expected.body


@pytest.mark.parametrize("name", UNTIL_CLOSE)
def test_a_reset_is_not_the_end_of_a_body_without_a_length(name: str) -> None:
    data = UNTIL_CLOSE[name]
    assert ours([data], resets=True) == Outcome(200, b"all until the end", BROKEN, False)


@pytest.mark.parametrize("name", LEFT_OVER)
def test_what_follows_an_answer_is_not_read_and_ends_the_connection(name: str) -> None:
    data = LEFT_OVER[name]
    end = data.index(b"0\r\n\r\n") + 5 if "chunks" in name else data.index(b"hi") + 2
    for place in range(1, len(data)):
        assert ours(cut(data, [place])) == Outcome(200, b"hi", WHOLE, False), place
    # The first byte that follows is in a read of its own, too.
    assert not ours([data[:end], data[end : end + 1]]).keeps


@pytest.mark.parametrize("name", NO_HTTP)
def test_what_is_not_certain_is_no_response(name: str) -> None:
    data = NO_HTTP[name]
    step = max(1, len(data) // 200)
    for places in ([], range(0, len(data), step), *([place] for place in range(1, len(data), step))):
        assert ours(cut(data, places)) == Outcome(0, b"", NOT_HTTP, False), places


@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_a_body_that_breaks_ends_where_it_breaks(name: str) -> None:
    data = BAD_CHUNKS[name]
    step = max(1, len(data) // 100)
    for places in ([], range(0, len(data), step), *([place] for place in range(100, len(data), step))):
        got = ours(cut(data, places))
        assert (got.status, got.ending, got.keeps) == (200, BROKEN, False), places
        assert got.body.startswith(b"hi")


def test_ten_informational_heads_are_taken_and_no_more() -> None:
    hint, answer = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", AGREED["a length"]
    assert ours([hint * 10 + answer]) == ours([answer])
    assert ours([hint * 11 + answer]).ending == TOO_MANY
    assert ours(cut(hint * 11 + answer, range(0, 400, 3))).ending == TOO_MANY


def test_a_connection_without_a_byte_is_no_answer() -> None:
    assert ours([], closes=True) == Outcome(0, b"", NO_ANSWER, False)
