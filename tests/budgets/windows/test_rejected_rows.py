"""A request whose row the database rejects has cost its money all the same, once, and what was reserved is not held."""

from __future__ import annotations

from typing import Any

import pytest

from access.models import ClientKey, Team
from tests.budgets.made import CENT, WORKER, block, bound, budget, finished, key_of, person, write
from tests.usage.dated import day
from usage.budgets import checking, windows
from usage.budgets.models import BudgetBlock, BudgetWindow
from usage.journal.records import Finished
from usage.models import RequestLog, SetAside
from usage.money import to_dollars, to_pico

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NOON = "2026-03-10 12:00"
NO_STATUS = -1
"""A number that the column of the status does not take."""
COST, RESERVED = 4 * CENT, 10 * CENT


@pytest.fixture
def key() -> ClientKey:
    return key_of(Team.objects.create(name="Blue"), "laptop", person("ada"))


def opened(key: ClientKey) -> int:
    """The window of the key's only budget."""
    budget(key=key)
    (made,) = windows.ensure(bound(key), day(NOON).timestamp())
    return made.id


def sums(window: int) -> tuple[int, int]:
    row = BudgetWindow.objects.get(pk=window)
    return to_pico(row.spent), to_pico(row.drawn)


def held() -> int:
    return to_pico(sum((block.amount for block in BudgetBlock.objects.all()), to_dollars(0)))


def rejected(key: ClientKey, window: int, **fields: Any) -> Finished:
    return finished(
        NOON,
        COST,
        reserved=RESERVED,
        drawn_from=[window],
        key_id=key.pk,
        team_id=key.team_id,
        http_status=NO_STATUS,
        **fields,
    )


def accepted(one: Finished) -> Finished:
    one[0].http_status = 200
    return one


def test_it_counts_as_it_says_and_what_it_reserved_is_free(key: ClientKey) -> None:
    window = opened(key)
    block(window, RESERVED)
    write(rejected(key, window))
    assert not RequestLog.objects.exists()
    assert sums(window) == (COST, 0)
    assert held() == 0
    assert not list(checking.differences())


def test_set_aside_a_second_time_it_counts_once(key: ClientKey) -> None:
    window = opened(key)
    block(window, 2 * RESERVED)
    one = rejected(key, window)
    write(one)
    write(one)
    assert SetAside.objects.count() == 1
    assert sums(window) == (COST, RESERVED)


def test_stored_later_it_is_a_row_that_counts_once(key: ClientKey) -> None:
    window = opened(key)
    block(window, 2 * RESERVED)
    other = finished(NOON, COST, reserved=RESERVED, drawn_from=[window], key_id=key.pk)
    one = rejected(key, window)
    write(one)
    write(accepted(one), other)
    assert RequestLog.objects.count() == 2
    assert not SetAside.objects.exists()
    assert sums(window) == (2 * COST, 0)
    assert not list(checking.differences())


def test_a_window_that_was_made_since_counts_it_with_its_row(key: ClientKey) -> None:
    first = opened(key)
    one = rejected(key, first)
    write(one)
    budget(team=key.team)
    second = windows.ensure(bound(key), day(NOON).timestamp())
    (later,) = (window.id for window in second if window.id != first)
    write(accepted(one))
    assert (sums(first)[0], sums(later)[0]) == (COST, COST)
    assert not list(checking.differences())


def test_deleting_what_was_set_aside_takes_no_money_back(key: ClientKey) -> None:
    window = opened(key)
    write(rejected(key, window))
    SetAside.objects.all().delete()
    assert sums(window) == (COST, 0)
    assert not list(checking.differences())


def test_what_cannot_be_counted_is_set_aside_all_the_same(key: ClientKey) -> None:
    window = opened(key)
    block(window, RESERVED, WORKER)
    one = rejected(key, window)
    one[0].owner_id = 2**70
    write(one)
    assert SetAside.objects.count() == 1
    assert not list(checking.differences())
