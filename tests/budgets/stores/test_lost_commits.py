"""The answer to a COMMIT is lost: the block that was drawn is drawn once, and none of it stays drawn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.budgets.spending import Spending, answering, cents_for, cost, reserved, settled
from tests.budgets.stores.postgresql_relay import PostgreSQLRelay
from tests.harness.database import KIND, live_url
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream
from usage.budgets.models import BudgetWindow

pytestmark = pytest.mark.both_databases

OUTPUT = 100
DRAW = 'INSERT INTO "usage_budgetblock"'


@pytest.fixture(scope="module")
def relay() -> Iterator[PostgreSQLRelay | None]:
    """None on SQLite, which commits in the worker."""
    if KIND == "sqlite":
        yield None
        return
    with PostgreSQLRelay(live_url()) as relay:
        yield relay


@pytest.fixture(scope="module")
def server(live_database: None, upstream: Upstream, relay: PostgreSQLRelay | None) -> Iterator[Gateway]:
    started = Gateway("lost-commits", env={} if relay is None else {"DATABASE_URL": relay.url})
    try:
        yield started.start()
    finally:
        started.stop()


def test_the_request_is_served_and_its_block_was_drawn_once(
    server: Gateway, relay: PostgreSQLRelay | None, upstream: Upstream, orm: Rows
) -> None:
    spending = Spending(upstream, [server])
    made = spending.script(lambda prompt: spending.body(prompt, OUTPUT), lambda tokens: [answering(tokens, OUTPUT)])
    key = spending.key(cents_for(3 * reserved(made.tokens, OUTPUT)))
    spending.ready()
    if relay is not None:
        relay.lose_commit_of(DRAW)
    assert spending.send(made.body, key).status == 200
    assert relay is None or relay.lost.is_set()
    assert settled(1, key_id=key.row.pk) == (cost(made.tokens, OUTPUT), 0)


def test_what_a_draw_took_that_nobody_waits_for_any_more_goes_back(
    server: Gateway, relay: PostgreSQLRelay | None, upstream: Upstream, orm: Rows
) -> None:
    spending = Spending(upstream, [server])
    made = spending.script(lambda prompt: spending.body(prompt, OUTPUT), lambda tokens: [answering(tokens, OUTPUT)] * 2)
    key = spending.key(cents_for(3 * reserved(made.tokens, OUTPUT)))
    spending.ready()
    if relay is not None:
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
    rows = 1 if relay is None else 2
    assert settled(rows, key_id=key.row.pk) == (cost(made.tokens, OUTPUT), 0)
