"""Requests for more of a budget: who asks, who decides, once only, and what it changes."""

from __future__ import annotations

import json
import threading
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.utils import timezone

from access.models import Alert, AuditEntry, Budget, IncreaseRequest, Membership, OutboxMessage, Team
from access.roles.giving import set_role
from access.roles.table import Role
from tests.budgets.made import key_of, person
from tests.budgets.test_standing import budget
from usage.budgets import increases, standing
from usage.budgets.bound import Bound
from usage.budgets.increases import IncreaseRefused
from usage.budgets.models import BudgetWindow

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

TEN = Decimal(10)


class Blue:
    """A team with a lead and two members, an administrator of the gateway, and a budget of each kind."""

    def __init__(self) -> None:
        self.team = Team.objects.create(name="Blue")
        self.lea, self.mia, self.max = (self._member(name) for name in ("lea", "mia", "max"))
        Membership.objects.filter(user=self.lea).update(role=Membership.Role.LEAD)
        self.ada = User.objects.create_user("ada")
        set_role(self.ada, Role.ADMINISTRATOR)
        self.pool = budget(50, team=self.team)
        self.each = budget(5, members_of=self.team)
        self.own = budget(9, user=self.max, period="week")
        self.laptop = budget(7, key=self.mia.client_keys.get())

    def _member(self, name: str) -> User:
        user: User = person(name)
        key_of(self.team, f"key of {name}", user)
        return user

    def asked(self, who: User, of: Budget, amount: Decimal = TEN) -> IncreaseRequest:
        """Somebody asks for more of a budget."""
        bound = increases.bound_of(who, of.pk)
        assert bound is not None
        return increases.ask(who, bound, amount, "a release")


@pytest.fixture
def blue() -> Blue:
    return Blue()


def _limit(one: Budget, member: User | None = None) -> Decimal:
    (found,) = standing.now([Bound(Budget.objects.get(pk=one.pk), member)])
    return found.limit


def _entries() -> list[tuple[str, str, str, Any]]:
    return [
        (entry.action, entry.object_type, entry.object_name, json.loads(entry.changes or "{}"))
        for entry in AuditEntry.objects.order_by("number")
        if "increase" in entry.object_type or "budget" in entry.object_type
    ]


class TestAsking:
    def test_somebody_asks_for_more_of_what_binds_them(self, blue: Blue) -> None:
        for one in (blue.pool, blue.each, blue.laptop):
            row = blue.asked(blue.mia, one)
            assert (row.state, row.team, row.user, row.reason) == ("open", blue.team, blue.mia, "a release")
        assert blue.asked(blue.max, blue.own).team is None
        assert increases.bound_of(blue.max, blue.laptop.pk) is None
        assert increases.bound_of(blue.mia, blue.own.pk) is None
        # A lead asks for the service keys of the team.
        service = budget(3, key=key_of(blue.team, "service"))
        assert increases.bound_of(blue.lea, service.pk) is not None
        assert increases.bound_of(blue.mia, service.pk) is None
        red = Team.objects.create(name="Red")
        assert increases.bound_of(blue.mia, budget(3, team=red).pk) is None

    def test_one_open_request_of_a_person_and_a_budget(self, blue: Blue) -> None:
        row = blue.asked(blue.mia, blue.pool)
        with pytest.raises(IncreaseRefused, match="already"):
            blue.asked(blue.mia, blue.pool)
        blue.asked(blue.max, blue.pool)
        increases.decline(blue.lea, row)
        blue.asked(blue.mia, blue.pool)

    @pytest.mark.parametrize("amount", ["0", "-5", "1000001", "0.001"])
    def test_amounts_that_mean_nothing_are_refused(self, blue: Blue, amount: str) -> None:
        with pytest.raises(ValidationError):
            blue.asked(blue.mia, blue.pool, Decimal(amount))

    def test_an_open_request_can_be_withdrawn_by_who_asked(self, blue: Blue) -> None:
        row = blue.asked(blue.mia, blue.pool)
        with pytest.raises(PermissionDenied):
            increases.withdraw(blue.max, row)
        increases.withdraw(blue.mia, row)
        with pytest.raises(IncreaseRefused, match="withdrawn"):
            increases.approve(blue.lea, row)


class TestDeciding:
    def test_a_lead_decides_for_the_team_and_administrators_for_all(self, blue: Blue) -> None:
        team = [blue.asked(blue.mia, one) for one in (blue.pool, blue.each, blue.laptop)]
        own = blue.asked(blue.max, blue.own)
        leads = blue.asked(blue.lea, blue.pool)
        other = person("other")
        Membership.objects.create(team=Team.objects.create(name="Red"), user=other, role=Membership.Role.LEAD)
        rows = [*team, own, leads]
        assert [increases.may_decide(blue.lea, row) for row in rows] == [True, True, True, False, False]
        assert [increases.may_decide(blue.ada, row) for row in rows] == [True] * 5
        for nobody in (blue.mia, blue.max, other):
            assert [increases.may_decide(nobody, row) for row in rows] == [False] * 5
        assert increases.to_decide(blue.lea) == team
        assert increases.to_decide(blue.ada) == increases.to_decide(blue.mia) == []
        with pytest.raises(PermissionDenied):
            increases.approve(blue.lea, leads)
        # Not even as one of two leads.
        Membership.objects.filter(user=blue.mia).update(role=Membership.Role.LEAD)
        assert not increases.may_decide(blue.mia, leads)

    def test_whoever_decides_on_all_requests_decides_on_their_own(self, blue: Blue) -> None:
        Membership.objects.create(team=blue.team, user=blue.ada)
        increases.approve(blue.ada, blue.asked(blue.ada, blue.each))
        assert _limit(blue.each, blue.ada) == 15

    def test_approved_it_raises_the_window_of_now_alone(self, blue: Blue) -> None:
        done = increases.approve(blue.lea, blue.asked(blue.mia, blue.pool))
        assert (done.state, done.decided_by, done.lasting) == ("approved", blue.lea, False)
        assert _limit(blue.pool) == 60
        increases.approve(blue.lea, blue.asked(blue.max, blue.pool, Decimal("0.5")))
        assert _limit(blue.pool) == Decimal("60.5")
        assert Budget.objects.get(pk=blue.pool.pk).amount == 50

    def test_of_each_members_budget_only_who_asked_gets_more(self, blue: Blue) -> None:
        increases.approve(blue.lea, blue.asked(blue.mia, blue.each))
        assert [_limit(blue.each, who) for who in (blue.mia, blue.max)] == [15, 5]

    def test_a_window_that_was_spent_from_keeps_what_it_has(self, blue: Blue) -> None:
        increases.approve(blue.lea, blue.asked(blue.mia, blue.pool))
        BudgetWindow.objects.update(spent=Decimal(3), drawn=Decimal(2))
        increases.approve(blue.lea, blue.asked(blue.mia, blue.pool))
        window = BudgetWindow.objects.get()
        assert (window.raised, window.spent, window.drawn) == (20, 3, 2)

    def test_for_good_it_changes_the_budget(self, blue: Blue) -> None:
        done = increases.approve(blue.lea, blue.asked(blue.mia, blue.each), lasting=True)
        assert done.lasting
        assert Budget.objects.get(pk=blue.each.pk).amount == 15
        assert _limit(blue.each, blue.max) == 15
        assert not BudgetWindow.objects.exists()

    def test_a_lead_raises_nothing_for_good_beyond_what_the_team_has(self, blue: Blue) -> None:
        for one, amount, words in ((blue.pool, TEN, "administrator"), (blue.each, Decimal(56), "own budget is")):
            row = blue.asked(blue.mia, one, amount)
            with pytest.raises(IncreaseRefused, match=words):
                increases.approve(blue.lea, row, lasting=True)
            row.refresh_from_db()
            assert row.state == "open"
            increases.approve(blue.ada, row, lasting=True)
        assert _limit(blue.pool) == 60

    def test_no_budget_becomes_larger_than_one_may_be(self, blue: Blue) -> None:
        Budget.objects.filter(pk=blue.pool.pk).update(amount=3_900_000)
        rows = [blue.asked(one, blue.pool, Decimal(60_000)) for one in (blue.mia, blue.max)]
        with pytest.raises(
            ValidationError, match=r"largest amount of a budget is \$4,000,000.* \$100,000\.00 more fits"
        ):
            blue.asked(blue.lea, blue.pool, Decimal("100000.01"))
        increases.approve(blue.ada, rows[0])
        with pytest.raises(
            IncreaseRefused, match=r"largest amount of a budget is \$4,000,000.* \$40,000\.00 more fits"
        ):
            increases.approve(blue.ada, rows[1])
        increases.approve(blue.ada, rows[1], lasting=True)
        with pytest.raises(ValidationError, match="Nothing more fits"):
            blue.asked(blue.mia, blue.pool, Decimal("0.01"))
        assert BudgetWindow.objects.get(budget_id=blue.pool.pk).raised == 60_000

    def test_no_budget_becomes_larger_for_good_than_one_may_be(self, blue: Blue) -> None:
        row = blue.asked(blue.mia, blue.pool, Decimal(60_000))
        Budget.objects.filter(pk=blue.pool.pk).update(amount=3_990_000)
        with pytest.raises(IncreaseRefused, match=r"largest amount of a budget is \$4,000,000"):
            increases.approve(blue.ada, row, lasting=True)
        row.refresh_from_db()
        assert row.state == "open"
        assert Budget.objects.get(pk=blue.pool.pk).amount == 3_990_000

    def test_it_is_decided_once(self, blue: Blue) -> None:
        row = blue.asked(blue.mia, blue.pool)
        increases.approve(blue.lea, row)
        for again in (increases.approve, increases.decline):
            with pytest.raises(IncreaseRefused, match="approved before by lea"):
                again(blue.ada, row)
        assert _limit(blue.pool) == 60
        declined = increases.decline(blue.lea, blue.asked(blue.mia, blue.pool))
        assert declined.state == "declined"
        assert _limit(blue.pool) == 60

    def test_the_audit_names_the_budget_and_the_amount(self, blue: Blue) -> None:
        row = blue.asked(blue.mia, blue.pool)
        increases.approve(blue.lea, row)
        increases.approve(blue.lea, blue.asked(blue.mia, blue.each), lasting=True)
        entries = _entries()
        found = [(action, kind, name) for action, kind, name, _ in entries if action != "created" or "increase" in kind]
        request = "access.increaserequest"
        assert [(action, kind) for action, kind, _ in found] == [
            ("created", request), ("approved", request), ("raised", "access.budget"),
            ("created", request), ("approved", request), ("changed", "access.budget"),
        ]  # fmt: skip
        asked = next(changes for action, kind, _, changes in entries if kind == request)
        assert Decimal(asked["amount"][1]) == TEN
        assert asked["reason"][1] == "a release"
        raised = next(changes for action, *_, changes in entries if action == "raised")
        assert [Decimal(one) for one in raised["raised"]] == [0, 10]
        assert raised["for"][1] == "mia"


@pytest.mark.django_db(transaction=True)
def test_of_two_leads_who_approve_at_the_same_moment_one_does(transactional_db: None) -> None:
    blue = Blue()
    second = person("second")
    Membership.objects.create(team=blue.team, user=second, role=Membership.Role.LEAD)
    row = blue.asked(blue.mia, blue.pool)
    start, outcomes = threading.Barrier(4), []

    def decide(who: User, lasting: bool) -> None:
        try:
            start.wait()
            increases.approve(who, row, lasting=lasting)
            outcomes.append("approved")
        except IncreaseRefused:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=(who, False)) for who in (blue.lea, second) * 2]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(outcomes) == ["approved", "refused", "refused", "refused"]
    assert _limit(blue.pool) == 60
    assert IncreaseRequest.objects.get().decided_at <= timezone.now()  # type: ignore[operator]


class TestWhoHearsOfIt:
    @staticmethod
    def _messages() -> list[tuple[str, str]]:
        rows = OutboxMessage.objects.filter(alert__kind="increase").order_by("id")
        return [(str(row.user), row.subject) for row in rows]

    def test_the_leads_and_then_who_asked(self, blue: Blue) -> None:
        row = blue.asked(blue.mia, blue.each)
        asked = "mia asks for $10.00 more of the budget of mia in team Blue"
        assert self._messages() == [("lea", asked)]
        assert "What it is for: a release" in OutboxMessage.objects.get().text
        increases.approve(blue.lea, row)
        assert self._messages()[1:] == [("mia", "Approved: $10.00 more of the budget of mia in team Blue")]
        text = OutboxMessage.objects.latest("id").text
        assert "lea approved your request" in text
        assert " until " in text
        increases.decline(blue.lea, blue.asked(blue.mia, blue.each))
        assert self._messages()[3:] == [("mia", "Declined: $10.00 more of the budget of mia in team Blue")]
        assert not Alert.objects.filter(ended_at=None).exists()

    def test_what_no_lead_decides_on_reaches_owners_and_administrators(self, blue: Blue) -> None:
        User.objects.create_superuser("ona")
        blue.asked(blue.lea, blue.pool)
        blue.asked(blue.max, blue.own)
        assert sorted(name for name, _ in self._messages()) == ["ada", "ada", "ona", "ona"]

    def test_a_team_without_a_lead_has_owners_and_administrators(self, blue: Blue, settings: Any) -> None:
        settings.PUBLIC_URL = "https://gateway.example.com"
        User.objects.create_superuser("ona")
        User.objects.filter(pk=blue.lea.pk).update(is_active=False)
        blue.asked(blue.mia, blue.each)
        assert sorted(name for name, _ in self._messages()) == ["ada", "ona"]
        assert "for more in the admin.\n\nhttps://gateway.example.com/admin/" in OutboxMessage.objects.latest("id").text

    def test_what_is_withdrawn_waits_no_more(self, blue: Blue) -> None:
        increases.withdraw(blue.mia, blue.asked(blue.mia, blue.each))
        assert not Alert.objects.filter(ended_at=None).exists()

    def test_nothing_is_sent_for_what_is_rolled_back(self, blue: Blue) -> None:
        row = blue.asked(blue.mia, blue.pool)
        before = self._messages()
        with pytest.raises(IncreaseRefused):
            increases.approve(blue.lea, row, lasting=True)
        assert self._messages() == before
