"""Windows that are made of another definition are locked in the order of their ids, as those are that are drawn of."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from django.db import connection, transaction

from access.allowances.budgets import BudgetRecord
from access.allowances.models import Budget
from access.models import Team
from tests.budgets.made import bound, budget, key_of
from tests.harness.patience import SOON, until
from tests.usage.dated import day
from usage.budgets import bank, windows
from usage.budgets.models import BudgetWindow

NOON = "2026-03-10 12:00"


def _waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted")
        return cursor.fetchone() is not None


def _ensure(budgets: list[BudgetRecord]) -> list[int]:
    with closing(connection):
        return [window.id for window in windows.ensure(budgets, day(NOON).timestamp())]


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_who_draws_of_the_first_can_go_on_to_the_second() -> None:
    key = key_of(Team.objects.create(name="Blue"), "laptop")
    budget(key=key)
    budget(team=key.team)
    first, second = sorted(_ensure(list(bound(key))))
    Budget.objects.update(model_names="m")
    changed = sorted(bound(key), key=lambda one: -BudgetWindow.objects.get(budget_id=one.id).pk)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert bank.locked_ids([first]) == [first]
            ensured = pool.submit(_ensure, changed)
            until(_waits)
            assert bank.locked_ids([second]) == [second]
        assert ensured.result(SOON) == [second, first]
    assert set(BudgetWindow.objects.values_list("model_names", flat=True)) == {"m"}
