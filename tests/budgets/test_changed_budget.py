"""A budget that nobody has spent of may change its period: requests are bound by the new window at once."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import transaction

from access.allowances.models import Budget
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import make_key, make_model, make_provider, make_route
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.upstream import Upstream
from usage.budgets.models import BudgetWindow


@pytest.mark.both_databases
@pytest.mark.usefixtures("orm")
def test_another_period_binds_the_next_request(client: Client, gateway: Gateway, upstream: Upstream) -> None:
    route = make_route([make_model(make_provider("openai_chat", f"{upstream.base_url}/p/v1"))])
    key = make_key()
    budget = Budget.objects.create(key=key.row, amount=Decimal(5), period="month")
    gateway.wait_snapshot()
    mine = client.with_key(key.secret)
    assert mine.post(message(route.name, upstream.script(speak.refusal("openai_chat", 400, "no")).prompt)).status == 400
    windows = BudgetWindow.objects.filter(key_id=key.row.pk)
    until(lambda: all(window.drawn == 0 for window in windows.all()), "the money that nobody used")
    budget.period = "week"
    budget.save()
    gateway.wait_snapshot()
    script = upstream.script(speak.answer("openai_chat"))
    assert mine.post(message(route.name, script.prompt)).status == 200
    until(lambda: windows.get().spent > 0, "what the answer cost, in the one new window")


@pytest.mark.both_databases
@pytest.mark.usefixtures("orm")
def test_a_change_that_was_taken_back_at_once_refuses_nobody(
    client: Client, gateway: Gateway, upstream: Upstream
) -> None:
    route = make_route([make_model(make_provider("openai_chat", f"{upstream.base_url}/p/v1"))])
    key = make_key()
    budget = Budget.objects.create(key=key.row, amount=Decimal(5), period="month")
    gateway.wait_snapshot()
    mine = client.with_key(key.secret)
    assert mine.post(message(route.name, upstream.script(speak.refusal("openai_chat", 400, "no")).prompt)).status == 400
    windows = BudgetWindow.objects.filter(key_id=key.row.pk)
    until(lambda: all(window.drawn == 0 for window in windows.all()), "the money that nobody used")
    with transaction.atomic():
        # Workers see the second definition alone, which is the first one, but its window is removed.
        for period in ("week", "month"):
            budget.period = period
            budget.save()
    gateway.wait_snapshot()
    script = upstream.script(speak.answer("openai_chat"))
    assert mine.post(message(route.name, script.prompt)).status == 200
    until(lambda: windows.get().spent > 0, "what the answer cost, in the one new window")
