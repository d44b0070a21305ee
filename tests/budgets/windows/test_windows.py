"""Windows: created once, with what their rows have spent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from access.key_records import load_keys
from access.models import Budget, Team
from tests.budgets.made import CENT, block, bound, budget, key_of, person, row
from tests.usage.dated import day
from usage.budgets.bound import Bound
from usage.budgets.checking import differences
from usage.budgets.models import BudgetWindow
from usage.budgets.periods import NEVER
from usage.budgets.windows import ensure, look
from usage.money import PICO

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NOW = day("2026-03-10T12:00:00")


@pytest.fixture
def team() -> Team:
    return Team.objects.create(name="Blue")


class TestWhatBindsAKey:
    def test_its_own_its_owners_its_teams_and_the_members(self, team: Team) -> None:
        mia = person("mia")
        key = key_of(team, "laptop", mia)
        made = [
            budget(1, key=key),
            budget(2, user=mia, period="week", week_starts=6),
            budget(3, team=team, hard=False),
            budget(4, members_of=team, period="day"),
        ]
        found = bound(key)
        assert [record.id for record in found] == [row.pk for row in made]
        assert [record.amount for record in found] == [PICO, 2 * PICO, 3 * PICO, 4 * PICO]
        assert [record.label for record in found] == [
            "of the key 'laptop'", "of mia", "of team Blue", "of mia in team Blue",
        ]  # fmt: skip
        assert [(record.key_id, record.owner_id, record.team_id) for record in found] == [
            (key.pk, None, None), (None, mia.pk, None), (None, None, team.pk), (None, mia.pk, team.pk),
        ]  # fmt: skip
        assert [record.subject for record in found] == [0, 0, 0, mia.pk]
        assert [record.shared for record in found] == [False, False, True, False]
        assert [record.hard for record in found] == [True, True, False, True]
        assert [record.week_starts for record in found] == [0, 6, 0, 0]

    def test_a_service_key_has_no_members_budget(self, team: Team) -> None:
        budget(members_of=team)
        pool = budget(team=team)
        assert [record.id for record in bound(key_of(team, "ci"))] == [pool.pk]

    def test_a_persons_own_budget_replaces_the_members_one_of_the_same_period_and_models(self, team: Team) -> None:
        mia, ben = person("mia"), person("ben")
        of_mia, of_ben = key_of(team, "a", mia), key_of(team, "b", ben)
        month, daily = budget(4, members_of=team), budget(5, members_of=team, period="day")
        some = budget(6, members_of=team, model_names="opus*")
        own = budget(9, user=mia)
        assert [record.id for record in bound(of_mia)] == [own.pk, daily.pk, some.pk]
        assert [record.id for record in bound(of_ben)] == [month.pk, daily.pk, some.pk]

    def test_a_persons_own_budget_that_only_warns_replaces_no_hard_one(self, team: Team) -> None:
        mia = person("mia")
        key = key_of(team, "a", mia)
        hard, soft = budget(1, members_of=team), budget(2, members_of=team, period="day", hard=False)
        warns = budget(5, user=mia, hard=False)
        assert [record.id for record in bound(key)] == [warns.pk, hard.pk, soft.pk]
        daily = budget(6, user=mia, period="day", hard=False)
        assert [record.id for record in bound(key)] == [warns.pk, daily.pk, hard.pk]
        own = budget(7, user=mia)
        assert [record.id for record in bound(key)] == [warns.pk, daily.pk, own.pk]

    def test_one_that_is_off_binds_nobody(self, team: Team) -> None:
        budget(team=team, enabled=False)
        assert bound(key_of(team, "ci")) == ()

    def test_zones_are_the_teams_and_for_a_person_the_sites(self, team: Team, settings: Any) -> None:
        settings.TIME_ZONE = "Asia/Tokyo"
        mia = person("mia")
        key = key_of(team, "laptop", mia)
        for whom in ({"key": key}, {"user": mia}, {"team": team}, {"members_of": team}):
            budget(period="day", **whom)
        assert {record.zone for record in bound(key)} == {"Asia/Tokyo"}
        Team.objects.update(time_zone="America/Asuncion")
        zones = {record.whom: record.zone for record in bound(key)}
        own = "America/Asuncion"
        assert zones == {"key": own, "team": own, "user": "Asia/Tokyo"}

    def test_a_zone_that_this_machine_does_not_know_is_the_sites(self, team: Team, settings: Any) -> None:
        settings.TIME_ZONE = "Asia/Tokyo"
        Team.objects.update(time_zone="Moon/Tycho")
        key = key_of(team, "laptop", person("mia"))
        made = budget(period="day", team=team)
        assert [record.zone for record in bound(key)] == ["Asia/Tokyo"]
        (window,) = ensure(bound(key), NOW.timestamp())
        assert window.budget_id == made.pk
        made.refresh_from_db()
        assert Bound(made).zone == "Asia/Tokyo"

    def test_any_number_of_keys_and_budgets_takes_as_many_queries(self, team: Team) -> None:
        mia = person("mia")
        key_of(team, "laptop", mia)
        with CaptureQueriesContext(connection) as before:
            load_keys()
        for number in range(3):
            other = Team.objects.create(name=f"team {number}")
            owner = person(f"person {number}")
            key = key_of(other, "laptop", owner)
            for whom in ({"key": key}, {"user": owner}, {"team": other}, {"members_of": other}):
                budget(period="day", **whom)
        with CaptureQueriesContext(connection) as after:
            load_keys()
        assert len(after) == len(before)


class TestEnsure:
    def test_it_counts_the_rows_of_its_match_since_the_period_began(self, team: Team) -> None:
        key = key_of(team, "ci")
        budget(team=team)
        row("2026-03-01T00:00:00", CENT, 2 * CENT, team_id=team.pk, key_id=key.pk)
        row("2026-03-10T11:59:59", 4 * CENT, None, team_id=team.pk, key_id=999)
        row("2026-02-28T23:59:59.999", 8 * CENT, team_id=team.pk, key_id=key.pk)
        row("2026-03-02T00:00:00", 16 * CENT, team_id=team.pk + 1, key_id=key.pk)
        (window,) = ensure(bound(key), NOW.timestamp())
        assert window.spent == 7 * CENT
        assert (window.drawn, window.raised, window.amount) == (0, 0, 3 * PICO)
        assert (window.starts_at, window.resets_at) == (
            day("2026-03-01").timestamp(),
            day("2026-04-01").timestamp(),
        )

    def test_a_member_has_a_window_of_their_own(self, team: Team) -> None:
        mia, ben = person("mia"), person("ben")
        keys = [key_of(team, name, owner) for name, owner in (("a", mia), ("b", mia), ("c", ben))]
        budget(members_of=team)
        for number, key in enumerate(keys):
            row("2026-03-02T00:00:00", CENT << number, team_id=team.pk, key_id=key.pk, owner_id=key.owner_id)
        row("2026-03-02T00:00:00", 64 * CENT, team_id=team.pk + 1, owner_id=mia.pk)
        windows = [ensure(bound(key), NOW.timestamp())[0] for key in keys]
        assert [window.spent for window in windows] == [3 * CENT, 3 * CENT, 4 * CENT]
        assert windows[0] == windows[1]
        assert [window.subject for window in windows] == [mia.pk, mia.pk, ben.pk]

    def test_models_that_do_not_count_cost_nothing(self, team: Team) -> None:
        key = key_of(team, "ci")
        budget(key=key, model_names="claude-opus-*\nGPT*")
        for model, cost in (("claude-opus-4", 1), ("claude-sonnet-4", 2), ("GPT-5", 4), ("gpt-5", 8)):
            row("2026-03-02T00:00:00", cost * CENT, model=model, team_id=team.pk, key_id=key.pk)
        (window,) = ensure(bound(key), NOW.timestamp())
        assert window.spent == 5 * CENT

    def test_it_counts_from_the_creation_of_the_budget(self, team: Team) -> None:
        key = key_of(team, "ci")
        budget(key=key, created="2026-03-05T10:00:00.000001")
        row("2026-03-05T10:00:00", CENT, key_id=key.pk)
        row("2026-03-05T10:00:00.000001", 2 * CENT, key_id=key.pk)
        (window,) = ensure(bound(key), NOW.timestamp())
        assert window.spent == 2 * CENT
        assert window.starts_at == day("2026-03-05T10:00:00.000001").timestamp()

    def test_a_budget_in_total_has_one_window_for_ever(self, team: Team) -> None:
        key = key_of(team, "ci")
        budget(key=key, period="total")
        row("2026-01-01T00:00:00", CENT, key_id=key.pk)
        windows = [ensure(bound(key), (NOW + timedelta(days=days)).timestamp())[0] for days in (0, 4000)]
        assert windows[0] == windows[1]
        assert (windows[0].resets_at, windows[0].spent) == (NEVER, CENT)

    def test_the_next_period_has_the_next_window(self, team: Team) -> None:
        key = key_of(team, "ci")
        budget(key=key, period="day")
        row("2026-03-10T12:00:00", CENT, key_id=key.pk)
        (today,) = ensure(bound(key), NOW.timestamp())
        (tomorrow,) = ensure(bound(key), today.resets_at)
        assert (today.spent, tomorrow.spent) == (CENT, 0)
        assert tomorrow.starts_at == today.resets_at
        assert BudgetWindow.objects.count() == 2

    def test_a_window_that_is_there_is_read_with_one_query(self, team: Team) -> None:
        key = key_of(team, "ci")
        budget(key=key), budget(team=team)
        made = ensure(bound(key), NOW.timestamp())
        budgets = bound(key)
        with CaptureQueriesContext(connection) as queries:
            assert ensure(budgets, NOW.timestamp()) == made
        assert len([one for one in queries if one["sql"].startswith("SELECT")]) == len(queries) - 2 == 1

    def test_looking_creates_nothing(self, team: Team) -> None:
        key = key_of(team, "ci")
        budget(key=key), budget(team=team)
        both = bound(key)
        (first,) = ensure(both[:1], NOW.timestamp())
        assert look(both, NOW.timestamp()) == [first, None]


class TestAnotherDefinition:
    """A budget that nobody has spent of changes, while a worker still has its older definition."""

    def test_an_older_definition_makes_no_window(self, team: Team) -> None:
        key, other = key_of(team, "laptop"), key_of(team, "ci")
        made = budget(key=key)
        older = bound(key)
        Budget.objects.filter(pk=made.pk).update(key=None, team=team)
        (window,) = ensure(older, NOW.timestamp())
        assert list(ensure(bound(other), NOW.timestamp())) == [window]
        row = BudgetWindow.objects.get()
        assert (row.key_id, row.team_id) == (None, team.pk)

    def test_an_older_period_makes_no_window(self, team: Team) -> None:
        key = key_of(team, "laptop")
        made = budget(key=key)
        older = bound(key)
        Budget.objects.filter(pk=made.pk).update(period="day")
        assert ensure(older, NOW.timestamp()) == ensure(bound(key), NOW.timestamp())
        assert BudgetWindow.objects.get().starts_at == day("2026-03-10")

    def test_a_window_of_an_older_definition_becomes_one_of_the_present(self, team: Team) -> None:
        key, other = key_of(team, "laptop"), key_of(team, "ci")
        made = budget(key=key)
        (before,) = ensure(bound(key), NOW.timestamp())
        block(before.id, CENT)
        row("2026-03-10T12:00:00", 2 * CENT, key_id=key.pk, team_id=team.pk)
        row("2026-03-10T12:00:00", 4 * CENT, key_id=other.pk, team_id=team.pk)
        Budget.objects.filter(pk=made.pk).update(key=None, team=team)
        assert look(bound(key), NOW.timestamp()) == [None]
        (after,) = ensure(bound(key), NOW.timestamp())
        assert (after.id, after.spent, after.drawn) == (before.id, 6 * CENT, CENT)
        row("2026-03-10T12:00:00", 8 * CENT, key_id=other.pk, team_id=team.pk)
        assert look(bound(key), NOW.timestamp())[0].spent == 14 * CENT  # type: ignore[union-attr]
        assert not list(differences())

    def test_a_definition_that_was_deleted_has_the_window_that_its_requests_need(self, team: Team) -> None:
        key = key_of(team, "laptop")
        made = budget(key=key)
        older = bound(key)
        Budget.objects.filter(pk=made.pk).delete()
        (window,) = ensure(older, NOW.timestamp())
        assert window.budget_id == older[0].id
