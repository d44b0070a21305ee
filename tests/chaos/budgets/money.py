"""What providers bill, and what the window of the one budget of an arena says: for the tests of budgets in it."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from django.db.models import Sum

from access.models import Budget, ClientKey
from tests.chaos.arena import Arena
from tests.harness.patience import until
from usage.budgets.models import BudgetBlock, BudgetWindow
from usage.models import AttemptLog, RequestLog
from usage.money import to_dollars, to_pico

CHARACTERS_PER_TOKEN = 4


def budget(dollars: Decimal | int) -> Budget:
    """A budget of the driver's key. Servers that start afterwards know it."""
    return Budget.objects.create(key=ClientKey.objects.earliest("id"), amount=dollars)


def billed(arena: Arena) -> int:
    """What the providers bill for all that they were sent, in pico-dollars: what they counted, or else sent."""
    total = 0
    for sighting in arena.ledger():
        counts = sighting.reported()
        output = max(counts.output or 0, -(-sighting.characters // CHARACTERS_PER_TOKEN))
        known = msgspec.structs.replace(counts, input=counts.input or 0, output=output)
        total += arena.prices[sighting.place].cost(known) or 0
    return total


def window() -> BudgetWindow:
    (row,) = BudgetWindow.objects.all()
    return row


def spent_and_drawn() -> tuple[int, int]:
    # In one statement, since workers go on to give back.
    (row,) = BudgetWindow.objects.annotate(held=Sum("blocks__amount"))
    assert row.drawn == (row.held or to_dollars(0)), "what is drawn is not the sum of the blocks"
    return to_pico(row.spent), to_pico(row.drawn)


def is_sum_of_rows() -> bool:
    """Whether the window has spent what the rows of its key cost."""
    rows = AttemptLog.objects.aggregate(total=Sum("cost"))["total"] or to_dollars(0)
    return bool(window().spent == rows)


def quiet(requests: int) -> None:
    """Until so many requests have rows, and nothing is drawn."""
    until(lambda: RequestLog.objects.count() >= requests, lambda: f"{RequestLog.objects.count()} rows of {requests}")
    until(lambda: not window().drawn, lambda: f"{list(BudgetBlock.objects.values())}")
    assert is_sum_of_rows(), "a window is not the sum of its rows"
