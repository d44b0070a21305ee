"""Any framing, cut anywhere, closed anywhere, damaged by chance: read as it was meant, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.transport.corpus import AGREED, BAD_CHUNKS, LEFT_OVER, NO_HTTP, UNTIL_CLOSE
from tests.transport.judge import judge
from tests.transport.outcomes import BROKEN, MORE, NO_ANSWER, WHOLE, Outcome, cut, ours

ALL = [one for one in (AGREED | UNTIL_CLOSE | LEFT_OVER | NO_HTTP | BAD_CHUNKS).values() if len(one) < 1_000]
PARTS = some.lists(some.binary(min_size=1, max_size=60), max_size=5)
CUTS = some.lists(some.integers(0, 600), max_size=6)


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that does not run."""
    with asyncio.Runner() as runner:
        yield runner.get_loop()


@some.composite
def answers(draw: Any) -> tuple[bytes, bytes, bytes]:
    """The head of an answer, its body as it is framed, and its body."""
    parts = draw(PARTS)
    body = b"".join(parts)
    framing = draw(some.sampled_from(["length", "chunks", "close"]))
    start = b"HTTP/1.1 200 OK\r\nx-pad: %b\r\n" % (b"p" * draw(some.integers(0, 30)))
    if framing == "length":
        return start + b"content-length: %d\r\n\r\n" % len(body), body, body
    if framing == "close":
        return start + b"\r\n", body, body
    extension = draw(some.sampled_from([b"", b";a=b", b";x"]))
    chunks = b"".join(b"%x%b\r\n%b\r\n" % (len(part), extension, part) for part in parts)
    trailer = draw(some.sampled_from([b"", b"x-sum: 1\r\n"]))
    return start + b"transfer-encoding: chunked\r\n\r\n", chunks + b"0\r\n" + trailer + b"\r\n", body


@given(answers(), CUTS, some.booleans())
def test_any_framing_wherever_it_is_cut(answer: tuple[bytes, bytes, bytes], places: list[int], closes: bool) -> None:
    head, framed, body = answer
    ends = b"length" in head or b"chunked" in head
    expected = Outcome(200, body, WHOLE if ends or closes else MORE, False)
    assert ours(cut(head + framed, places), closes=closes)[:3] == expected[:3]


@given(answers(), CUTS, some.floats(0, 1), some.booleans())
def test_any_framing_wherever_it_is_closed_or_reset(
    answer: tuple[bytes, bytes, bytes], places: list[int], where: float, resets: bool
) -> None:
    head, framed, body = answer
    data = head + framed
    end = int(where * len(data))
    got = ours(cut(data[:end], places), closes=not resets, resets=resets)
    if end < len(head):
        assert got == Outcome(0, b"", NO_ANSWER, False)
        return
    ends = b"length" in head or b"chunked" in head
    is_whole = end == len(data) if ends else not resets
    # An answer without a body by length ends with its head.
    is_whole = is_whole or (end == len(head) and b"content-length: 0\r\n" in head)
    assert (got.status, got.ending) == (200, WHOLE if is_whole else BROKEN)
    assert body.startswith(got.body)
    assert not is_whole or not ends or got.body == body


@given(some.data())
def test_damaged_ones_mean_the_same_in_one_piece_and_in_many(
    loop: asyncio.AbstractEventLoop, data: some.DataObject
) -> None:
    answer = bytearray(data.draw(some.sampled_from(ALL)))
    for _ in range(data.draw(some.integers(0, 3))):
        at = data.draw(some.integers(0, len(answer) - 1))
        answer[at : at + data.draw(some.integers(0, 2))] = data.draw(
            some.sampled_from(
                [b"", b"\r", b"\n", b"\r\n", b" ", b"0", b":", b"\0", b"\xff", b"HTTP/1.1 200 OK\r\n", b";"]
            )
        )
    judge(bytes(answer), cut(bytes(answer), data.draw(CUTS)), loop)
