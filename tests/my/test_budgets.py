"""Budgets as members and leads meet them: how they stand, asking for more, and the lead's answer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access.models import Budget, IncreaseRequest, Membership
from tests.admin.pages import text_of
from tests.my.people import Group, make_group, make_key, use
from usage.budgets import standing, windows
from usage.budgets.models import BudgetWindow

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def blue() -> Group:
    """A team. Each of its four keys has spent 25 cents."""
    return make_group("blue")


def _budget(amount: str, **fields: Any) -> Budget:
    return Budget.objects.create(amount=Decimal(amount), created_at="2026-01-01T00:00Z", **fields)


def _open_windows(blue: Group) -> None:
    """Makes the windows, as the first request after a budget was set does."""
    bounds = {
        (bound.budget.pk, bound.member and bound.member.pk): bound
        for person in blue.people.values()
        for bound in standing.of_person(person)
    }
    windows.ensure([bound.record() for bound in bounds.values()], _now())


def _now() -> float:
    return timezone.now().timestamp()


def _ask(browser: Client, budget: Budget, amount: str = "10", reason: str = "a release") -> Any:
    return browser.post(f"/my/budgets/{budget.pk}/ask/", {"amount": amount, "reason": reason}, follow=True)


class TestAMembersBudgets:
    def test_every_budget_that_binds_is_shown_with_whom_to_ask(self, blue: Group) -> None:
        User.objects.create_superuser("ona", email="ona@example.com")
        _budget("1", team=blue.team)
        _budget("0.5", members_of=blue.team, period="week")
        _budget("2", user=blue.people["mia"], period="total", hard=False)
        _budget("5", key=blue.keys["mia"], period="day", model_names="claude-*")
        _open_windows(blue)
        for path in ("/my/", "/my/budgets/"):
            page = text_of(blue.browser("mia").get(path))
            for words in (
                "Budget of team blue", "$1.00 of $1.00 a month spent (100 %)", "It is used up",
                "Budget of blue-mia in team blue", "$0.25 of $0.50 a week spent (50 %)", "$0.25 left",
                "Budget of blue-mia warns only", "$0.25 of $2.00 in total spent (12 %)",
                "Budget of the key 'blue key of mia'", "$0 of $5.00 a day spent", "with claude-* alone",
                "Requests that do not fit are refused with 429 until it resets or is raised",
                "this budget only warns", "never: it is an amount in total", "(UTC)",
                "Whom to ask: blue-lea ( lea@blue.example ), lead of blue",
                "Whom to ask: ona ( ona@example.com ), owner of this gateway",
            ):  # fmt: skip
                assert words.replace("$0 of", "$0.00 of") in page, (path, words)
        assert "blue-max" not in page

    def test_without_any_budget_nothing_is_called_unlimited(self, blue: Group) -> None:
        for path in ("/my/", "/my/budgets/", "/my/routes/", f"/my/keys/{blue.keys['mia'].pk}/"):
            page = text_of(blue.browser("mia").get(path)).lower()
            assert "no budget is set for you or your team" in page, path
            assert "unlimited" not in page

    def test_the_page_of_a_key_has_what_binds_the_key(self, blue: Group) -> None:
        _budget("1", team=blue.team)
        _budget("7", members_of=blue.team)
        _open_windows(blue)
        page = text_of(blue.browser("mia").get(f"/my/keys/{blue.keys['mia'].pk}/"))
        assert "Budget of team blue $1.00 of $1.00 a month spent (100 %) $0.00 left" in page
        assert "Budget of blue-mia in team blue $0.25 of $7.00 a month spent (3 %)" in page
        service = text_of(blue.browser("lea").get(f"/my/keys/{blue.keys['ci'].pk}/"))
        assert "Budget of team blue" in service
        assert "$7.00" not in service

    def test_it_says_how_it_was_spent_by_day_and_until_when_it_lasts(self, blue: Group) -> None:
        _budget("4", team=blue.team, period="total")
        _open_windows(blue)
        page: Any = blue.browser("mia").get("/my/budgets/")
        (shown,) = page.context["budgets"]
        # Today's dollar, over one day, since the team was made today.
        assert shown.burn.per_day == 1
        assert shown.burn.spent[-1] == 1
        text = text_of(page)
        assert "At the pace of the last 7 days, $1.00 a day, it runs out on" in text
        assert 'class="my-spent" points="' in page.content.decode()

    def test_the_page_asks_few_questions(self, blue: Group) -> None:
        browser = blue.browser("mia")
        for number in range(2):
            _budget("5", team=blue.team, period=("day", "month")[number])
            _budget("5", key=make_key(blue.team, f"key {number}", blue.people["mia"]))
        _open_windows(blue)
        with CaptureQueriesContext(connection) as few:
            browser.get("/my/budgets/")
        for number in range(4):
            _budget("5", key=make_key(blue.team, f"more {number}", blue.people["mia"]))
        _open_windows(blue)
        with CaptureQueriesContext(connection) as more:
            browser.get("/my/budgets/")
        # One for the curve of each, and whether there are days to read it from.
        assert len(more) - len(few) <= 8


class TestAskingForMore:
    @pytest.fixture
    def each(self, blue: Group) -> Budget:
        made = _budget("5", members_of=blue.team)
        _open_windows(blue)
        return made

    def test_a_member_asks_a_lead_approves_with_one_click_and_the_member_sees_it(
        self, blue: Group, each: Budget
    ) -> None:
        mia, lea = blue.browser("mia"), blue.browser("lea")
        page = text_of(_ask(mia, each))
        assert "You have asked for $10.00 more of the budget of blue-mia in team blue." in page
        assert "Nobody has answered yet" in page
        for path in ("/my/", f"/my/teams/{blue.team.pk}/", f"/my/teams/{blue.team.pk}/budgets/"):
            page = text_of(lea.get(path))
            # Once: the alert of it is not beside it.
            assert page.count("blue-mia asks for $10.00 more of the budget of blue-mia in team blue") == 1, path
            assert "a release" in page
            assert "$0.25 of $5.00 a month spent (5 %)" in page
        row = IncreaseRequest.objects.get()
        page = text_of(lea.post(f"/my/increases/{row.pk}/approve/", follow=True))
        assert "Approved: $10.00 more of the budget of blue-mia in team blue, until" in page
        assert "Requests pass at once" in page
        assert "asks for" not in page
        page = text_of(mia.get("/my/budgets/"))
        assert "$0.25 of $15.00 a month spent" in page
        assert "$10.00 of the limit was added for this period alone" in page
        assert "approved $10.00 more of the budget of blue-mia in team blue" in page
        assert "by blue-lea" in page
        assert BudgetWindow.objects.get(subject=blue.people["mia"].pk).raised == 10

    def test_from_now_on_changes_the_budget(self, blue: Group, each: Budget) -> None:
        _ask(blue.browser("mia"), each)
        lea = blue.browser("lea")
        assert "for every member of the team" in text_of(lea.get("/my/"))
        path = f"/my/increases/{IncreaseRequest.objects.get().pk}/approve/"
        assert "from now on. Requests pass within a second" in text_of(lea.post(path, {"lasting": "on"}, follow=True))
        assert Budget.objects.get().amount == 15

    def test_declined_it_stays_as_it_is(self, blue: Group, each: Budget) -> None:
        _ask(blue.browser("mia"), each)
        lea, path = blue.browser("lea"), f"/my/increases/{IncreaseRequest.objects.get().pk}/decline/"
        assert "Declined: blue-mia gets no more" in text_of(lea.post(path, follow=True))
        assert "declined before by blue-lea. Nothing was changed" in text_of(lea.post(path, follow=True))
        page = text_of(blue.browser("mia").get("/my/"))
        assert "declined $10.00 more of the budget" in page
        assert "$0.25 of $5.00 a month spent" in page

    def test_a_second_request_and_a_withdrawal(self, blue: Group, each: Budget) -> None:
        mia = blue.browser("mia")
        _ask(mia, each)
        assert "You have asked for more of this budget already" in text_of(_ask(mia, each))
        path = f"/my/increases/{IncreaseRequest.objects.get().pk}/withdraw/"
        assert blue.browser("max").post(path).status_code == 404
        assert "Your request is withdrawn" in text_of(mia.post(path, follow=True))
        assert mia.post(path).status_code == 404
        assert not IncreaseRequest.objects.exists()

    @pytest.mark.parametrize("amount", ["", "0", "-1", "x", "1000000000"])
    def test_an_amount_that_means_nothing_is_shown_at_its_field(self, blue: Group, each: Budget, amount: str) -> None:
        page = _ask(blue.browser("mia"), each, amount)
        assert page.status_code == 200
        assert page.context["form"].errors["amount"]
        assert not IncreaseRequest.objects.exists()

    def test_beyond_the_largest_budget_the_pages_say_so(self, blue: Group, each: Budget) -> None:
        largest = "The largest amount of a budget is $4,000,000"
        _ask(blue.browser("mia"), each)
        Budget.objects.update(amount=3_999_995)
        page = _ask(blue.browser("max"), each)
        assert page.status_code == 200
        assert largest in page.context["form"].errors["amount"][0]
        assert "At most $5.00 more fits" in text_of(page)
        path = f"/my/increases/{IncreaseRequest.objects.get().pk}/approve/"
        for ticked in ({}, {"lasting": "on"}):
            assert largest in text_of(blue.browser("lea").post(path, ticked, follow=True))
        assert IncreaseRequest.objects.get().state == "open"

    def test_nobody_answers_their_own_and_nobody_elses(self, blue: Group, each: Budget) -> None:
        for name in ("lea", "mia"):
            _ask(blue.browser(name), each)
        red = make_group("red")
        own, other = IncreaseRequest.objects.get(user=blue.people["lea"]), IncreaseRequest.objects.earliest("-pk")
        lea = blue.browser("lea")
        assert "blue-lea asks" not in text_of(lea.get("/my/"))
        assert lea.post(f"/my/increases/{own.pk}/approve/").status_code == 404
        for browser in (blue.browser("mia"), blue.browser("max"), red.browser("lea")):
            assert browser.post(f"/my/increases/{other.pk}/approve/").status_code == 404
            assert browser.post(f"/my/increases/{own.pk}/approve/").status_code == 404
        assert set(IncreaseRequest.objects.values_list("state", flat=True)) == {"open"}

    def test_a_reason_is_text(self, blue: Group, each: Budget) -> None:
        _ask(blue.browser("mia"), each, reason="<script>alert(1)</script>")
        page = blue.browser("lea").get("/my/").content.decode()
        assert "&lt;script&gt;alert(1)" in page


class TestALeadsTeam:
    def test_the_pool_and_each_member_nearest_first(self, blue: Group) -> None:
        _budget("2", team=blue.team)
        _budget("0.5", members_of=blue.team)
        _budget("33", user=blue.people["max"])
        _budget("3", key=blue.keys["ci"])
        use(blue.keys["mia"])
        _open_windows(blue)
        windows.ensure(
            [
                one.record()
                for one in standing.of_members(Budget.objects.get(members_of=blue.team), [blue.people["mia"]])
            ],
            _now(),
        )
        page: Any = blue.browser("lea").get(f"/my/teams/{blue.team.pk}/budgets/")
        text = text_of(page)
        for words in (
            "Budget of team blue", "$1.25 of $2.00 a month spent (62 %)", "Budget of the key 'blue key of ci'",
            "blue-mia $0.50 of $0.50 $0.5000 It is used up.", "A budget of their own counts instead for blue-max",
        ):  # fmt: skip
            assert words in text, words
        assert [str(one.member) for one in page.context["of_members"][0].members] == ["blue-mia", "blue-lea"]
        assert "Budget of team blue" in text_of(blue.browser("lea").get(f"/my/teams/{blue.team.pk}/"))
        # What max may spend in other teams is not this lead's to see.
        assert "$33.00" not in text

    def test_a_team_of_many_takes_no_more_queries(self, blue: Group) -> None:
        _budget("2", members_of=blue.team)
        browser, path = blue.browser("lea"), f"/my/teams/{blue.team.pk}/budgets/"
        with CaptureQueriesContext(connection) as few:
            browser.get(path)
        for number in range(20):
            Membership.objects.create(team=blue.team, user=User.objects.create_user(f"more {number}"))
        with CaptureQueriesContext(connection) as many:
            page = browser.get(path)
        assert "more 19" in text_of(page)
        assert len(many) == len(few)

    def test_a_team_without_budgets(self, blue: Group) -> None:
        page = text_of(blue.browser("lea").get(f"/my/teams/{blue.team.pk}/budgets/"))
        assert "No budget is set for this team" in page
