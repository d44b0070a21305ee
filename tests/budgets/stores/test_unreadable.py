"""Answers under way while nobody can take money of their budget, and models without a price, as settings say."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import transaction
from django.db.models import F

from providers.pricing.prices import Price
from streaming.budgets.teller import PATIENCE
from tests.budgets.spending import Spending, answering, cents_for, cost, refused, reserved, settled
from tests.harness.call import Answer, Client
from tests.harness.configure import Key
from tests.harness.gateway import Gateway
from tests.harness.patience import at_best
from tests.harness.rows import Rows
from tests.harness.script import Gate, Reply
from tests.harness.upstream import Upstream
from usage.budgets.models import BudgetWindow

pytestmark = pytest.mark.both_databases

SLICE = 1_000
OUTPUT = 2_500
"""Two slices more than the first."""
EACH = 20
PIECES = SLICE // EACH
"""After so many the second slice was asked for."""
AT_ONCE = PATIENCE * 0.8
"""Seconds in which a piece arrives that waits for no lock."""


@pytest.fixture(scope="module")
def servers(live_database: None, upstream: Upstream) -> Iterator[dict[str, Gateway]]:
    """One that refuses what its budgets may not cover, and one that serves it."""
    started = {
        name: Gateway(
            name, env={"BUDGET_SLICE_TOKENS": str(SLICE), "UNREADABLE_BUDGETS": name, "UNPRICED_MODELS": name}
        )
        for name in ("refuse", "serve")
    }
    try:
        yield {name: server.start() for name, server in started.items()}
    finally:
        for server in started.values():
            server.stop()


@contextmanager
def locked(key: Key) -> Iterator[None]:
    """Nobody gets the lock of the key's window."""
    with transaction.atomic():
        assert BudgetWindow.objects.filter(key_id=key.row.pk).update(spent=F("spent")) == 1
        yield


class UnderWay:
    """An answer to a key of its own, whose budget is locked from its first piece on until it ends."""

    def __init__(self, server: Gateway, upstream: Upstream) -> None:
        self.spending = Spending(upstream, [server])
        self.gate = Gate()
        self.made = self.spending.script(lambda prompt: self.spending.body(prompt, 2 * OUTPUT), self._replies)
        # Less than what workers draw in advance of.
        self.key = self.spending.key(cents_for(5 * reserved(self.made.tokens, SLICE)))
        self.spending.ready()

    def _replies(self, tokens: int) -> list[Reply]:
        steps = list(answering(tokens, OUTPUT, pause=0.005, each=EACH).steps)
        # Two events begin it, and each piece is followed by a pause.
        return [Reply([*steps[: 2 + 2 * PIECES], self.gate, *steps[2 + 2 * PIECES :]]), answering(tokens, 10)]

    def run(self) -> tuple[Answer, float]:
        """The answer, and the seconds until the first piece came after the second slice was asked for."""
        with Client(self.spending.servers[0].base_url, self.key.secret).reading(self.made.body) as reading:
            reading.until(b"text_delta")
            with locked(self.key):
                reading.until(lambda data: data.count(b"text_delta") >= PIECES or b"message_stop" in data)
                began = time.monotonic()
                self.gate.open()
                reading.until(lambda data: data.count(b"text_delta") > PIECES or b"message_stop" in data)
                waited = time.monotonic() - began
                return reading.finish(), waited

    def goes_on(self) -> int:
        """What is spent in the end: nobody knows that the budget has no money, so that the next request is served."""
        assert self.spending.send({**self.made.body, "max_tokens": 10}, self.key).status == 200
        spent, drawn = settled(2, key_id=self.key.row.pk)
        assert drawn == 0
        return spent


def test_an_answer_that_is_served_waits_once_a_slice(
    servers: dict[str, Gateway], upstream: Upstream, orm: Rows
) -> None:
    def waits() -> float:
        under_way = UnderWay(servers["serve"], upstream)
        answer, waited = under_way.run()
        assert answer.stream().stop_reason == "end_turn"
        assert "budget_reached" not in (orm.request(answer.request_id).fidelity or [])
        assert under_way.goes_on() == cost(under_way.made.tokens, OUTPUT) + cost(under_way.made.tokens, 10)
        return waited

    at_best(AT_ONCE, waits)


def test_an_answer_that_is_not_served_ends_as_if_it_had_reached_its_limit(
    servers: dict[str, Gateway], upstream: Upstream, orm: Rows
) -> None:
    under_way = UnderWay(servers["refuse"], upstream)
    answer, _ = under_way.run()
    assert answer.stream().stop_reason == "max_tokens"
    assert "budget_reached" in (orm.request(answer.request_id).fidelity or [])
    assert under_way.goes_on() > 0


def test_a_request_whose_budget_is_locked_is_refused_and_no_other(
    servers: dict[str, Gateway], upstream: Upstream, orm: Rows
) -> None:
    spending = Spending(upstream, [servers["refuse"]])
    made = spending.script(lambda prompt: spending.body(prompt, 10), lambda tokens: [answering(tokens, 10)])
    # Less than what workers draw in advance of.
    key, unlimited = spending.key(cents_for(5 * reserved(made.tokens, 10))), spending.key()
    spending.ready()
    assert spending.send(made.body, key).status == 200
    assert settled(1, key_id=key.row.pk) == (cost(made.tokens, 10), 0)
    with locked(key):
        answer = spending.send(made.body, key)
        assert refused(answer)
        assert "cannot read the budgets" in answer.json["error"]["message"]
        assert answer.headers["anthropic-ratelimit-unified-overage-disabled-reason"] == "fetch_error"
        assert spending.send(made.body, unlimited).status == 200
    assert spending.send(made.body, key).status == 200
    assert settled(3, key_id=key.row.pk) == (2 * cost(made.tokens, 10), 0)


def test_a_model_without_a_price_costs_nothing_where_it_is_served(
    servers: dict[str, Gateway], upstream: Upstream, orm: Rows
) -> None:
    spending = Spending(upstream, [servers["serve"], servers["refuse"]])
    made = spending.script(lambda prompt: spending.body(prompt, 10), lambda tokens: [answering(tokens, 10)])
    Price.objects.filter(model=spending.model).delete()
    key = spending.key(1)
    spending.ready()
    answer = spending.send(made.body, key)
    assert answer.stream().stop_reason == "end_turn"
    row = orm.request(answer.request_id)
    assert (row.outcome, row.output_tokens, row.cost) == ("completed", 10, None)
    assert spending.send(made.body, key, 1).status == 403
    assert len(made.script.seen) == 1
    assert sum(window.spent + window.drawn for window in BudgetWindow.objects.filter(key_id=key.row.pk)) == 0
