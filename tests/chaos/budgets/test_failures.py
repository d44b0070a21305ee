"""Budgets while servers are killed, journals are full or removed, and databases stop: no provider bills more than one
allows, and keys without one notice nothing."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from decimal import Decimal

import msgspec
import pytest
from django.db import connection
from django.db.models import Sum

from access.models import Budget, ClientKey
from tests.chaos import tally
from tests.chaos.arena import ENDLESS, Arena
from tests.chaos.driver import Call, Driver
from tests.chaos.plan import Act
from tests.harness.configure import make_key
from tests.harness.patience import until
from usage.budgets.models import BudgetBlock, BudgetWindow
from usage.models import AttemptLog, Outcome, RequestLog
from usage.money import PICO, to_dollars, to_pico

STREAMS = 50
ROUNDS = 20 if tally.LONG else 2
QUICK = 1.0
"""Seconds in which a request is answered that nothing holds up, on a busy machine."""
_CHARACTERS_PER_TOKEN = 4


def budget(arena: Arena, dollars: float) -> Budget:
    """A budget of the driver's key. Servers that start afterwards know it."""
    return Budget.objects.create(key=ClientKey.objects.earliest("id"), amount=Decimal(str(dollars)))


def billed(arena: Arena) -> int:
    """What the providers bill for all that they were sent, in pico-dollars: what they counted, or else sent."""
    total = 0
    for sighting in arena.ledger():
        counts = sighting.reported()
        output = max(counts.output or 0, -(-sighting.characters // _CHARACTERS_PER_TOKEN))
        known = msgspec.structs.replace(counts, input=counts.input or 0, output=output)
        total += arena.prices[sighting.place].cost(known) or 0
    return total


def window() -> BudgetWindow:
    (row,) = BudgetWindow.objects.all()
    return row


def spent_and_drawn() -> tuple[int, int]:
    row = window()
    held = BudgetBlock.objects.filter(window=row).aggregate(total=Sum("amount"))["total"] or to_dollars(0)
    assert row.drawn == held, "what is drawn is not the sum of the blocks"
    return to_pico(row.spent), to_pico(row.drawn)


def quiet(requests: int) -> None:
    """Until so many requests have rows, and nothing is drawn."""
    until(lambda: RequestLog.objects.count() >= requests, lambda: f"{RequestLog.objects.count()} rows of {requests}")
    until(lambda: not window().drawn, lambda: f"{list(BudgetBlock.objects.values())}")
    rows = AttemptLog.objects.aggregate(total=Sum("cost"))["total"] or to_dollars(0)
    assert window().spent == rows, "a window is not the sum of its rows"


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
        budget(arena, 50)
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

    def test_round_after_round_no_more_is_billed_than_the_budget(self, arena: Arena) -> None:
        made = budget(arena, 0.25)  # three requests of about 8 cents
        cap = int(made.amount * PICO)
        server, other = arena.serve(), arena.serve()
        for turn in range(ROUNDS):
            calls: list[Call] = []
            for port in (server.port, other.port):
                arena.driver.port = port
                act = Act(words=40, pause=0.02, output=40, input=10, cache_read=None)
                calls += arena.driver.send(arena.plan("claude", act=act) for _ in range(STREAMS // 2))
            time.sleep(arena.rng.random())
            arena.killed.append(server.kill())
            arena.driver.wait(calls)
            server.launch()
            server.wait_ready()
            quiet(0)
            assert billed(arena) <= to_pico(window().spent) <= cap, f"round {turn}"
            if turn % 2:
                # A raise of some cents, so that the next rounds serve again.
                made.amount += Decimal("0.25")
                made.save()
                cap = int(made.amount * PICO)
                other.wait_snapshot()
                server.wait_snapshot()


class TestTheJournal:
    def test_is_full_and_what_a_dead_worker_held_stays_spent(self, arena: Arena) -> None:
        made = budget(arena, 50)
        server = arena.serve(JOURNAL_MAX_BYTES="1")
        running = arena.driver.send(arena.plan("claude", act=ENDLESS) for _ in range(10))
        arena.driver.wait(running, until="speaking")
        _, drawn = spent_and_drawn()
        assert BudgetBlock.objects.filter(uncertain=True).exists()
        arena.killed.append(server.kill())
        arena.serve()
        time.sleep(3)
        assert spent_and_drawn() == (0, drawn)
        assert billed(arena) <= drawn <= int(made.amount * PICO)

    def test_is_full_and_a_server_that_stops_in_order_gives_everything_back(self, arena: Arena) -> None:
        budget(arena, 50)
        server = arena.serve(JOURNAL_MAX_BYTES="1")
        calls = arena.driver.send(arena.plan("claude") for _ in range(10))
        arena.driver.wait(calls)
        assert all(call.finished for call in calls)
        assert server.stop() == 0
        assert spent_and_drawn() == (billed(arena), 0)
        assert not BudgetBlock.objects.exists()

    def test_is_removed_and_what_a_dead_worker_held_stays_spent(self, arena: Arena) -> None:
        budget(arena, 50)
        server = arena.serve()
        running = arena.driver.send(arena.plan("claude", act=ENDLESS) for _ in range(10))
        arena.driver.wait(running, until="speaking")
        shutil.rmtree(arena.journal)
        until(lambda: "files of the usage journal disappeared" in server.logs(), "a word about it")
        until(lambda: BudgetBlock.objects.filter(uncertain=True).exists(), "a block that is not certain")
        _, drawn = spent_and_drawn()
        arena.killed.append(server.kill())
        arena.serve()
        until(lambda: RequestLog.objects.count() == 10, "the rows that were written anew")
        spent, left = spent_and_drawn()
        assert spent + left == drawn
        assert billed(arena) <= spent + left


class TestTheDatabase:
    def test_away_refuses_keys_with_a_hard_budget_and_no_others(self, arena: Arena, unlimited: Driver) -> None:
        budget(arena, 50)
        server = arena.serve()
        unlimited.port = server.port
        first = arena.driver.send([arena.plan("claude")])
        arena.driver.wait(first)
        quiet(1)
        with arena.database.away():
            for turn in range(4):
                began = time.monotonic()
                (call,) = arena.driver.send([arena.plan("claude")])
                others = unlimited.send(arena.plan("claude") for _ in range(10))
                unlimited.wait(others)
                assert all(other.finished for other in others)
                slowest = max((other.ended or 0.0) - other.began for other in others)
                assert slowest < QUICK, f"a key without a budget waited {slowest:.2f} s"
                arena.driver.wait([call])
                assert call.status == 429, call
                assert b"cannot read the budgets" in call.text
                assert time.monotonic() - began < 4.0, turn
        connection.close()
        until(lambda: _served(arena), "to be served again")

    def test_away_serves_all_where_the_setting_says_so(self, arena: Arena) -> None:
        budget(arena, 50)
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
