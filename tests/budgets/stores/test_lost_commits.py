"""The answer to a COMMIT is lost: what is drawn and what goes back is so once, and nothing stays drawn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.budgets.spending import Spending, answering, cents_for, cost, reserved, settled
from tests.budgets.stores.postgresql_relay import PostgreSQLRelay
from tests.harness.database import KIND, live_url
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.script import Gate, Reply
from tests.harness.upstream import Upstream
from usage.budgets.models import BudgetBlock, BudgetWindow
from usage.money import to_pico

pytestmark = [
    pytest.mark.both_databases,
    pytest.mark.skipif(KIND != "postgresql", reason="SQLite commits in the worker"),
]

OUTPUT, FEW = 100, 10
DRAW = 'INSERT INTO "usage_budgetblock"'
RETURN = 'UPDATE "usage_budgetblock" SET amount = amount - '


@pytest.fixture(scope="module")
def relay() -> Iterator[PostgreSQLRelay]:
    with PostgreSQLRelay(live_url()) as relay:
        yield relay


@pytest.fixture(scope="module")
def server(live_database: None, upstream: Upstream, relay: PostgreSQLRelay) -> Iterator[Gateway]:
    started = Gateway("lost-commits", env={"DATABASE_URL": relay.url})
    try:
        yield started.start()
    finally:
        started.stop()


def test_the_request_is_served_and_its_block_was_drawn_once(
    server: Gateway, relay: PostgreSQLRelay, upstream: Upstream, orm: Rows
) -> None:
    spending = Spending(upstream, [server])
    made = spending.script(lambda prompt: spending.body(prompt, OUTPUT), lambda tokens: [answering(tokens, OUTPUT)])
    key = spending.key(cents_for(3 * reserved(made.tokens, OUTPUT)))
    spending.ready()
    relay.lose_commit_of(DRAW)
    assert spending.send(made.body, key).status == 200
    assert relay.lost.is_set()
    assert settled(1, key_id=key.row.pk) == (cost(made.tokens, OUTPUT), 0)


def test_what_a_draw_took_that_nobody_waits_for_any_more_goes_back(
    server: Gateway, relay: PostgreSQLRelay, upstream: Upstream, orm: Rows
) -> None:
    spending = Spending(upstream, [server])
    made = spending.script(lambda prompt: spending.body(prompt, OUTPUT), lambda tokens: [answering(tokens, OUTPUT)] * 2)
    key = spending.key(cents_for(3 * reserved(made.tokens, OUTPUT)))
    spending.ready()
    relay.lose_commit_of(DRAW, then_refuse=True)
    try:
        # It cannot draw again, and does not know whether it has drawn.
        assert spending.send(made.body, key).status == 429
    finally:
        relay.refusing.clear()
    assert relay.lost.is_set()
    windows = BudgetWindow.objects.filter(key_id=key.row.pk)
    until(lambda: not windows.exclude(drawn=0).exists(), "what it had drawn")
    assert spending.send(made.body, key).status == 200
    assert settled(2, key_id=key.row.pk) == (cost(made.tokens, OUTPUT), 0)


def test_what_another_request_holds_stays_drawn_where_that_is_lost_too(
    server: Gateway, relay: PostgreSQLRelay, upstream: Upstream, orm: Rows
) -> None:
    spending, gate = Spending(upstream, [server]), Gate()
    held = spending.script(
        lambda prompt: spending.body(prompt, OUTPUT),
        lambda tokens: [Reply(answering(tokens, OUTPUT).steps, before=[gate])],
    )
    made = spending.script(lambda prompt: spending.body(prompt, OUTPUT), lambda tokens: [answering(tokens, FEW)])
    key = spending.key(cents_for(5 * reserved(made.tokens, OUTPUT)))
    spending.ready()
    (holding,) = spending.sending(held.body, key, 1)
    held.script.wait()
    relay.lose_commit_of(DRAW, then_refuse=True)
    try:
        assert spending.send(made.body, key).status == 429
        relay.lose_commit_of(RETURN)
    finally:
        relay.refusing.clear()
    until(relay.lost.is_set, "the draw is undone")
    assert spending.send({**made.body, "max_tokens": FEW}, key).status == 200
    blocks = BudgetBlock.objects.filter(window__key_id=key.row.pk)
    until(
        lambda: sum(to_pico(block.amount) for block in blocks.all()) == reserved(held.tokens, OUTPUT), "what it holds"
    )
    gate.open()
    assert holding.result().status == 200
    assert settled(3, key_id=key.row.pk) == (cost(made.tokens, FEW) + cost(held.tokens, OUTPUT), 0)


@pytest.mark.parametrize("committed", [True, False])
def test_what_went_back_or_not_can_be_drawn_again(
    server: Gateway, relay: PostgreSQLRelay, upstream: Upstream, orm: Rows, committed: bool
) -> None:
    spending = Spending(upstream, [server])
    made = spending.script(lambda prompt: spending.body(prompt, OUTPUT), lambda tokens: [answering(tokens, OUTPUT)] * 2)
    key = spending.key(cents_for(3 * reserved(made.tokens, OUTPUT)))
    spending.ready()
    relay.lose_commit_of(RETURN, then_refuse=True, committed=committed)
    try:
        assert spending.send(made.body, key).status == 200
        until(relay.lost.is_set, "what it did not need goes back")
    finally:
        relay.refusing.clear()
    assert settled(1, key_id=key.row.pk) == (cost(made.tokens, OUTPUT), 0)
    assert spending.send(made.body, key).status == 200
    assert settled(2, key_id=key.row.pk) == (2 * cost(made.tokens, OUTPUT), 0)
