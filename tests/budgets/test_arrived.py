"""What a provider sent while the next slice waited for money of others is in the answer that is ended, and counts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.budgets.spending import Spending, answering, cents_for, cost, reserved, settled
from tests.harness.gateway import Gateway
from tests.harness.patience import TRIES, until
from tests.harness.rows import Rows
from tests.harness.script import HANG, Gate, Reply, Wait
from tests.harness.upstream import Upstream
from usage.budgets.models import BudgetMark

pytestmark = pytest.mark.both_databases

SLICE = 1_000
EACH = 20
PIECES = SLICE // EACH
ASKS = PIECES - SLICE // 10 // EACH
"""After so many the next slice is asked for, at the latest."""


@pytest.fixture(scope="module")
def server(live_database: None, upstream: Upstream) -> Iterator[Gateway]:
    started = Gateway("arrived", env={"BUDGET_SLICE_TOKENS": str(SLICE)})
    try:
        yield started.start()
    finally:
        started.stop()


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
def test_what_arrived_meanwhile_is_passed_on_and_counts(
    server: Gateway, upstream: Upstream, orm: Rows, stream: bool
) -> None:
    # On a busy machine the provider may send the rest only after the wait for money of others has ended.
    assert any(_has_all(server, upstream, orm, stream) for _ in range(TRIES))


def _has_all(server: Gateway, upstream: Upstream, orm: Rows, stream: bool) -> bool:
    """Whether the answer has all that the provider was to send meanwhile."""
    spending, gate = Spending(upstream, [server]), Gate()
    # Holds what it does not need, so that the other one hopes for it.
    holding = spending.script(
        lambda prompt: spending.body(prompt, SLICE), lambda tokens: [Reply(answering(tokens, 10).steps, before=[gate])]
    )

    def ended(tokens: int) -> list[Reply]:
        steps = list(answering(tokens, SLICE, each=EACH).steps)[:-3]
        return [Reply([*steps[: 2 + ASKS], Wait(0.3), *steps[2 + ASKS :], HANG])]

    made = spending.script(lambda prompt: spending.body(prompt, 10 * SLICE, stream=stream), ended)
    key = spending.key(cents_for(reserved(holding.tokens, SLICE) + reserved(made.tokens, SLICE)))
    spending.ready()
    (held,) = spending.sending(holding.body, key, 1)
    holding.script.wait()
    answer = spending.send(made.body, key)
    row = orm.request(answer.request_id)
    assert (row.stop_reason, row.estimated) == ("max_tokens", True)
    assert row.output_tokens is not None
    assert "budget_reached" in (row.fidelity or [])
    text = answer.stream().text if stream else answer.json["content"][0]["text"]
    assert text.count("abc") == row.output_tokens
    until(lambda: BudgetMark.objects.filter(key_id=key.row.pk).exists(), "the mark")
    gate.open()
    assert held.result().status == 200
    assert settled(2, key_id=key.row.pk) == (cost(made.tokens, row.output_tokens) + cost(holding.tokens, 10), 0)
    return row.output_tokens == SLICE
