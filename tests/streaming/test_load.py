"""What requests hold of the process: requests of a key and bytes of bodies, given back on every path."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import pytest

from streaming.exchange.load import NOBODY, PAGES, Load
from streaming.exchange.request import Body
from streaming.ingress.claude import intake
from streaming.refused import RefusalKind, Refused
from tests.harness import speak
from tests.harness.script import CUT, Gate, Reply
from tests.harness.upstream import Upstream
from tests.streaming.relaying import KEY, candidate, relayed


def _refusal(call: Any, *arguments: int) -> tuple[RefusalKind, str, float | None]:
    with pytest.raises(Refused) as caught:
        call(*arguments)
    return caught.value.kind, caught.value.code, caught.value.retry_after


REQUESTS = (RefusalKind.RATE_LIMITED, "too_many_requests", 5.0)
BYTES = (RefusalKind.OVERLOADED, "too_many_bytes", 5.0)


def test_a_key_has_so_many_requests_at_once_and_others_have_theirs() -> None:
    load = Load(requests=2)
    first, _ = load.enter(1), load.enter(1)
    assert _refusal(load.enter, 1) == REQUESTS
    load.enter(2).leave()
    first.leave()
    first.leave()
    load.enter(1)
    assert _refusal(load.enter, 1) == REQUESTS


def test_refused_keys_are_counted_as_one_and_pages_are_not() -> None:
    load = Load(requests=1, bodies_of_key=10)
    load.enter(NOBODY)
    assert _refusal(load.enter, NOBODY) == REQUESTS
    load.enter(PAGES)
    page = load.enter(PAGES)
    assert _refusal(page.hold, 11) == BYTES


def test_bytes_are_limited_for_a_key_and_for_all() -> None:
    load = Load(bodies=100, bodies_of_key=60)
    one, other, third = load.enter(1), load.enter(1), load.enter(2)
    one.hold(30)
    other.hold(30)
    assert _refusal(other.hold, 1) == BYTES
    third.expect(40)
    assert _refusal(third.expect, 41) == BYTES
    third.hold(40)
    assert load.bodies == 100
    one.release()
    one.release()
    assert load.bodies == 70
    other.hold(30)
    for share in (one, other, third):
        share.leave()
    assert load.bodies == 0
    # Nothing is counted any more, of a request that is over least of all.
    one.hold(1_000)
    assert load.bodies == 0


def test_a_body_that_is_released_is_counted_no_more() -> None:
    load = Load()
    share = load.enter(1)
    share.hold(50)
    Body({}, share).release()
    assert load.bodies == 0


def test_a_body_is_refused_by_its_length_or_as_it_comes_and_counts_as_it_is_decompressed() -> None:
    plain = b"x" * 50_000
    packed = gzip.compress(plain)

    def reading(data: bytes, headers: dict[str, str], load: Load) -> bytes:
        parts = [data[at : at + 8_192] for at in range(0, len(data), 8_192)]

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

        try:
            return asyncio.run(intake.read_body(receive, headers, load.enter(1)))
        finally:
            left.append(len(parts))

    left: list[int] = []
    load = Load(bodies_of_key=49_999)
    with pytest.raises(Refused):
        reading(plain, {"content-length": "50000"}, load)
    with pytest.raises(Refused):
        reading(plain, {}, Load(bodies_of_key=20_000))
    with pytest.raises(Refused):
        reading(packed, {"content-encoding": "gzip", "content-length": str(len(packed))}, load)
    # By its length before anything is read, otherwise after the third part.
    assert left == [7, 4, 0]
    enough = Load(bodies_of_key=50_000)
    assert reading(packed, {"content-encoding": "gzip"}, enough) == plain
    assert enough.bodies == 50_000


@pytest.mark.parametrize(
    ("reply", "stream"),
    [
        (speak.chat_answer("done"), True),
        (speak.chat_answer("done"), False),
        (Reply(status=400, steps=[b"{}"]), True),
        (Reply(status=500, steps=[b"{}"]), True),
        (Reply(before=[CUT]), True),
        (Reply([speak.chat_text("half"), CUT]), True),
    ],
)
def test_whatever_becomes_of_a_request_gives_everything_back(reply: Reply, stream: bool, upstream: Upstream) -> None:
    load = Load()
    script = upstream.script(reply)
    asyncio.run(relayed(script.prompt, candidate(upstream.base_url), stream=stream, load=load))
    assert load.bodies == 0
    assert len(script.seen) >= 1
    first = load.enter(KEY.id)
    first.leave()
    assert not load._keys


def test_a_stream_gives_its_body_back_with_its_first_content(upstream: Upstream) -> None:
    load, held, gate = Load(), [0], Gate()
    script = upstream.script(Reply([speak.chat_text("begun"), gate, speak.chat_end()]))

    async def look() -> bool:
        running = asyncio.create_task(relayed(script.prompt, candidate(upstream.base_url), load=load))
        while not (held[-1] and not load.bodies):
            held.append(max(held[-1], load.bodies))
            await asyncio.sleep(0)
        before_its_end = not running.done()
        gate.open()
        await running
        return before_its_end

    assert asyncio.run(look())
    assert held[-1] > 50


def test_a_request_too_many_leaves_a_row_and_calls_nobody(upstream: Upstream) -> None:
    script = upstream.script(speak.chat_answer("done"))
    for load, status, code, kind in (
        (Load(requests=1), 429, "too_many_requests", b"rate_limit_error"),
        (Load(bodies_of_key=20), 529, "too_many_bytes", b"overloaded_error"),
        (Load(bodies=20), 529, "too_many_bytes", b"overloaded_error"),
    ):
        if status == 429:
            load.enter(KEY.id)
        answer = asyncio.run(relayed(script.prompt, candidate(upstream.base_url), load=load))
        assert (answer.status, answer.headers[b"retry-after"]) == (status, b"5")
        assert kind in answer.body
        exchange = answer.exchange
        assert (exchange.outcome, exchange.error_code) == ("refused", code)
        assert exchange.error_message
    assert not script.seen
