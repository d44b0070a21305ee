"""Budgets in the admin: made, changed, kept where money was spent, and how they stand."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from access.models import Budget, Membership, Team
from access.roles.giving import set_role
from access.roles.scope import visible
from tests.admin.pages import form_of
from tests.budgets.made import CENT, block, finished, key_of, person, write
from usage.budgets.models import BudgetBlock, BudgetMark, BudgetWindow
from usage.budgets.opening import open_windows
from usage.money import PICO, to_dollars

pytestmark = pytest.mark.django_db

LIST = reverse("admin:access_budget_changelist")
ADD = reverse("admin:access_budget_add")
KEPT = "Money of this budget has been spent, so this stays as it is. Switch this budget off, and make another one."


@pytest.fixture
def team() -> Team:
    return Team.objects.create(name="Blue", time_zone="Europe/Berlin")


def change(budget: Budget) -> str:
    return reverse("admin:access_budget_change", args=[budget.pk])


def text_of(page: Any) -> str:
    return " ".join(page.content.decode().split())


def budget(amount: int = 3, **fields: Any) -> Budget:
    long_ago = timezone.now() - timedelta(days=400)
    return Budget.objects.create(**{"amount": amount, "created_at": long_ago, **fields})


def spend(cents: int, **whose: Any) -> None:
    """Opens the windows of now and adds a row."""
    open_windows()
    write(finished(timezone.now(), cents * CENT, **whose))


def test_a_limit_of_nothing_is_used_up_by_anything(admin_client: Client) -> None:
    budget(0, team=Team.objects.create(name="Blue"))
    assert admin_client.get(LIST).status_code == 200
    spend(1, team_id=Team.objects.get().pk)
    assert "100 %" in text_of(admin_client.get(LIST))


def errors(page: Any) -> dict[str, list[str]]:
    assert page.status_code == 200, "it was saved"
    return {name: list(found) for name, found in page.context["adminform"].form.errors.items()}


class TestForm:
    def test_a_budget_is_made(self, admin_client: Client, team: Team) -> None:
        form = form_of(admin_client.get(ADD)) | {"team": team.pk, "amount": "12.50", "model_names": " a-* \n\nb\na-*"}
        assert admin_client.post(ADD, form).status_code == 302
        made = Budget.objects.get()
        assert (made.team, made.amount, made.period, made.model_names) == (team, Decimal("12.50"), "month", "a-*\nb")
        assert (made.hard, made.enabled) == (True, True)

    @pytest.mark.parametrize(
        ("change", "field", "says"),
        [
            ({"team": ""}, "key", "Choose exactly one of key, user, team and members of a team."),
            ({"members_of": "team"}, "members_of", "Choose exactly one of key, user, team and members of a team."),
            ({"amount": "0"}, "amount", "Ensure this value is greater than or equal to 0.01."),
            ({"amount": "4000000.01"}, "amount", "Ensure this value is less than or equal to 4000000."),
            ({"amount": ""}, "amount", "This field is required."),
            ({"model_names": "two words"}, "model_names", "'two words' contains white space"),
            ({}, "period", "There is a budget of this kind already. Change that one."),
        ],
    )
    def test_each_error_stands_beside_its_field(
        self, admin_client: Client, team: Team, change: dict[str, str], field: str, says: str
    ) -> None:
        if not change:
            budget(team=team)
        filled = {name: team.pk if value == "team" else value for name, value in change.items()}
        form = form_of(admin_client.get(ADD)) | {"team": team.pk, "amount": "5"} | filled
        found = errors(admin_client.post(ADD, form))
        assert list(found) == [field]
        assert says in found[field][0]

    def test_one_of_the_same_kind_may_follow_one_that_is_off(self, admin_client: Client, team: Team) -> None:
        budget(team=team, enabled=False)
        form = form_of(admin_client.get(ADD)) | {"team": team.pk, "amount": "5"}
        assert admin_client.post(ADD, form).status_code == 302
        first = Budget.objects.earliest("id")
        on = form_of(admin_client.get(change(first))) | {"enabled": "on"}
        assert "There is a budget of this kind already" in errors(admin_client.post(change(first), on))["period"][0]

    def test_the_list_of_one_team_offers_it_for_a_new_budget(self, admin_client: Client, team: Team) -> None:
        link = f"{LIST}?team__id__exact={team.pk}"
        assert link.replace("&", "&amp;") in text_of(
            admin_client.get(reverse("admin:access_team_change", args=[team.pk]))
        )
        assert admin_client.get(link).status_code == 200
        page = admin_client.get(f"{ADD}?_changelist_filters=team__id__exact%3D{team.pk}")
        assert form_of(page)["team"] == str(team.pk)


class TestUsed:
    def test_what_was_spent_of_keeps_what_its_windows_hold(self, admin_client: Client, team: Team) -> None:
        used = budget(team=team)
        spend(100, team_id=team.pk)
        page = admin_client.get(change(used))
        assert KEPT in text_of(page)
        form = form_of(page)
        assert not {"period", "week_starts", "model_names", "team"} & set(form)
        form |= {"amount": "7", "hard": "", "period": "day", "model_names": "x"}
        assert admin_client.post(change(used), form).status_code == 302
        used.refresh_from_db()
        assert (used.amount, used.hard, used.period, used.model_names) == (Decimal(7), False, "month", "")
        assert BudgetWindow.objects.get().spent == 1

    def test_money_that_is_spent_while_the_page_is_open_is_named(self, admin_client: Client, team: Team) -> None:
        used = budget(team=team)
        form = form_of(admin_client.get(change(used))) | {"period": "day"}
        open_windows()
        assert admin_client.post(change(used), form).status_code == 302
        form = form_of(admin_client.get(change(used))) | {"period": "week"}
        spend(1, team_id=team.pk)
        admin_client.post(change(used), form)
        used.refresh_from_db()
        assert used.period == "day"

    @pytest.mark.parametrize(
        "fields", [{"period": "day"}, {"week_starts": 3}, {"model_names": "x"}, {"team": None, "user": "mia"}]
    )
    def test_no_program_changes_it(self, team: Team, fields: dict[str, Any]) -> None:
        used = budget(team=team)
        spend(1, team_id=team.pk)
        for name, value in fields.items():
            setattr(used, name, person("mia") if value == "mia" else value)
        with pytest.raises(ValidationError, match="make another one"):
            used.save()
        used.refresh_from_db()
        used.amount = 9
        used.save()

    def test_what_nobody_has_spent_of_begins_anew(self, team: Team) -> None:
        unused = budget(team=team)
        write(finished(timezone.now(), CENT, team_id=team.pk, model="opus"))
        unused.model_names = "haiku"
        unused.save()
        open_windows()
        assert BudgetWindow.objects.get().spent == 0
        unused.model_names = "opus"
        unused.save()
        assert not BudgetWindow.objects.exists()
        open_windows()
        assert BudgetWindow.objects.get().spent == to_dollars(CENT)

    def test_a_deleted_budget_leaves_what_was_spent(self, admin_client: Client, team: Team) -> None:
        used = budget(team=team)
        spend(100, team_id=team.pk)
        url = reverse("admin:access_budget_delete", args=[used.pk])
        assert admin_client.post(url, {"post": "yes"}).status_code == 302
        page = admin_client.get(reverse("admin:usage_budgetwindow_changelist"))
        assert f"deleted budget {used.pk}" in text_of(page)


class TestStanding:
    def test_list_and_page_show_what_is_spent_held_and_left(self, admin_client: Client, team: Team) -> None:
        one = budget(team=team)
        spend(120, team_id=team.pk)
        block(BudgetWindow.objects.get().pk, 40 * CENT)
        BudgetBlock.objects.update(heartbeat=timezone.now())
        BudgetWindow.objects.update(raised=1)
        for page in (admin_client.get(LIST), admin_client.get(change(one))):
            text = text_of(page)
            assert "$1.20 of $4.00 spent, $2.40 left, $0.40 held for requests" in text
            assert "$1.00 was added for this period. Resets " in text
            assert "(Europe/Berlin)" in text
            assert "width: 30.00%" in text
            assert "left: 30.00%; width: 10.00%" in text
            assert "is gone" not in text

    def test_an_overdraft_is_shown_as_one(self, admin_client: Client, team: Team) -> None:
        one = budget(team=team, period="total")
        spend(350, team_id=team.pk)
        for page in (admin_client.get(LIST), admin_client.get(change(one))):
            text = text_of(page)
            assert "$3.50 of $3.00 spent, overdraft $0.50" in text
            assert "Never resets" in text
            assert "gw-bar-over" in text
            assert "width: 100.00%" in text

    def test_what_workers_hold_that_are_gone_is_shown(self, admin_client: Client, team: Team) -> None:
        one = budget(team=team)
        open_windows()
        block(BudgetWindow.objects.get().pk, 40 * CENT)
        text = text_of(admin_client.get(change(one)))
        assert "Worker worker-1 is gone and holds $0.4." in text
        assert "<code>./gateway check_budgets --repair</code>" in text

    def test_a_members_budget_shows_each_member(self, admin_client: Client, team: Team) -> None:
        one = budget(members_of=team)
        people = [person(name) for name in ("mia", "ben", "kim")]
        for user in people:
            key_of(team, user.username, user)
        spend(10, team_id=team.pk, owner_id=people[0].pk)
        spend(250, team_id=team.pk, owner_id=people[1].pk)
        listed, page = text_of(admin_client.get(LIST)), text_of(admin_client.get(change(one)))
        assert "ben" in listed
        assert "$2.50 of $3.00 spent" in listed
        assert "$0.10" not in listed
        assert page.index("ben") < page.index("mia") < page.index("kim")
        assert "$2.50 of $3.00 spent" in page
        assert "$0.10 of $3.00 spent" in page

    def test_any_number_of_budgets_takes_as_many_queries(self, admin_client: Client, team: Team) -> None:
        counts = []
        for number in range(2):
            other = Team.objects.create(name=f"team {number}")
            owner = person(f"person {number}")
            key = key_of(other, "laptop", owner)
            for whom in ({"key": key}, {"user": owner}, {"team": other}, {"members_of": other}):
                budget(**whom)
            spend(10, team_id=other.pk, owner_id=owner.pk, key_id=key.pk)
            with CaptureQueriesContext(connection) as queries:
                assert admin_client.get(LIST).status_code == 200
            counts.append(len(queries))
        assert counts[0] == counts[1]

    def test_a_window_shows_who_holds_what_and_which_keys_are_refused(self, admin_client: Client, team: Team) -> None:
        key = key_of(team, "ci")
        budget(key=key)
        spend(20, key_id=key.pk)
        window = BudgetWindow.objects.get()
        block(window.pk, 40 * CENT)
        BudgetMark.objects.create(
            window=window, key_id=key.pk, needed=to_dollars(PICO), limit=3, created_at=timezone.now()
        )
        page = text_of(admin_client.get(reverse("admin:usage_budgetwindow_change", args=[window.pk])))
        for shown in ("worker-1", "$0.40", "Keys that are refused", str(key), "$1.00", "of the key"):
            assert shown.lower() in page.lower(), shown


class TestWhoSees:
    def test_windows_are_seen_as_their_budgets_are(self, team: Team) -> None:
        """A member: their own and the pool; a lead: all of the team; the site's readers: everything."""
        other = Team.objects.create(name="Red")
        mia, ben, lead, auditor = (person(name) for name in ("mia", "ben", "lead", "auditor"))
        keys = {name: key_of(team, name, owner) for name, owner in (("mia", mia), ("ben", ben), ("ci", None))}
        Membership.objects.create(team=team, user=lead, role="lead")
        key_of(other, "theirs", person("red"))
        set_role(auditor, "auditor")
        budget(team=team), budget(members_of=team), budget(team=other), budget(members_of=other)
        budget(user=mia, period="day"), budget(user=ben, period="day")
        for key in keys.values():
            budget(key=key)
        open_windows()

        def seen(user: Any) -> set[tuple[Any, ...]]:
            rows = visible(user, BudgetWindow.objects.all())
            return set(rows.values_list("team_id", "owner_id", "key_id"))

        pool, of_mia, of_ben = (team.pk, None, None), (team.pk, mia.pk, None), (team.pk, ben.pk, None)
        by_key = {name: (None, None, key.pk) for name, key in keys.items()}
        assert seen(mia) == {pool, of_mia, (None, mia.pk, None), by_key["mia"]}
        assert seen(lead) == {pool, of_mia, of_ben, *by_key.values()}
        assert len(seen(auditor)) == BudgetWindow.objects.count() == 10
        assert seen(person("nobody")) == set()
