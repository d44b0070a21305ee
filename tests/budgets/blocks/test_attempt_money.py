"""What an attempt returns of its reservation while it runs: never what its answer can still cost."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from providers.events import Tokens
from streaming.budgets.estimate import Estimate
from streaming.budgets.request import AttemptMoney
from tests.budgets.blocks.test_purse import PRICES, attempt, needed, purse


class Owner:
    """Notes what is returned."""

    def __init__(self) -> None:
        self.returned = 0

    def begun(self) -> None:
        """Nothing is noted of that."""

    def shrunk(self, money: AttemptMoney) -> None:
        self.returned += money.excess
        money.excess = 0


def _money(owner: Any, estimate: Estimate) -> AttemptMoney:
    money = AttemptMoney(owner, [purse(1)], estimate, PRICES)
    money.begin(attempt())
    return money


def test_an_answer_that_is_not_looked_at_keeps_what_all_of_it_can_cost() -> None:
    owner, whole = Owner(), 400
    money = _money(owner, needed(fixed=5_000, most=whole))
    progress = SimpleNamespace(tokens=Tokens(input=10, output=1), new_chars=4)
    assert money.covers(progress)
    # It cost a hundredth of what was reserved for it, and so everything is paid for.
    assert money.quiet_for is progress.tokens
    money.shrink()
    assert owner.returned > 0
    assert money.amount == 10 * 1 + whole * 3


def test_much_that_was_written_meanwhile_is_no_large_piece() -> None:
    money = _money(Owner(), needed(fixed=5_000, most=1_000))
    assert money.covers(SimpleNamespace(tokens=Tokens(input=10, output=1), new_chars=4))
    # The provider counts its prompt anew in the middle: now it has to be looked at.
    assert money.covers(SimpleNamespace(tokens=Tokens(input=4_000, output=1), new_chars=1_200))
    assert money.covers(SimpleNamespace(tokens=Tokens(input=4_000, output=2), new_chars=1_204))
