"""The windows of the present are made ahead, by one worker."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from access.models import Budget, Membership, Team
from tests.budgets.made import CENT, finished, key_of, person, write
from tests.harness.patience import PATIENCE
from usage.budgets import locks
from usage.budgets.models import BudgetWindow
from usage.budgets.opening import open_windows
from usage.money import to_dollars

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def team() -> Team:
    return Team.objects.create(name="Blue", time_zone="Europe/Berlin")


def budget(amount: int = 3, **fields: Any) -> Budget:
    long_ago = timezone.now() - timedelta(days=400)
    return Budget.objects.create(**{"amount": amount, "created_at": long_ago, **fields})


class TestOpening:
    def test_a_budget_that_only_warns_has_a_window_with_what_was_spent(self, team: Team) -> None:
        write(finished(timezone.now(), CENT, team_id=team.pk))
        budget(team=team, hard=False), budget(team=team, period="day", enabled=False)
        assert open_windows() == 1
        assert BudgetWindow.objects.get().spent == to_dollars(CENT)
        assert open_windows() == 0

    def test_members_without_keys_have_none(self, team: Team) -> None:
        budget(members_of=team)
        mia, ben = person("mia"), person("ben")
        key_of(team, "a", mia), key_of(team, "b", mia)
        Membership.objects.create(team=team, user=ben)
        key_of(Team.objects.create(name="Red"), "c", ben)
        assert open_windows() == 1
        assert BudgetWindow.objects.get().subject == mia.pk

    @pytest.mark.django_db(transaction=True)
    def test_one_worker_at_a_time_makes_them(self, team: Team) -> None:
        # SQLite has one writer, whoever it is.
        several = connection.vendor == "postgresql"
        budget(team=team)
        holds, ends = threading.Event(), threading.Event()

        def another_worker() -> None:
            with transaction.atomic():
                assert locks.try_for_opening()
                holds.set()
                ends.wait(PATIENCE)
            connection.close()

        thread = threading.Thread(target=another_worker)
        if several:
            thread.start()
            holds.wait(PATIENCE)
        opened = open_windows(unless_another=True)
        ends.set()
        if several:
            thread.join()
        assert opened == (0 if several else 1)
        assert open_windows(unless_another=True) == 1 - opened
