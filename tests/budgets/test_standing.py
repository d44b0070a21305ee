"""How budgets stand, how fast they are spent, and when they run out."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access.key_records import load_keys
from access.models import Budget, ClientKey, Team
from tests.budgets.made import budget as made_budget
from tests.budgets.made import key_of, person
from tests.usage.dated import attempt, day, request
from usage.budgets import pace, standing, windows
from usage.budgets.bound import Bound
from usage.budgets.models import BudgetWindow
from usage.journal.inserts import insert
from usage.money import to_pico
from usage.rollups import upsert

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NOW = day("2026-03-10T12:00:00")


def budget(amount: int, **fields: Any) -> Budget:
    """A budget as it is read."""
    return Budget.objects.get(pk=made_budget(amount, **fields).pk)


def spend(key: ClientKey, moment: str, dollars: str, model: str = "m") -> None:
    """Writes a request, as the writer does."""
    whose = {"team_id": key.team_id, "team_name": key.team.name, "key_id": key.pk, "key_name": key.name}
    owner = {"owner_id": key.owner_id, "owner_name": str(key.owner)} if key.owner_id else {}
    cost = to_pico(Decimal(dollars))
    one = request(day(moment), model_name=model, cost=cost, **whose, **owner)
    with transaction.atomic():
        insert([one], [attempt(one, cost=cost, model_name=model)])
        upsert.add([one])


@pytest.fixture
def team() -> Team:
    return Team.objects.create(name="Blue", created_at=day("2026-01-01"))


def _ensured(bound: Bound) -> BudgetWindow:
    (window,) = windows.ensure([bound.record()], NOW.timestamp())
    return BudgetWindow.objects.get(pk=window.id)


def _numbers(found: standing.Standing) -> list[float]:
    return [float(one) for one in (found.limit, found.spent, found.left, found.overdraft, found.percent)]


class TestStanding:
    def test_records_are_those_that_requests_meet(self, team: Team) -> None:
        mia = person("mia")
        key = key_of(team, "laptop", mia)
        for whom in ({"key": key}, {"user": mia, "period": "week"}, {"team": team}, {"members_of": team}):
            budget(2, model_names="claude-*", **whom)
        budget(3, members_of=team, period="week", model_names="claude-*")
        records = load_keys()[key.hash].budgets
        assert len(records) == 4
        ours = [one.record() for one in standing.of_key(ClientKey.objects.select_related("team", "owner").get())]
        assert sorted(map(repr, ours)) == sorted(map(repr, records))
        assert {one.record().id for one in standing.of_person(mia)} == {record.id for record in records}

    def test_a_budget_that_nobody_spent_from_stands_at_nothing(self, team: Team) -> None:
        one = budget(50, team=team)
        (found,) = standing.now([Bound(one)], NOW)
        assert _numbers(found) == [50, 0, 50, 0, 0]
        assert found.starts_at == day("2026-03-01")
        assert found.resets_at == day("2026-04-01")
        (total,) = standing.now([Bound(budget(1, team=team, period="total"))], NOW)
        assert total.resets_at is None

    def test_it_counts_what_was_spent_drawn_and_added(self, team: Team) -> None:
        bound = Bound(budget(50, team=team))
        _ensured(bound)
        BudgetWindow.objects.update(spent=Decimal(45), drawn=Decimal("2.5"), raised=Decimal(10))
        (found,) = standing.now([bound], NOW)
        assert _numbers(found) == [60, 45, 12.5, 0, 75]
        BudgetWindow.objects.update(spent=Decimal("61.5"), drawn=0)
        (found,) = standing.now([bound], NOW)
        assert _numbers(found) == [60, 61.5, 0, 1.5, 102]

    def test_it_resets_in_the_zone_of_the_team(self, team: Team) -> None:
        Team.objects.update(time_zone="Asia/Tokyo")
        (found,) = standing.now([Bound(budget(1, team=team, period="day"))], NOW)
        assert found.resets_at is not None
        assert f"{found.resets_at.astimezone(ZoneInfo('Asia/Tokyo')):%d %H:%M}" == "11 00:00"

    def test_many_budgets_are_one_query(self, team: Team) -> None:
        members = [person(f"m{number}") for number in range(30)]
        bounds = standing.of_members(budget(5, members_of=team), members)
        windows.ensure([one.record() for one in bounds], NOW.timestamp())
        with CaptureQueriesContext(connection) as queries:
            found = standing.now(bounds, NOW)
        assert len(queries) == 1
        assert [one.bound.member for one in found] == members

    def test_a_persons_own_budget_replaces_that_of_each_member(self, team: Team) -> None:
        mia, max_ = person("mia"), person("max")
        for one in (mia, max_):
            key_of(team, str(one), one)
        everybody = budget(5, members_of=team)
        budget(9, user=mia)
        assert [bound.member for bound in standing.of_members(everybody, [mia, max_])] == [max_]
        assert [bound.budget.amount for bound in standing.of_person(mia)] == [9]
        assert [bound.budget.amount for bound in standing.of_person(max_)] == [5]

    def test_a_persons_own_budget_that_only_warns_replaces_no_hard_one(self, team: Team) -> None:
        mia = person("mia")
        key_of(team, "laptop", mia)
        everybody = budget(5, members_of=team)
        own = budget(9, user=mia, hard=False)
        assert [bound.member for bound in standing.of_members(everybody, [mia])] == [mia]
        assert [bound.budget for bound in standing.of_person(mia)] == [everybody, own]

    def test_what_is_off_or_of_others_does_not_bind(self, team: Team) -> None:
        mia, other = person("mia"), Team.objects.create(name="Red")
        key = key_of(team, "laptop", mia)
        budget(1, key=key_of(team, "service"))
        budget(1, team=other)
        budget(1, team=team, enabled=False)
        budget(1, key=key)
        ClientKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
        assert standing.of_person(mia) == []


class TestPace:
    @pytest.fixture
    def mine(self, team: Team) -> Any:
        return key_of(team, "laptop", person("mia"))

    def _burn(self, one: Budget, **fields: Any) -> pace.BurnDown:
        bound = Bound(one, **fields)
        _ensured(bound)
        (found,) = standing.now([bound], NOW)
        return pace.of(found, NOW)

    def test_the_curve_ends_at_what_the_window_says(self, team: Team, mine: ClientKey) -> None:
        for moment, dollars in (("2026-03-01T08:00", "2"), ("2026-03-04T08:00", "3.5"), ("2026-03-10T08:00", "1")):
            spend(mine, moment, dollars)
        for one in (budget(50, team=team), budget(50, key=mine), budget(50, user=mine.owner)):
            burn = self._burn(one)
            assert (burn.days[0], burn.days[-1]) == (date(2026, 3, 1), date(2026, 3, 10))
            assert [float(spent) for spent in burn.spent] == [2, 2, 2, 5.5, 5.5, 5.5, 5.5, 5.5, 5.5, 6.5]
        burn = self._burn(budget(50, members_of=team), member=mine.owner)
        assert burn.spent[-1] == Decimal("6.5")

    def test_of_the_first_day_only_what_came_later_counts(self, team: Team, mine: ClientKey) -> None:
        spend(mine, "2026-03-08T08:00", "2")
        spend(mine, "2026-03-08T20:00", "3")
        spend(mine, "2026-03-09T20:00", "1")
        burn = self._burn(budget(50, team=team, created="2026-03-08T12:00"))
        assert [float(spent) for spent in burn.spent] == [3, 4, 4]

    def test_only_the_models_that_count_are_in_it(self, team: Team, mine: ClientKey) -> None:
        spend(mine, "2026-03-09T08:00", "2", model="claude-opus")
        spend(mine, "2026-03-09T08:00", "7", model="gpt")
        burn = self._burn(budget(50, team=team, model_names="claude-*"))
        assert burn.spent[-1] == 2
        assert burn.per_day == Decimal(2) / 7

    def test_it_says_when_nothing_is_left_at_the_pace_of_seven_days(self, team: Team, mine: ClientKey) -> None:
        spend(mine, "2026-02-20T08:00", "100")
        for number in range(4, 11):
            spend(mine, f"2026-03-{number:02}T08:00", "2")
        burn = self._burn(budget(20, team=team))
        assert burn.per_day == 2
        assert burn.runs_out_at == NOW + timedelta(days=3)
        # 86 left, 43 days: it resets before.
        assert self._burn(budget(100, team=team)).runs_out_at is None
        # 14 + 100 of February: 86 left at 2 a day.
        assert self._burn(budget(200, team=team, period="total")).runs_out_at == NOW + timedelta(days=43)
        assert self._burn(budget(14, team=team)).runs_out_at == NOW

    def test_of_who_is_new_the_pace_is_that_of_their_days(self, team: Team, mine: ClientKey) -> None:
        Team.objects.update(created_at=NOW - timedelta(days=2))
        spend(mine, "2026-03-09T08:00", "8")
        spend(mine, "2026-03-10T08:00", "6")
        one = budget(50, team=Team.objects.get())
        assert self._burn(one).per_day == 7
        # What another gateway recorded of them is older than they are.
        spend(mine, "2026-03-06T00:00", "4")
        assert self._burn(one).per_day == Decimal(18) / Decimal("4.5")

    def test_who_spent_nothing_runs_out_never(self, team: Team) -> None:
        assert self._burn(budget(20, team=team)).runs_out_at is None

    def test_one_query_reads_each_member(self, team: Team, mine: ClientKey) -> None:
        spend(mine, "2026-03-09T08:00", "2")
        other = key_of(team, "other", person("max"))
        spend(other, "2026-03-10T08:00", "3")
        spend(key_of(team, "service"), "2026-03-10T08:00", "9")
        bound, period = Bound(budget(5, members_of=team)), pace.recent(NOW)
        with CaptureQueriesContext(connection) as queries:
            found = pace.spent_by_member(bound, period)
        assert len(queries) <= 2
        assert {owner: sum(days.values()) for owner, days in found.items()} == {mine.owner_id: 2, other.owner_id: 3}
