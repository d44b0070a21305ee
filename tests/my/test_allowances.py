"""A lead sets budgets and limits inside the team: for each member, for a key; never the team's own, nor what an
administrator set."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from access.models import AuditEntry, Budget, ClientKey, Membership, RateLimit
from tests.admin.pages import text_of
from tests.my.lead_pages import BUDGET, LIMIT, Lead
from tests.my.people import Group, make_group, make_key
from usage.budgets.bound import Bound
from usage.budgets.models import BudgetWindow
from usage.budgets.windows import ensure

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

ADMINISTRATORS = "An administrator of this gateway has set a"


@pytest.fixture
def blue() -> Group:
    """A team of a lead and two members, with a key each and a service key."""
    return make_group("blue")


@pytest.fixture
def lead(blue: Group) -> Lead:
    return Lead(blue)


class TestBudgets:
    def test_one_for_each_member_says_what_it_amounts_to(self, blue: Group, lead: Lead) -> None:
        Budget.objects.create(team=blue.team, amount=100)
        page = text_of(lead.send("add/", **BUDGET, amount="50"))
        made = Budget.objects.get(members_of=blue.team)
        assert (made.amount, made.period, made.leads_may_change, made.key) == (Decimal(50), "month", True, None)
        meaning = (
            "Binds each of 3 members by themselves. Together that is at most $150.00 a month. "
            "The team's $100.00 a month still binds all."
        )
        assert f"Saved: $50.00 a month, of each member of blue. {meaning} It holds within a second." in page
        assert f"each member $50.00 a month {meaning}" in lead.see()
        assert "the team as a whole $100.00 a month Binds all keys of the team together" in lead.see()
        assert "Budget of each member: $50.00 a month" in lead.see("")
        entry = AuditEntry.objects.filter(object_type="access.budget").latest("number")
        assert (entry.action, entry.person_name) == ("created", "blue-lea")

    def test_one_for_a_key_is_chosen_on_its_page(self, blue: Group, lead: Lead) -> None:
        key = blue.keys["mia"]
        add = f"/my/teams/{blue.team.pk}/budgets/add/?key={key.pk}"
        assert add in blue.browser("lea").get(f"/my/keys/{key.pk}/").content.decode()
        assert add not in blue.browser("mia").get(f"/my/keys/{key.pk}/").content.decode()
        form = blue.browser("lea").get(add).context["form"]
        assert form["binds"].value() == str(key.pk)
        Budget.objects.create(members_of=blue.team, amount=50)
        lead.send("add/", **{**BUDGET, "binds": key.pk, "amount": "20", "model_names": " gpt-* \n\ngpt-*"})
        made = Budget.objects.get(key=key)
        assert (made.amount, made.model_names, made.leads_may_change) == (Decimal(20), "gpt-*", True)
        words = "blue key of mia (blue-mia) $20.00 a month for gpt-* Binds all requests with this key. Each member's"
        assert f"{words} $50.00 a month still binds it." in lead.see()

    def test_budgets_of_several_keys_are_added_up(self, blue: Group, lead: Lead) -> None:
        Budget.objects.create(team=blue.team, amount=30)
        for name in ("mia", "max"):
            lead.send("add/", **{**BUDGET, "binds": blue.keys[name].pk, "amount": "20"})
        assert "2 budgets of keys are $40.00 a month together, more than the team's own $30.00." in lead.see()

    def test_whose_own_budget_counts_instead_is_named(self, blue: Group, lead: Lead) -> None:
        Budget.objects.create(user=blue.people["max"], amount=7)
        RateLimit.objects.create(user=blue.people["max"], measure="requests", most=7)
        page = text_of(lead.send("add/", **BUDGET, amount="50"))
        assert "Binds each of 2 members by themselves. Together that is at most $100.00 a month." in page
        assert "A budget of their own, which an administrator set, counts instead for blue-max." in page
        page = text_of(lead.send("limits/add/", **LIMIT))
        assert "Together that is at most 120 requests a minute. A limit of their own" in page
        assert "$7" not in lead.see()

    @pytest.mark.parametrize(
        ("fields", "field", "words"),
        [
            ({"binds": ""}, "binds", "This field is required."),
            ({"binds": "999999"}, "binds", "Select a valid choice."),
            ({"amount": "0"}, "amount", "greater than or equal to 0.01"),
            ({"amount": ""}, "amount", "This field is required."),
            ({"amount": "100.01"}, "amount", "own budget is $100.00 a month, and no member's or key's may be larger."),
            ({"period": "year"}, "period", "Select a valid choice."),
            ({"period": "day"}, "period", "There is a budget of this kind already. Change that one."),
            ({"period": "week"}, "period", f"{ADMINISTRATORS} budget of this kind. Ask them to change it."),
            ({"model_names": "two words"}, "model_names", "contains white space"),
        ],
    )
    def test_each_mistake_stands_beside_its_field(
        self, blue: Group, lead: Lead, fields: dict[str, str], field: str, words: str
    ) -> None:
        Budget.objects.create(team=blue.team, amount=100)
        Budget.objects.create(members_of=blue.team, amount=5, period="day", leads_may_change=True)
        Budget.objects.create(members_of=blue.team, amount=5, period="week")
        found = lead.errors("add/", **{**BUDGET, "amount": "20", **fields})
        assert list(found) == [field]
        assert words in found[field]
        assert Budget.objects.count() == 3

    def test_a_used_one_keeps_what_its_windows_hold(self, blue: Group, lead: Lead) -> None:
        made = Budget.objects.create(members_of=blue.team, amount=20, leads_may_change=True)
        made.refresh_from_db()
        ensure([Bound(made, blue.people["mia"]).record()], made.created_at.timestamp())
        BudgetWindow.objects.update(spent=1)
        assert "Money of this budget has been spent" in lead.see(f"{made.pk}/")
        page = text_of(lead.send(f"{made.pk}/", amount="30", period="day", hard="", enabled="on"))
        made.refresh_from_db()
        assert (made.amount, made.period, made.hard) == (Decimal(30), "month", False)
        assert "It only warns" in page
        lead.send(f"{made.pk}/", amount="30", enabled="")
        assert "warns only" not in lead.see()
        assert "It is off: nothing is refused" in lead.see()
        lead.send(f"{made.pk}/remove/", sure="yes")
        assert not Budget.objects.exists()
        assert BudgetWindow.objects.get().spent == 1

    def test_what_somebody_else_changed_meanwhile_stays(self, blue: Group, lead: Lead) -> None:
        made = Budget.objects.create(key=blue.keys["ci"], amount=20, leads_may_change=True)
        shown = {f"initial-{name}": value for name, value in {**BUDGET, "amount": "20.00"}.items()}
        Budget.objects.update(hard=False)
        lead.send(f"{made.pk}/", **{**BUDGET, "amount": "25"}, **shown)
        made.refresh_from_db()
        assert (made.amount, made.hard) == (Decimal(25), False)


class TestLimits:
    def test_they_are_added_changed_and_removed(self, blue: Group, lead: Lead) -> None:
        RateLimit.objects.create(team=blue.team, measure="requests", most=100)
        lead.send("limits/add/", **LIMIT)
        made = RateLimit.objects.get(members_of=blue.team)
        page = lead.see()
        assert (
            "Together that is at most 180 requests a minute. The team's 100 requests a minute still binds all." in page
        )
        lead.send(f"limits/{made.pk}/", measure="requests", per="day", most="500")
        made.refresh_from_db()
        assert (made.amount, made.leads_may_change) == ("500 requests a day", True)
        words = "500 requests a day, of each member of blue: it binds nobody any more within a second."
        page = lead.see(f"limits/{made.pk}/remove/")
        assert words in page
        assert "The team's 100 requests a minute still binds all." in page
        lead.send(f"limits/{made.pk}/remove/", sure="yes")
        assert list(RateLimit.objects.values_list("team", flat=True)) == [blue.team.pk]
        entry = AuditEntry.objects.filter(object_type="access.ratelimit").latest("number")
        assert (entry.action, entry.person_name) == ("deleted", "blue-lea")

    @pytest.mark.parametrize(
        ("fields", "field", "words"),
        [
            ({"most": "0"}, "most", "greater than or equal to 1"),
            ({"most": "9" * 30}, "most", "less than or equal to 9223372036854775807"),
            ({"measure": "streams"}, "per", "have no period"),
            ({"per": "once"}, "per", "Choose “a minute” or “a day”."),
            ({"per": "day"}, "measure", f"{ADMINISTRATORS} limit of this kind. Ask them to change it."),
        ],
    )
    def test_each_mistake_stands_beside_its_field(
        self, blue: Group, lead: Lead, fields: dict[str, str], field: str, words: str
    ) -> None:
        RateLimit.objects.create(members_of=blue.team, measure="requests", per="day", most=5)
        found = lead.errors("limits/add/", **{**LIMIT, **fields})
        assert list(found) == [field]
        assert words in found[field]
        assert RateLimit.objects.count() == 1


class TestWhatIsNotTheirs:
    def test_what_an_administrator_set_is_shown_and_stays(self, blue: Group, lead: Lead) -> None:
        whose: list[dict[str, Any]] = [{"team": blue.team}, {"members_of": blue.team}, {"key": blue.keys["mia"]}]
        for whom in whose:
            budget = Budget.objects.create(**whom, amount=5)
            limit = RateLimit.objects.create(**whom, measure="models", most=5)
            for path in (f"{budget.pk}/", f"limits/{limit.pk}/"):
                assert lead.status(path) == lead.status(f"{path}remove/") == {404}, whom
        page = lead.see()
        assert page.count("set by an administrator") == 6
        assert "Remove" not in page
        Budget.objects.filter(members_of=blue.team).update(leads_may_change=True)
        assert lead.see().count("set by an administrator") == 5

    def test_neither_the_teams_own_nor_a_persons_can_be_chosen(self, blue: Group, lead: Lead) -> None:
        red = make_group("red")
        revoked = make_key(blue.team, "revoked", revoked_at="2026-01-01T00:00Z")
        page = blue.browser("lea").get(f"{lead.base}add/").context["form"].fields["binds"].choices
        ids = {str(key.pk) for key in blue.keys.values()}
        assert (page[0], {pk for pk, _ in page[1][1]}) == (("members", "each member of blue"), ids)
        for other in (red.keys["ci"].pk, revoked.pk, blue.team.pk + 10_000):
            found = lead.errors("add/", **{**BUDGET, "binds": other, "amount": "5"})
            assert list(found) == ["binds"]
        lead.send("add/", **BUDGET, amount="5", team=blue.team.pk, user=blue.people["mia"].pk, key=red.keys["ci"].pk)
        made = Budget.objects.get()
        assert (made.whom, made.members_of, made.team, made.user, made.key) == (
            "members_of",
            blue.team,
            None,
            None,
            None,
        )

    def test_nobody_else_gets_in(self, blue: Group, lead: Lead) -> None:
        made = Budget.objects.create(key=blue.keys["mia"], amount=5, leads_may_change=True)
        paths = ("set/", "add/", "limits/add/", f"{made.pk}/", f"{made.pk}/remove/")
        owner = User.objects.create_superuser("ona")
        browsers = [blue.browser("mia"), make_group("red").browser("lea")]
        browsers[0].get("/my/")
        for browser in browsers:
            assert {browser.get(lead.base + path).status_code for path in paths} == {404}
        browsers[0].force_login(owner)
        assert {browsers[0].get(lead.base + path).status_code for path in paths} == {404}
        Membership.objects.filter(user=blue.people["lea"]).update(role="member")
        for path in paths:
            assert lead.status(path) <= {404, 405}, path

    def test_a_key_that_moves_takes_them_to_the_other_teams_leads(self, blue: Group, lead: Lead) -> None:
        red = make_group("red")
        made = Budget.objects.create(key=blue.keys["ci"], amount=5, leads_may_change=True)
        ClientKey.objects.filter(pk=blue.keys["ci"].pk).update(team=red.team)
        assert lead.status(f"{made.pk}/") == {404}
        assert Lead(red).status(f"{made.pk}/") == {200}
