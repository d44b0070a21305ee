"""Fifty requests at once against a budget for three, through two servers, while one is killed, their journals are full,
or removed: no more is billed than the budget allows, and hardly anything of it stays unused."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from access.models import ClientKey, RateLimit
from tests.allowances.redis_server import RedisServer
from tests.chaos import tally
from tests.chaos.arena import Arena
from tests.chaos.budgets.fifty import Fifty
from tests.chaos.driver import Call

ROUNDS = 4 if tally.LONG else 1
FAILURES = ("killed", "full", "removed")
STORES = ("memory", "Redis")
QUICK = {("killed", "Redis"), ("full", "memory"), ("removed", "Redis")}
CASES = [(failure, store) for failure in FAILURES for store in STORES if tally.LONG or (failure, store) in QUICK]
HALF_AGAIN = 1.5
LATE = 2.0
"""Seconds before such a provider says what it counts: by then all that fits is under way."""


@contextmanager
def limits_in(store: str) -> Iterator[dict[str, str]]:
    """The settings of servers that count limits there, and a limit of the key that is never reached."""
    RateLimit.objects.create(key=ClientKey.objects.earliest("id"), measure="requests", per="day", most=1_000_000)
    if store == "memory":
        yield {}
        return
    redis = RedisServer()
    redis.start()
    try:
        yield {"REDIS_URL": redis.url}
    finally:
        redis.kill()


class Failing:
    """The fifty, and what fails meanwhile."""

    def __init__(self, arena: Arena, failure: str, env: dict[str, str]) -> None:
        self._arena = arena
        self._failure = failure
        if failure == "full":
            # Never a line, or so few that it is full and has room again by turns.
            env = {**env, "JOURNAL_MAX_BYTES": arena.rng.choice(["1", "4000", "20000"])}
        # The rest comes back near the cap, so that more than three are served, one after the other.
        self._fifty = Fifty(arena, times=20 if failure == "killed" else 1, **env)

    def exactly(self) -> None:
        """A provider that counts as is estimated: exactly what it bills is spent."""
        calls = self._send()
        assert self._fifty.wait_quiet(calls) >= 3
        billed, spent, drawn = self._fifty.holds()
        assert self._fifty.killed or billed == spent + drawn

    def overdrawn(self) -> None:
        """One that counts half as much again: what is too much is input of the requests under way, and shown."""
        before = len(self._arena.ledger())
        calls = self._send(HALF_AGAIN, LATE)
        self._fifty.wait_quiet(calls)
        # Each costs more than was reserved for it, so that nothing comes back for others: all that the provider saw
        # were under way when the cap was reached.
        under_way = len(self._arena.ledger()) - before
        assert under_way == 3
        spent = self._fifty.exceeds(HALF_AGAIN, under_way)
        assert self._fifty.overdraft() == max(0, spent - self._fifty.cap)
        # Later what killed servers held is a part of what is used.
        assert self._fifty.killed or spent > self._fifty.cap

    def with_kill(self) -> None:
        """One of the servers dies while it answers."""
        calls = self._send()
        port = self._fifty.wait_speaking(calls).port
        server = next(one for one in self._fifty.servers if one.port == port)
        time.sleep(self._arena.rng.random() * 1.5)
        self._fifty.kill(server)
        self._arena.driver.wait(calls)
        self._fifty.holds()
        self._fifty.start_again(server)
        self._fifty.wait_quiet(calls)
        self._fifty.use_up()

    def _send(self, counts: float = 1.0, wait: float = 0.0) -> list[Call]:
        self._fifty.allow_three()
        seen = len(self._arena.ledger())
        calls = self._fifty.send(counts, wait)
        if self._failure == "removed":
            self._arena.wait_seen(seen + 1)
            shutil.rmtree(self._arena.journal, ignore_errors=True)
        return calls


@pytest.mark.parametrize(("failure", "store"), CASES, ids=lambda value: value)
def test_no_more_is_billed_than_the_budget(arena: Arena, failure: str, store: str) -> None:
    with limits_in(store) as env:
        failing = Failing(arena, failure, env)
        for _ in range(ROUNDS):
            if failure != "killed":
                failing.exactly()
                failing.overdrawn()
            failing.with_kill()
