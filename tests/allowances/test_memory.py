"""The store of a gateway with one worker: what only memory must do."""

from __future__ import annotations

import asyncio

import pytest

from access.allowances import memory
from tests.allowances.charges import DAY_ENDS, InMemory, quota, rate, slot


def test_a_clock_that_is_set_back_stops_no_refill() -> None:
    async def scenario() -> None:
        backend = InMemory()
        clock, store = backend.clock, backend.store
        assert await store.charge([rate("a", 60, 60)]) is None
        clock.now -= 7_200
        assert await store.charge([rate("a", 60, 60)]) is None

    asyncio.run(scenario())


def test_idle_cells_are_forgotten_and_held_slots_are_not() -> None:
    async def scenario() -> None:
        backend = InMemory()
        clock, store = backend.clock, backend.store
        assert await store.charge([rate("a", 60), quota("b", 60), slot("c", 2), slot("d", 2)]) is None
        await store.release([slot("d", 2)])
        clock.now = DAY_ENDS
        await store.keep()
        assert len(store) == 1
        assert await store.used([slot("c", 2)]) == [1.0]

    asyncio.run(scenario())


def test_memory_is_bounded_and_what_is_charged_now_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST_CELLS", 20)

    async def scenario() -> None:
        store = InMemory().store
        assert await store.charge([quota("day", 10)]) is None
        for number in range(200):
            charges = [rate(f"{number}", 1), rate(f"and {number}", 1)]
            assert await store.charge(charges) is None
            assert await store.used(charges) == [1.0, 1.0]
        assert len(store) <= 20
        # A day's count means something for longer than a minute's.
        assert await store.used([quota("day", 10)]) == [1.0]

    asyncio.run(scenario())
