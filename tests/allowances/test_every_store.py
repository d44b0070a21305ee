"""What each store does: the same cases for all."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

import pytest

from access.allowances.policy import Exceeded, Store
from tests.allowances.charges import DAY_ENDS, Backend, quota, rate, slot


def run(backend: Backend, scenario: Callable[[Store], Awaitable[None]]) -> None:
    """Runs a scenario with one worker's store, and closes it."""

    async def whole() -> None:
        store = backend.worker()
        try:
            await scenario(store)
        finally:
            await store.close()

    asyncio.run(whole())


def test_a_rate_refills_continuously(backend: Backend) -> None:
    # Seconds for one of four. Redis' clock goes on: a busy machine asks for another one before that, too.
    each = 0.5

    async def scenario(store: Store) -> None:
        one = [rate("a", 4, span=4 * each)]
        began = backend.now()
        assert await store.charge([rate("a", 4, 4, span=4 * each)]) is None
        refused = await store.charge(one)
        assert refused is not None
        assert refused.number == 0
        assert each - (backend.now() - began) - 0.01 < refused.retry_after <= each
        await backend.wait(refused.retry_after)
        assert await store.charge(one) is None
        assert await store.charge(one) is not None
        await backend.wait(4 * each)
        assert await store.used(one) == [0.0]

    run(backend, scenario)


def test_a_quota_counts_until_its_instant_and_then_from_nothing(backend: Backend) -> None:
    async def scenario(store: Store) -> None:
        ends = backend.now() + 100
        assert await store.charge([quota("a", 10, 9, until=ends)]) is None
        refused = await store.charge([quota("a", 10, 2, until=ends)])
        assert refused is not None
        assert refused.retry_after == pytest.approx(100, abs=2)
        assert await store.charge([quota("a", 10, 2, until=ends + 86_400)]) is None
        assert await store.used([quota("a", 10, until=ends + 86_400)]) == [2.0]

    run(backend, scenario)


def test_a_correction_from_before_the_reset_leaves_the_new_window_alone(backend: Backend) -> None:
    async def scenario(store: Store) -> None:
        ends = backend.now() + 2.0
        assert await store.charge([quota("a", 10, 9, until=ends)]) is None
        await store.correct([quota("a", 10, -4, until=ends)])
        assert await store.used([quota("a", 10, until=ends)]) == [5.0]
        await backend.wait(2.1)
        assert await store.charge([quota("a", 10, 3)]) is None
        await store.correct([quota("a", 10, -5, until=ends)])
        await store.correct([quota("a", 10, 500, until=ends)])
        assert await store.used([quota("a", 10)]) == [3.0]

    run(backend, scenario)


def test_a_correction_of_a_window_that_is_over_and_that_nothing_follows_counts_for_no_other(backend: Backend) -> None:
    async def scenario(store: Store) -> None:
        ends = backend.now() + 1.0
        assert await store.charge([quota("a", 10, 9, until=ends)]) is None
        await backend.wait(1.1)
        await store.correct([quota("a", 10, 500, until=ends)])
        assert await store.used([quota("a", 10)]) == [0.0]
        assert await store.charge([quota("a", 10, 10)]) is None

    run(backend, scenario)


def test_what_never_starts_again_is_counted(backend: Backend) -> None:
    """Such as what a budget in total has marked."""

    async def scenario(store: Store) -> None:
        never = 253_402_300_799.0
        assert await store.charge([quota("a", 1e15, 1e12, until=never)]) is None
        assert await store.charge([quota("a", 1e15, 3, until=never)]) is None
        assert await store.used([quota("a", 1e15, until=never)]) == [1e12 + 3]

    run(backend, scenario)


def test_who_is_late_at_the_reset_does_not_bring_the_old_window_back(backend: Backend) -> None:
    """The clock of a host may be behind."""

    async def scenario(store: Store) -> None:
        assert await store.charge([quota("a", 10, 4)]) is None
        assert await store.charge([quota("a", 10, 3, until=DAY_ENDS - 86_400)]) is None
        assert await store.used([quota("a", 10)]) == [7.0]

    run(backend, scenario)


def test_all_charges_are_taken_or_none(backend: Backend) -> None:
    async def scenario(store: Store) -> None:
        charges = [rate("minute", 100, 10, span=1e9), quota("day", 15, 10), slot("streams", 5)]
        assert await store.charge(charges) is None
        refused = await store.charge(charges)
        assert refused is not None
        assert refused.number == 1
        assert await store.used(charges) == pytest.approx([10.0, 10.0, 1.0], abs=1e-3)

    run(backend, scenario)


def test_windows_do_not_touch_each_other(backend: Backend) -> None:
    """A full minute of one key refuses nothing of another, nor the day of the same (LiteLLM #24677: tokens stay
    refused since requests share their window)."""

    async def scenario(store: Store) -> None:
        assert await store.charge([rate("key 1, minute", 1, span=1e9), quota("key 1, day", 10)]) is None
        for _ in range(3):
            assert await store.charge([rate("key 1, minute", 1, span=1e9), quota("key 1, day", 10)]) is not None
            assert await store.charge([rate("key 2, minute", 10, span=1e9)]) is None
        assert await store.charge([quota("key 1, day", 10, 9)]) is None

    run(backend, scenario)


def test_more_than_the_limit_itself_never_fits(backend: Backend) -> None:
    async def scenario(store: Store) -> None:
        assert await store.charge([rate("a", 10, 11)]) == Exceeded(0, math.inf)
        assert await store.charge([rate("b", 10), quota("c", 10, 11)]) == Exceeded(1, math.inf)
        assert await store.used([rate("b", 10)]) == [0.0]

    run(backend, scenario)


def test_slots_are_free_once_released(backend: Backend) -> None:
    async def scenario(store: Store) -> None:
        assert await store.charge([slot("a", 2)]) is None
        assert await store.charge([slot("a", 2)]) is None
        assert await store.charge([slot("a", 2)]) is not None
        await store.keep()
        assert await store.used([slot("a", 2)]) == [2.0]
        await store.release([slot("a", 2)])
        assert await store.charge([slot("a", 2)]) is None
        assert await store.charge([slot("a", 2)]) is not None
        for _ in range(5):
            await store.release([slot("a", 2)])
        assert await store.used([slot("a", 2)]) == [0.0]

    run(backend, scenario)


def test_what_a_correction_adds_may_exceed_the_limit_and_is_waited_for(backend: Backend) -> None:
    async def scenario(store: Store) -> None:
        assert await store.charge([rate("a", 60, 50)]) is None
        await store.correct([rate("a", 60, 100)])
        refused = await store.charge([rate("a", 60)])
        assert refused is not None
        assert refused.retry_after == pytest.approx(91.0, abs=2.0)

    run(backend, scenario)


def test_a_correction_leaves_nothing_below_nothing(backend: Backend) -> None:
    async def scenario(store: Store) -> None:
        assert await store.charge([rate("a", 60, 50), quota("b", 60, 50)]) is None
        await store.correct([rate("a", 60, -500), quota("b", 60, -500)])
        assert await store.used([rate("a", 60), quota("b", 60)]) == [0.0, 0.0]
        assert await store.charge([rate("a", 60, 61)]) == Exceeded(0, math.inf)
        assert await store.charge([quota("b", 60, 60)]) is None
        assert await store.charge([quota("b", 60)]) is not None

    run(backend, scenario)


def test_a_changed_limit_holds_with_the_next_charge(backend: Backend) -> None:
    async def scenario(store: Store) -> None:
        assert await store.charge([quota("a", 10, 10), slot("b", 1)]) is None
        assert await store.charge([quota("a", 11, 1), slot("b", 2)]) is None
        assert await store.charge([quota("a", 10, 1)]) is not None

    run(backend, scenario)


def test_nothing_costs_nothing(backend: Backend) -> None:
    async def scenario(store: Store) -> None:
        assert await store.charge([]) is None
        assert await store.used([]) == []
        assert await store.charge([quota("a", 3, 3)]) is None
        # Such as a look whether anything is left.
        assert await store.charge([quota("a", 3, 0)]) is None

    run(backend, scenario)


def test_two_workers_count_together(backend: Backend) -> None:
    """LiteLLM #40291, #10555, #6938: each instance reads its own memory, so that a limit holds once for each."""

    async def scenario(store: Store) -> None:
        other = backend.worker()
        taken = 0
        for number in range(20):
            charges = [quota("day", 7), slot("streams", 100)]
            taken += await (store, other)[number % 2].charge(charges) is None
        assert taken == 7
        assert await other.used([slot("streams", 100)]) == [7.0]
        await other.close()

    run(backend, scenario)
