"""`check_budgets --repair` while the gateway runs: nobody waits while rows are added up, and nothing counts twice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from access.models import Team
from tests.budgets.made import CENT, block, bound, budget, key_of, row
from tests.harness.patience import PATIENCE
from tests.usage.dated import day
from usage.budgets import checking, windows
from usage.budgets.models import BudgetBlock, BudgetWindow
from usage.money import to_dollars, to_pico

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

NOON = "2026-03-10T12:00:00"


def elsewhere(work: Callable[[], Any]) -> None:
    """Another process does it meanwhile."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(run).result(PATIENCE)


@pytest.fixture
def wrong() -> int:
    """A window that lacks a cent of what its rows have cost, and has five that nobody has drawn."""
    team = Team.objects.create(name="Blue")
    budget(team=team)
    (window,) = windows.ensure(bound(key_of(team, "ci")), day(NOON).timestamp())
    row(NOON, 3 * CENT, team_id=team.pk)
    block(window.id, 7 * CENT)
    BudgetWindow.objects.update(spent=to_dollars(2 * CENT), drawn=to_dollars(12 * CENT))
    return window.id


def sums(window: int) -> tuple[int, int]:
    found = BudgetWindow.objects.get(pk=window)
    return to_pico(found.spent), to_pico(found.drawn)


def meanwhile(monkeypatch: pytest.MonkeyPatch, work: Callable[[], Any]) -> None:
    """Something happens after the rows were first added up, and before the window is corrected."""
    add_up, done = windows.spent_by_rows, list[bool]()

    def spent_by_rows(window: BudgetWindow) -> int:
        spent = add_up(window)
        if not done:
            done.append(True)
            elsewhere(work)
        return spent

    monkeypatch.setattr(windows, "spent_by_rows", spent_by_rows)


def test_rows_and_draws_of_meanwhile_count_once(wrong: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def work() -> None:
        team = Team.objects.get()
        row(NOON, 16 * CENT, team_id=team.pk, reserved=2 * CENT, drawn_from=[wrong])

    meanwhile(monkeypatch, work)
    assert len(list(checking.differences(repair=True))) == 1
    assert sums(wrong) == (19 * CENT, 5 * CENT)
    assert to_pico(BudgetBlock.objects.get().amount) == 5 * CENT
    assert not list(checking.differences())


def test_of_two_that_repair_one_does(wrong: int, monkeypatch: pytest.MonkeyPatch) -> None:
    meanwhile(monkeypatch, lambda: list(checking.differences(repair=True)))
    assert list(checking.differences(repair=True)) == []
    assert sums(wrong) == (3 * CENT, 7 * CENT)
