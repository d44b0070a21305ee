"""A member runs into a budget at a running server, asks for more on the page, a lead approves it on theirs, and the
next request passes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser

from access.models import Budget, IncreaseRequest, Membership, Team
from tests.budgets.spending import Spending, answering, cents_for, refused, reserved
from tests.harness.configure import Key, make_key, unique
from tests.harness.gateway import Gateway
from tests.harness.patience import PATIENCE
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream

pytestmark = pytest.mark.both_databases
OUTPUT = 100
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Person:
    """Somebody who is signed in at the server."""

    def __init__(self, gateway: Gateway, user: User) -> None:
        self.user = user
        browser = Browser()
        browser.force_login(user)
        cookies = {name: morsel.value for name, morsel in browser.cookies.items()}
        self._http = httpx.Client(
            base_url=gateway.base_url, cookies=cookies, follow_redirects=True, trust_env=False, timeout=PATIENCE
        )

    def close(self) -> None:
        """Ends the connection."""
        self._http.close()

    def see(self, path: str) -> str:
        """A page's HTML."""
        page = self._http.get(path)
        assert page.status_code == 200, page
        return page.text

    def send(self, path: str, form_on: str, **fields: str) -> str:
        """Sends a form that is on a page."""
        (token, *_) = _TOKEN.findall(self.see(form_on))
        headers = {"origin": str(self._http.base_url).rstrip("/")}
        page = self._http.post(path, data={"csrfmiddlewaretoken": token, **fields}, headers=headers)
        assert page.status_code == 200, page
        return page.text


class Members:
    """A team with a lead and a member, whose key is used up by two requests."""

    def __init__(self, gateway: Gateway, spending: Spending) -> None:
        self.gateway, self.spending = gateway, spending
        self.team = Team.objects.create(name=unique("blue"))
        self.lea, self.mia = (self._person(role) for role in (Membership.Role.LEAD, Membership.Role.MEMBER))
        self.key: Key = make_key(self.team, owner=self.mia.user)
        self.made = spending.script(
            lambda prompt: spending.body(prompt, OUTPUT), lambda tokens: [answering(tokens, OUTPUT)]
        )
        self.need = reserved(self.made.tokens, OUTPUT)

    def _person(self, role: str) -> Person:
        user = User.objects.create_user(unique(role))
        Membership.objects.create(team=self.team, user=user, role=role)
        return Person(self.gateway, user)

    def ask_model(self) -> Any:
        """A request's answer."""
        return self.spending.send(self.made.body, self.key)

    def use_up(self) -> Any:
        """Sends requests until one is refused, which it returns."""
        self.spending.ready()
        for _ in range(20):
            if refused(answer := self.ask_model()):
                return answer
            assert answer.status == 200
        raise AssertionError("nothing was refused")


@pytest.fixture
def members(gateway: Gateway, upstream: Upstream, orm: Rows) -> Iterator[Members]:
    made = Members(gateway, Spending(upstream, [gateway]))
    yield made
    for person in (made.lea, made.mia):
        person.close()


def test_what_a_lead_approves_passes_at_once(members: Members) -> None:
    budget = Budget.objects.create(members_of=members.team, amount=cents_for(2 * members.need))
    answer = members.use_up()
    sentence = answer.json["error"]["message"]
    assert f"budget of {members.mia.user} in team {members.team}" in sentence
    assert "/my/" in sentence
    page = members.mia.see("/my/")
    assert f"Budget of {members.mia.user} in team {members.team}" in page
    assert "Ask for more" in page
    more = str(cents_for(3 * members.need))
    ask = f"/my/budgets/{budget.pk}/ask/"
    assert "Nobody has answered yet" in members.mia.send(ask, ask, amount=more, reason="a release")
    assert refused(members.ask_model())
    row = IncreaseRequest.objects.get(budget=budget)
    page = members.lea.send(f"/my/increases/{row.pk}/approve/", "/my/")
    assert "Requests pass at once" in page
    assert members.ask_model().status == 200
    assert "of the limit was added for this period alone" in members.mia.see("/my/budgets/")


def test_an_answer_that_was_ended_is_no_obstacle_once_more_is_approved(members: Members, orm: Rows) -> None:
    spending = members.spending
    made = spending.script(
        lambda prompt: spending.body(prompt, 20_000), lambda tokens: [answering(tokens, 20_000, pause=0.002, each=200)]
    )
    budget = Budget.objects.create(members_of=members.team, amount=cents_for(reserved(made.tokens, 9_000)))
    spending.ready()
    answer = spending.send(made.body, members.key)
    assert answer.stream().stop_reason == "max_tokens"
    assert refused(spending.send(members.made.body, members.key))
    ask = f"/my/budgets/{budget.pk}/ask/"
    members.mia.send(ask, ask, amount=str(cents_for(reserved(made.tokens, 40_000))))
    members.lea.send(f"/my/increases/{IncreaseRequest.objects.get(budget=budget).pk}/approve/", "/my/")
    assert members.ask_model().status == 200


def test_what_is_raised_for_good_passes_with_the_next_snapshot(members: Members) -> None:
    budget = Budget.objects.create(members_of=members.team, amount=cents_for(2 * members.need))
    members.use_up()
    ask = f"/my/budgets/{budget.pk}/ask/"
    members.mia.send(ask, ask, amount=str(cents_for(3 * members.need)))
    row = IncreaseRequest.objects.get(budget=budget)
    members.lea.send(f"/my/increases/{row.pk}/approve/", "/my/", lasting="on")
    members.gateway.wait_snapshot()
    assert members.ask_model().status == 200


def test_what_is_declined_stays_refused(members: Members) -> None:
    budget = Budget.objects.create(members_of=members.team, amount=cents_for(2 * members.need))
    members.use_up()
    ask = f"/my/budgets/{budget.pk}/ask/"
    members.mia.send(ask, ask, amount="5")
    row = IncreaseRequest.objects.get(budget=budget)
    assert "Declined" in members.lea.send(f"/my/increases/{row.pk}/decline/", "/my/")
    assert refused(members.ask_model())
    assert f"by {members.lea.user}" in members.mia.see("/my/")
