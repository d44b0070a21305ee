"""What a request takes and gives back, and what happens where nobody can say what was counted."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any
from uuid import UUID

import pytest

from access.allowances.limits import LimitRecord, cell_of_limit
from access.allowances.memory import MemoryStore
from access.allowances.policy import Charge, Exceeded, StoreUnreadable
from access.keys import KeyRecord
from streaming.limits import COUNT_TOKENS, MESSAGES, Held, Limits
from streaming.refused import Refused
from usage.journal.records import AttemptRecord

SESSION = "a session"


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that runs in an event loop of its own."""

    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        asyncio.run(test(**fixtures))

    return run


def a_key(*limits: tuple[str, str, int]) -> KeyRecord:
    records = tuple(
        LimitRecord(number, measure, per, most, "key", cell_of_limit(number, measure, per), "UTC", f"{most} {measure}")
        for number, (measure, per, most) in enumerate(limits)
    )
    return KeyRecord(id=1, name="k", prefix="sk-px-abcd", hash="", team_id=1, team_name="t", limits=records)


def attempt(number: int = 1, **fields: object) -> AttemptRecord:
    return AttemptRecord(id=UUID(int=number), request_log_id=UUID(int=9), number=number, **fields)  # type: ignore[arg-type]


async def used(limits: Limits, key: KeyRecord) -> list[float | None]:
    await limits.settled()
    return [None if one.used is None else round(one.used) for one in await limits.standing(key.limits)]


async def taken(limits: Limits, key: KeyRecord, estimate: int = 100) -> Held:
    held = await limits.take(key, MESSAGES, estimate, SESSION)
    assert held is not None
    return held


INPUT = ("input_tokens", "day", 10_000)


@pytest.mark.parametrize(("cache_reads_count", "counted"), [(False, 30), (True, 530)])
@in_loop
async def test_the_setting_says_whether_input_from_the_cache_counts(cache_reads_count: bool, counted: int) -> None:
    limits, key = Limits(MemoryStore(), cache_reads_count=cache_reads_count), a_key(INPUT)
    held = await taken(limits, key)
    held.settle([attempt(input_tokens=20, cache_write_tokens=10, cache_read_tokens=500, output_tokens=1)])
    assert await used(limits, key) == [counted]


@in_loop
async def test_what_the_session_reads_from_the_cache_is_not_taken_before_either() -> None:
    limits, key = Limits(MemoryStore(), cache_reads_count=False), a_key(("input_tokens", "day", 1200))
    held = await taken(limits, key, 1000)
    # Otherwise a long session would be refused at a limit that it never uses up.
    held.settle([attempt(input_tokens=20, cache_read_tokens=980)])
    second, third = await taken(limits, key, 1000), await taken(limits, key, 1000)
    assert await used(limits, key) == [20 + 20 + 20]
    second.settle([attempt(input_tokens=900, cache_write_tokens=100)])
    third.settle([attempt(input_tokens=20, cache_read_tokens=980)])
    assert await used(limits, key) == [20 + 1000 + 20]


@pytest.mark.parametrize(
    ("attempts", "input_tokens"),
    [
        ([], 0),
        ([attempt(outcome="failed")], 0),
        ([attempt(outcome="client_closed")], 100),
        ([attempt(outcome="interrupted"), attempt(2, outcome="completed", input_tokens=40)], 140),
        ([attempt()], 100),
    ],
    ids=["never sent", "failed", "client left", "two attempts", "nobody ended it"],
)
@in_loop
async def test_what_nobody_reported_counts_as_expected_unless_it_failed(
    attempts: Sequence[AttemptRecord], input_tokens: int
) -> None:
    limits, key = Limits(MemoryStore(), cache_reads_count=False), a_key(INPUT)
    (await taken(limits, key)).settle(attempts)
    assert await used(limits, key) == [input_tokens]


@in_loop
async def test_a_refused_request_takes_nothing_of_any_limit() -> None:
    limits = Limits(MemoryStore(), cache_reads_count=False)
    key = a_key(("requests", "day", 5), INPUT, ("streams", "once", 1))
    first = await taken(limits, key)
    for _ in range(3):
        with pytest.raises(Refused) as raised:
            await taken(limits, key)
        assert raised.value.code == "streams_limit"
    assert await used(limits, key) == [1, 100, 1]
    first.settle([attempt(input_tokens=10, output_tokens=2)])
    assert await used(limits, key) == [1, 10, 0]


@in_loop
async def test_other_endpoints_take_of_their_own_limits_alone() -> None:
    limits = Limits(MemoryStore(), cache_reads_count=False)
    key = a_key(("requests", "day", 5), ("count_tokens", "day", 1))
    assert await limits.take(key, COUNT_TOKENS) is not None
    with pytest.raises(Refused):
        await limits.take(key, COUNT_TOKENS)
    assert await used(limits, key) == [0, 1]


@in_loop
async def test_a_limit_that_was_changed_counts_on_with_its_new_amount() -> None:
    limits = Limits(MemoryStore(), cache_reads_count=False)
    await taken(limits, a_key(("requests", "day", 1)))
    with pytest.raises(Refused):
        await taken(limits, a_key(("requests", "day", 1)))
    await taken(limits, a_key(("requests", "day", 2)))
    with pytest.raises(Refused):
        await taken(limits, a_key(("requests", "day", 2)))


class Slow(MemoryStore):
    """A store that answers when it is asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = asyncio.Event()

    async def charge(self, charges: Sequence[Charge]) -> Exceeded | None:
        await self.answers.wait()
        return await super().charge(charges)


@in_loop
async def test_a_client_that_leaves_while_the_store_is_asked_leaves_no_slot_behind() -> None:
    store = Slow()
    limits, key = Limits(store, cache_reads_count=False), a_key(("streams", "once", 1))
    asking = asyncio.create_task(taken(limits, key))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    store.answers.set()
    assert await used(limits, key) == [0]
    (await taken(limits, key)).settle([])
    assert await used(limits, key) == [0]


class Gone(MemoryStore):
    """A store that cannot be read."""

    async def charge(self, charges: Sequence[Charge]) -> Exceeded | None:
        raise StoreUnreadable("it is gone")

    async def used(self, charges: Sequence[Charge]) -> list[float]:
        raise StoreUnreadable("it is gone")


@in_loop
async def test_requests_are_let_through_where_the_store_cannot_be_read(caplog: pytest.LogCaptureFixture) -> None:
    limits, key = Limits(Gone(), cache_reads_count=False), a_key(("requests", "minute", 1), ("streams", "once", 1))
    with caplog.at_level(logging.WARNING, "gateway.limits"):
        assert [await limits.take(key, MESSAGES) for _ in range(3)] == [None] * 3
        assert await used(limits, key) == [None, None]
    # Once a minute, and not once a request.
    assert [record.getMessage() for record in caplog.records] == ["rate limits are not counted"]
