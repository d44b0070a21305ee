"""A server that goes on with informational responses (1xx) instead of answering is left."""

from __future__ import annotations

import asyncio
import time

import pytest

from providers.outbound.downloads import FetchFailed, fetch
from tests.harness import speak
from tests.harness.script import Reply
from tests.harness.upstream import Upstream
from tests.streaming.relaying import candidate, relayed

pytestmark = pytest.mark.usefixtures("each_transport")

HINT = b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def answer(hints: int) -> Reply:
    """An answer after so many informational responses."""
    body = b"".join(step for step in speak.chat_answer().steps if isinstance(step, bytes))
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n" % len(body)
    return Reply(raw=(CONTINUE + HINT * (hints - 1) if hints else b"") + head + body)


@pytest.mark.parametrize("hints", [0, 1, 10])
def test_ten_are_taken_again_and_again(hints: int, upstream: Upstream) -> None:
    script = upstream.script(answer(hints))
    for _ in range(2):
        got = asyncio.run(relayed(script.prompt, candidate(upstream.base_url)))
        assert (got.status, b"Hello there" in got.body) == (200, True)


@pytest.mark.parametrize("hints", [11, 300_000])
def test_more_are_no_answer(hints: int, upstream: Upstream) -> None:
    script = upstream.script(answer(hints))
    began = time.process_time()
    got = asyncio.run(relayed(script.prompt, candidate(upstream.base_url)))
    assert got.status == 502
    assert b"more than 10 informational responses" in got.body
    assert time.process_time() - began < 2.0


def test_whoever_serves_a_picture_may_send_no_more(upstream: Upstream) -> None:
    for hints, path in ((10, "good"), (11, "bad")):
        head = HINT * hints + b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 3\r\n\r\nabc"
        script = upstream.script(Reply(raw=head))
        url = f"{upstream.base_url}/{path}/{script.mark}"
        if hints == 10:
            assert asyncio.run(fetch(url, most_bytes=9, seconds=5, local=True)).content == b"abc"
        else:
            with pytest.raises(FetchFailed, match="could not be reached"):
                asyncio.run(fetch(url, most_bytes=9, seconds=5, local=True))
