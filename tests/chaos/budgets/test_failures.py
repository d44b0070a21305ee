"""Budgets while servers are killed, journals are full or removed, and databases stop: no provider bills more than one
allows, and keys without one notice nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from django.db import connection

from tests.chaos.arena import ENDLESS, Arena
from tests.chaos.budgets.money import billed, budget, quiet, spent_and_drawn, window
from tests.chaos.driver import Driver
from tests.harness.configure import make_key
from tests.harness.patience import until
from usage.budgets.models import BudgetBlock
from usage.models import AttemptLog, Outcome, RequestLog
from usage.money import to_pico

STREAMS = 50
QUICK = 1.0
"""Seconds in which a request is answered that nothing holds up, on a busy machine."""


@pytest.fixture
def unlimited(arena: Arena) -> Iterator[Driver]:
    """Clients with a key without a budget."""
    driver = Driver(make_key().secret)
    try:
        yield driver
    finally:
        driver.close()


class TestAWorkerIsKilled:
    def test_what_its_streams_had_reserved_counts_as_spent_and_the_rest_comes_back(self, arena: Arena) -> None:
        budget(50)
        server, other = arena.serve(), arena.serve()
        arena.driver.port = server.port
        running = arena.driver.send(arena.plan("claude", act=ENDLESS) for _ in range(STREAMS))
        arena.driver.wait(running, until="speaking")
        _, drawn = spent_and_drawn()
        assert drawn > 0
        arena.killed.append(server.kill())
        arena.driver.port = other.port
        quiet(STREAMS)
        attempts = list(AttemptLog.objects.filter(outcome=Outcome.INTERRUPTED))
        assert len(attempts) == STREAMS
        assert all(attempt.estimated and attempt.cost for attempt in attempts)
        spent, _ = spent_and_drawn()
        assert billed(arena) <= spent <= drawn
        # The key goes on with what is left.
        (call,) = arena.driver.send([arena.plan()])
        arena.driver.wait([call])
        assert call.finished


class TestTheJournal:
    def test_is_full_and_a_server_that_stops_in_order_gives_everything_back(self, arena: Arena) -> None:
        budget(50)
        server = arena.serve(JOURNAL_MAX_BYTES="1")
        calls = arena.driver.send(arena.plan("claude") for _ in range(10))
        arena.driver.wait(calls)
        assert all(call.finished for call in calls)
        assert server.stop() == 0
        assert spent_and_drawn() == (billed(arena), 0)
        assert not BudgetBlock.objects.exists()


class TestTheDatabase:
    def test_away_refuses_keys_with_a_hard_budget_and_no_others(self, arena: Arena, unlimited: Driver) -> None:
        budget(50)
        server = arena.serve()
        unlimited.port = server.port
        first = arena.driver.send([arena.plan("claude")])
        arena.driver.wait(first)
        quiet(1)
        with arena.database.away():
            took, others_took = [], []
            for _ in range(4):
                began = time.monotonic()
                (call,) = arena.driver.send([arena.plan("claude")])
                others = unlimited.send(arena.plan("claude") for _ in range(10))
                unlimited.wait(others)
                assert all(other.finished for other in others)
                others_took.append(max((other.ended or 0.0) - other.began for other in others))
                arena.driver.wait([call])
                assert call.status == 429, call
                assert b"cannot read the budgets" in call.text
                took.append(time.monotonic() - began)
            # What waits for the database waits for it each time; a busy machine is not always slow.
            assert min(others_took) < QUICK, f"keys without a budget waited {others_took}"
            assert min(took) < 4.0, took
        connection.close()
        until(lambda: _served(arena), "to be served again")

    def test_away_serves_all_where_the_setting_says_so(self, arena: Arena) -> None:
        budget(50)
        arena.serve(UNREADABLE_BUDGETS="serve")
        with arena.database.away():
            calls = arena.driver.send([arena.plan("claude")])
            arena.driver.wait(calls)
            assert calls[0].finished
        connection.close()
        until(lambda: RequestLog.objects.count() == 1, "the row")
        # The row counts all the same as soon as there is a window.
        assert _served(arena)
        until(lambda: to_pico(window().spent) == billed(arena), "both to count")


def _served(arena: Arena) -> bool:
    (call,) = arena.driver.send([arena.plan("claude")])
    arena.driver.wait([call])
    return call.finished
