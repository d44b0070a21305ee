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

    def __init__(self) -> None:
        self.ticks = 0
        self.late = 0.0
        self.ticked = asyncio.Event()

    def tick(self, now: float, late: float = 0.0) -> None:
        self.ticks += 1
        self.late += late
        self.ticked.set()


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
