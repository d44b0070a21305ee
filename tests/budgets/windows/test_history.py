"""What rows, people, keys and teams that are gone have spent stays in its windows."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from access.models import Budget, ClientKey, Team
from tests.budgets.made import CENT, bound, budget, key_of, person, row
from tests.budgets.windows.test_check import NOW, check
from tests.budgets.windows.test_check import team as team
from tests.usage.dated import day
from usage.budgets.models import BudgetBlock, BudgetWindow
from usage.budgets.windows import ensure
from usage.journal import partitions
from usage.money import to_dollars, to_pico

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


class TestPruned:
    """Rows of old months are removed, what they cost stays spent."""

    def _window(self, team: Team) -> BudgetWindow:
        key = key_of(team, "ci")
        budget(key=key, period="total", created="2025-01-01")
        budget(key=key, period="month", created="2025-01-01")
        for moment in ("2025-11-01", "2025-12-31T23:00:00", "2026-01-01", "2026-03-01"):
            ensure(bound(key), day(moment).timestamp())
            row(moment, CENT, key_id=key.pk)
        return BudgetWindow.objects.get(resets_at__year=9999)

    def test_what_is_spent_can_still_be_checked(self, team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(partitions, "this_month", lambda: NOW.date().replace(day=1))
        window = self._window(team)
        assert partitions.prune(2)
        window.refresh_from_db()
        assert (window.spent, window.pruned) == (to_dollars(4 * CENT), to_dollars(2 * CENT))
        assert check() == "All windows are right.\n"
        row("2026-03-02", CENT, key_id=window.key_id)
        partitions.prune(2)
        assert check() == "All windows are right.\n"
        BudgetWindow.objects.filter(pk=window.pk).update(spent=0)
        assert "spent is $0, its rows cost $0.05" in check(repair=True)
        assert check() == "All windows are right.\n"
        assert partitions.prune(0)
        assert check() == "All windows are right.\n"
        window.refresh_from_db()
        assert (window.spent, window.pruned) == (to_dollars(5 * CENT), to_dollars(3 * CENT))

    def test_windows_that_reset_before_go_with_their_rows(self, team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(partitions, "this_month", lambda: NOW.date().replace(day=1))
        self._window(team)
        assert BudgetWindow.objects.count() == 5
        partitions.prune(2, dry_run=True)
        assert BudgetWindow.objects.count() == 5
        partitions.prune(2)
        starts = [window.starts_at for window in BudgetWindow.objects.exclude(resets_at__year=9999).order_by("id")]
        assert starts == [day("2025-12-01"), day("2026-01-01"), day("2026-03-01")]
        partitions.prune(0)
        assert BudgetWindow.objects.count() == 2


class TestGone:
    """What people, keys and teams that are gone have spent stays in its windows."""

    @pytest.fixture
    def spent(self, team: Team) -> tuple[ClientKey, Team]:
        mia = person("mia")
        User.objects.create_superuser("root")
        key = key_of(team, "mia's laptop", mia)
        budget(key=key), budget(user=mia, period="week"), budget(team=team), budget(members_of=team)
        ensure(bound(key), NOW.timestamp())
        row("2026-03-10T11:00:00", CENT, key_id=key.pk, owner_id=mia.pk, owner_name="mia", team_id=team.pk)
        return key, team

    def _stays(self) -> None:
        assert [to_pico(window.spent) for window in BudgetWindow.objects.all()] == [CENT] * 4
        assert check() == "All windows are right.\n"

    def test_a_person_who_is_erased(self, spent: tuple[ClientKey, Team]) -> None:
        call_command("erase_person", "mia", stdout=StringIO())
        self._stays()
        names = (Budget, BudgetWindow, BudgetBlock)
        stored = json.dumps([list(map(str, model._default_manager.values_list())) for model in names])
        assert "mia" not in stored
        assert "mia" not in "".join(one.bound for one in Budget.objects.all())

    def test_a_person_who_is_deleted(self, spent: tuple[ClientKey, Team]) -> None:
        User.objects.get(username="mia").delete()
        assert Budget.objects.count() == 2
        self._stays()

    def test_a_key_and_a_team_that_are_deleted(self, spent: tuple[ClientKey, Team]) -> None:
        spent[0].delete()
        self._stays()
        spent[1].delete()
        assert Budget.objects.count() == 1
        self._stays()

    def test_rollups_that_are_rebuilt(self, spent: tuple[ClientKey, Team]) -> None:
        call_command("rebuild_rollups", stdout=StringIO())
        self._stays()

    def test_another_time_zone_begins_a_window_with_what_was_spent(self, spent: tuple[ClientKey, Team]) -> None:
        key, team = spent
        team.time_zone = "Asia/Tokyo"
        team.save()
        windows = ensure(bound(key), NOW.timestamp())
        assert [window.spent for window in windows] == [CENT] * 4
        assert BudgetWindow.objects.count() == 7
        row("2026-03-10T11:00:00", CENT, key_id=key.pk, owner_id=key.owner_id, team_id=team.pk)
        assert check() == "All windows are right.\n"
