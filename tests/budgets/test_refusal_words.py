"""What a caller reads whose budget is used up: which models count, and whom to ask."""

from __future__ import annotations

import pytest

from access.allowances.budgets import BudgetRecord
from streaming.budgets import refusals
from streaming.budgets.purse import Purse
from usage.budgets.bank import Facts
from usage.budgets.periods import NEVER
from usage.money import PICO


def _words(whom: str, label: str, models: str = "") -> str:
    budget = BudgetRecord(
        id=1, whom=whom, label=label, amount=50 * PICO, period="total", zone="UTC", counts_from=0, models=models
    )
    refused = refusals.used_up(Purse(budget, 1, 0.0, NEVER, Facts(50 * PICO, 49 * PICO, PICO)), PICO // 4)
    return refused.message


@pytest.mark.parametrize(
    ("whom", "asks"),
    [
        ("user", "ask for more at /my/ of this gateway: its owners and administrators decide."),
        ("member", "ask for more at /my/ of this gateway: a lead of your team or an administrator decides."),
        # These bind service keys, too.
        ("key", "ask a lead of your team or an administrator of this gateway (if you have an account, at its /my/)."),
        ("team", "ask a lead of your team or an administrator of this gateway (if you have an account, at its /my/)."),
    ],
)
def test_it_names_who_decides(whom: str, asks: str) -> None:
    assert _words(whom, "of mia") == (
        "The budget of mia of $50.00 in total has not enough left for this request, which reserves $0.25: "
        "$50.00 are spent or reserved. "
        f"It resets: never. To go on earlier, {asks}"
    )


def test_it_names_the_models_that_count() -> None:
    words = _words("team", "of team Blue", models="claude-opus-*\nclaude-fable-5")
    assert words.startswith(
        "The budget of team Blue for the models claude-opus-*, claude-fable-5 of $50.00 in total has not enough"
    )
