"""A request that fits is not refused because another worker holds money that it does not need: it waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.budgets.spending import Scripted, Spending, answering, reserved
from tests.harness import speak
from tests.harness.configure import Key
from tests.harness.gateway import Gateway
from tests.harness.patience import TRIES, until
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream
from usage.budgets.models import BudgetBlock
from usage.money import to_dollars

pytestmark = pytest.mark.both_databases

DOLLARS = 60
SMALL = 1
"""Tokens of output of the requests that keep another worker busy."""
REFUSAL = speak.refusal("anthropic", 400, "no")
"""It costs nothing."""
MANY = 10_000


@pytest.fixture(scope="module")
def servers(live_database: None, upstream: Upstream) -> Iterator[list[Gateway]]:
    """Two servers on one database."""
    started = [Gateway(f"waiting-{number}") for number in range(2)]
    try:
        yield [server.start() for server in started]
    finally:
        for server in started:
            server.stop()


@contextmanager
def busy(spending: Spending, made: Scripted, key: Key) -> Iterator[None]:
    """The first server answers one small request after the other."""
    ended, statuses = threading.Event(), list[int]()

    def send() -> None:
        while not ended.is_set():
            statuses.append(spending.send(made.body, key, 0).status)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        until(lambda: len(statuses) >= 2 or not thread.is_alive(), "small requests")
        yield
    finally:
        ended.set()
        thread.join()
    assert set(statuses) == {400}


def test_what_a_busy_worker_holds_in_advance_comes_back_within_the_wait(
    servers: list[Gateway], upstream: Upstream, orm: Rows
) -> None:
    spending = Spending(upstream, servers)
    key = spending.key(DOLLARS)
    small = spending.script(lambda prompt: spending.body(prompt, SMALL), lambda _: [REFUSAL] * MANY)
    # All but what some small requests need: less than is left while the other worker holds a fiftieth.
    rest = to_dollars(reserved(small.tokens, SMALL)) * 6
    tokens = int((DOLLARS - rest) / to_dollars(reserved(0, 1))) - small.tokens
    large = spending.script(lambda prompt: spending.body(prompt, tokens), lambda _: [answering(0, 0)])
    spending.ready()
    with busy(spending, small, key):
        held = BudgetBlock.objects.filter(window__key_id=key.row.pk)
        statuses = list[int]()
        # On a busy machine the first server may hear of it too late: it gives back within the wait in one of a few.
        while 200 not in statuses and len(statuses) < TRIES:
            until(lambda: sum(block.amount for block in held.all()) > rest, "what the first server holds in advance")
            statuses.append(spending.send(large.body, key, 1).status)
        assert statuses[-1] == 200
