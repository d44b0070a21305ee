"""The sweeper sleeps while nothing runs, is there as soon as something does, and misses no lag."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from streaming.exchange import sweeper as module
from streaming.exchange.sweeper import Sweeper
from tests.harness.patience import PATIENCE


class Ticked:
    """Something that is swept."""

    def __init__(self, spare: float = 0.0) -> None:
        """It has nothing to do for `spare` seconds, again after each tick."""
        self.spare = spare
        self.ticks = 0
        self.late = self.most = 0.0
        self.ticked = asyncio.Event()

    def tick(self, now: float, late: float = 0.0, most: float = 0.0) -> float:
        self.ticks += 1
        self.late += late
        self.most = most
        self.ticked.set()
        return now + self.spare


def _run(check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INTERVAL", 0.01)

    async def run() -> None:
        running: set[Any] = set()
        sweeper = Sweeper(running)
        sweeper.start()
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(PATIENCE):
                await check(sweeper, running)
        finally:
            await sweeper.stop()

    asyncio.run(run())


def test_it_sleeps_until_it_is_woken_and_again_when_all_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(sweeper: Sweeper, running: set[Any]) -> None:
        for _ in range(3):
            assert sweeper._asleep is not None
            one = Ticked()
            running.add(one)
            sweeper.wake()
            assert sweeper._asleep is None
            await one.ticked.wait()
            one.ticked.clear()
            await one.ticked.wait()
            running.clear()
            while sweeper._asleep is None:
                await asyncio.sleep(0.001)

    _run(check, monkeypatch)


def test_lag_right_after_its_sleep_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(sweeper: Sweeper, running: set[Any]) -> None:
        one = Ticked()
        running.add(one)
        sweeper.wake()
        # The loop stands still before the sweeper had its turn.
        time.sleep(0.2)
        assert sweeper.lag.until(asyncio.get_running_loop().time()) >= 0.15
        await one.ticked.wait()
        assert one.late >= 0.15

    _run(check, monkeypatch)


def test_it_is_awake_for_whoever_needs_the_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(sweeper: Sweeper, running: set[Any]) -> None:
        with sweeper.awake() as lag:
            time.sleep(0.1)
            assert lag.until(asyncio.get_running_loop().time()) > 0
            while lag.total == 0:
                await asyncio.sleep(0.001)
        while sweeper._asleep is None:
            await asyncio.sleep(0.001)

    _run(check, monkeypatch)


def test_chores_are_done_while_something_runs_and_one_that_fails_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(sweeper: Sweeper, running: set[Any]) -> None:
        done = asyncio.Event()

        def fail() -> None:
            raise ValueError

        sweeper.add_chore(0.0, fail)
        sweeper.add_chore(0.0, done.set)
        assert not done.is_set()
        running.add(Ticked())
        sweeper.wake()
        await done.wait()
        done.clear()
        await done.wait()

    _run(check, monkeypatch)


async def _resting(sweeper: Sweeper) -> None:
    """Returns when it looks seldom."""
    while sweeper._asleep is None:
        await asyncio.sleep(0.001)


def test_it_looks_seldom_while_nothing_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONG_INTERVAL", 0.3)

    async def check(sweeper: Sweeper, running: set[Any]) -> None:
        one, other = Ticked(spare=60.0), Ticked(spare=60.0)
        running.add(one)
        sweeper.wake()
        await _resting(sweeper)
        ticks = one.ticks
        await asyncio.sleep(0.1)
        assert one.ticks == ticks
        # It looks by itself, and at once at whoever comes meanwhile.
        one.ticked.clear()
        await one.ticked.wait()
        await _resting(sweeper)
        running.add(other)
        began = asyncio.get_running_loop().time()
        sweeper.wake()
        await other.ticked.wait()
        assert asyncio.get_running_loop().time() - began < 0.25
        # A deadline within two long intervals is looked at as closely as ever.
        one.spare = 0.5
        sweeper.lag.attend()
        ticks = one.ticks
        await asyncio.sleep(0.15)
        assert one.ticks > ticks + 2

    _run(check, monkeypatch)


def test_it_says_how_late_the_loop_may_have_been_and_looks_closely_from_then_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LONG_INTERVAL", 0.3)

    async def check(sweeper: Sweeper, running: set[Any]) -> None:
        one = Ticked(spare=60.0)
        running.add(one)
        sweeper.wake()
        await _resting(sweeper)
        one.ticked.clear()
        time.sleep(0.5)
        await one.ticked.wait()
        assert 0.15 <= one.late < one.most
        assert one.most >= 0.4
        ticks = one.ticks
        await asyncio.sleep(0.15)
        assert one.ticks > ticks + 2

    _run(check, monkeypatch)


def test_a_chore_is_not_late_because_nothing_else_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(sweeper: Sweeper, running: set[Any]) -> None:
        done: list[float] = []
        sweeper.add_chore(0.1, lambda: done.append(asyncio.get_running_loop().time()))
        running.add(Ticked(spare=60.0))
        sweeper.wake()
        while len(done) < 4:
            await asyncio.sleep(0.01)
        assert done[3] - done[0] < 0.9

    _run(check, monkeypatch)
