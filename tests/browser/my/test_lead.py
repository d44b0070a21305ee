"""As a new lead would try it: sets limits and budgets in a browser, a real client runs into each and reads why, its
person asks for more, the lead approves with one click or raises the limit, and the client goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import anthropic
import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from access.models import AuditEntry, Budget, IncreaseRequest, Membership, Team
from tests.browser.steps import fill, is_at, press, shows, sign_in
from tests.browser.visits import Visits
from tests.budgets.spending import Scripted, Spending, answering, cents_for, reserved
from tests.clients import claude_code
from tests.harness.configure import Key, make_key, unique
from tests.harness.forms import PASSWORD
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream

OUTPUT = 100
_RESETS = r"It resets: \d{4}-\d\d-\d\d at \d\d:\d\d \(UTC\)\."


class Somebody:
    """One of the team, who has signed in."""

    def __init__(self, visits: Visits, gateway: Gateway, team: Team, role: str) -> None:
        self.user = User.objects.create_user(unique(role), password=PASSWORD)
        Membership.objects.create(team=team, user=self.user, role=role)
        self.page, self._gateway = visits.begin(), gateway
        sign_in(self.page, gateway, self.user.username)

    def opens(self, path: str) -> Page:
        """Opens a page."""
        self.page.goto(self._gateway.base_url + path)
        return self.page


class Story:
    """The team with what an administrator gave it, and a client for each of its keys."""

    def __init__(self, visits: Visits, gateway: Gateway, upstream: Upstream) -> None:
        self.gateway = gateway
        self.team = Team.objects.create(name=unique("blue"))
        self.lea, self.mia = (
            Somebody(visits, gateway, self.team, role) for role in (Membership.Role.LEAD, Membership.Role.MEMBER)
        )
        self.laptop = make_key(self.team, owner=self.mia.user, name="laptop")
        self.pipeline = make_key(self.team, name="pipeline")
        spending = Spending(upstream, [gateway])
        self.made: Scripted = spending.script(
            lambda prompt: spending.body(prompt, OUTPUT), lambda tokens: [answering(tokens, OUTPUT)]
        )
        self.pool = Budget.objects.create(team=self.team, amount=self.dollars(13))
        self.path = f"/my/teams/{self.team.pk}/budgets/set/"

    def dollars(self, requests: int) -> Decimal:
        """What covers so many requests."""
        return cents_for(requests * reserved(self.made.tokens, OUTPUT))

    def ask_model(self, key: Key) -> str:
        """The model's answer, through the SDK as it comes, with its retries."""
        body: dict[str, Any] = {name: self.made.body[name] for name in ("model", "max_tokens", "messages")}
        with (
            anthropic.Anthropic(base_url=self.gateway.base_url, api_key=key.secret) as sdk,
            sdk.messages.stream(**body) as stream,
        ):
            return "".join(stream.text_stream)

    def goes_on_until_refused(self, key: Key) -> tuple[int, anthropic.RateLimitError]:
        """How many requests pass, and the refusal of the next."""
        for passed in range(20):
            try:
                assert self.ask_model(key).startswith("abc")
            except anthropic.RateLimitError as refusal:
                return passed, refusal
        raise AssertionError("nothing was refused")

    def lead_sets(self, what: str, **fields: str) -> None:
        """The lead adds a budget or a rate limit."""
        page = self.lea.opens(self.path)
        press(page, f"Add a {what}")
        is_at(page, "/add/")
        fill(page, **fields)
        press(page, "Save")

    def saved(self, words: str) -> None:
        """The page says what was saved and what it means; it holds for the next request."""
        is_at(self.lea.page, "/set/")
        shows(self.lea.page, words)
        self.gateway.wait_snapshot()

    def lead_raises(self, limit: str, most: str) -> None:
        """The lead changes a limit of the list to another amount."""
        page = self.lea.opens(self.path)
        page.locator(f"a[aria-label^='Change {limit}']").click()
        fill(page, most=most)
        press(page, "Save")
        self.saved("Saved")

    def asks_and_gets_more(self, budget: Budget, requests: int) -> None:
        """The member asks for more in the browser, and the lead approves with one click."""
        more = self.dollars(requests)
        asking = self.mia.opens(f"/my/budgets/{budget.pk}/ask/")
        fill(asking, amount=str(more), reason="a release")
        press(asking, "Ask")
        shows(asking, "Nobody has answered yet")
        answering = self.lea.opens("/my/")
        shows(answering, f"{self.mia.user} asks for ${more:,.2f} more")
        press(answering, "Approve")
        shows(answering, "Requests pass at once")
        assert IncreaseRequest.objects.get(budget=budget).state == "approved"


@pytest.fixture
def story(visits: Visits, gateway: Gateway, upstream: Upstream, orm: Rows) -> Iterator[Story]:
    made = Story(visits, gateway, upstream)
    yield made
    made.team.delete()
    User.objects.filter(pk__in=[made.lea.user.pk, made.mia.user.pk]).delete()


def _sentence(refusal: anthropic.RateLimitError, kind: str) -> str:
    assert refusal.type == kind
    assert refusal.response.headers["x-should-retry"] == "false"
    return str(refusal.api_message)


def test_a_new_lead_sets_limits_and_their_clients_run_into_each(story: Story, tmp_path: Path) -> None:
    pool = story.pool.amount

    # What an administrator gave is there to see; more than that is refused beside the field.
    page = story.lea.opens(f"/my/teams/{story.team.pk}/")
    press(page, "Set budgets and limits")
    is_at(page, "/set/")
    shows(page, f"${pool:,.2f} a month")
    shows(page, "set by an administrator")
    expect(page.locator("body")).not_to_contain_text("Change", use_inner_text=True)
    story.lead_sets("budget", amount=str(pool + 1))
    shows(page, f"The team's own budget is ${pool:,.2f} a month, and no member's or key's may be larger.")
    fill(page, amount=str(story.dollars(5)))
    press(page, "Save")
    story.saved(f"The team's ${pool:,.2f} a month still binds all.")
    story.lead_sets("budget", binds=f"laptop ({story.mia.user})", amount=str(story.dollars(2)))
    story.saved(f"${story.dollars(2):,.2f} a month, of the key laptop")
    for per, amount, most in (("a minute", "1 request", "1"), ("a day", "3 requests", "3")):
        story.lead_sets("rate limit", binds="pipeline (service key)", measure="requests", per=per, most=most)
        story.saved(f"{amount} {per}, of the key pipeline")

    # The service key's minute, then its day: the lead raises each.
    passed, refusal = story.goes_on_until_refused(story.pipeline)
    sentence = _sentence(refusal, "rate_limit_error")
    wanted = (
        r"The limit of 1 request a minute for this client key is reached\. There is room for this request in \d+ s: "
        r"send it again then, or ask a lead of your team for a higher limit\. The gateway's page /my/ shows your "
        r"limits\."
    )
    assert (passed, bool(re.fullmatch(wanted, sentence))) == (1, True), sentence
    story.lead_raises("1 request a minute", "600")
    passed, refusal = story.goes_on_until_refused(story.pipeline)
    sentence = _sentence(refusal, "billing_error")
    wanted = (
        r"The limit of 3 requests a day for this client key is used up until \d{4}-\d\d-\d\d 00:00 \(UTC\)\. "
        r"Send the request again then, or ask a lead of your team for a higher limit\..*"
    )
    assert (passed, bool(re.fullmatch(wanted, sentence))) == (2, True), sentence
    story.lead_raises("3 requests a day", "1000")
    assert story.ask_model(story.pipeline)

    # The budget of the member's key, theirs as a member, and the team's: they ask, the lead approves.
    each, of_key = (Budget.objects.get(**{whom: bound}) for whom, bound in
                    (("members_of", story.team), ("key", story.laptop.row)))  # fmt: skip
    asking = "ask a lead of your team or an administrator of this gateway (if you have an account, at its /my/)."
    member_asks = "ask for more at /my/ of this gateway: a lead of your team or an administrator decides."
    for budget, label, ask in (
        (of_key, "of the key 'laptop'", asking),
        (each, f"of {story.mia.user} in team {story.team}", member_asks),
        (story.pool, f"of team {story.team}", asking),
    ):
        passed, refusal = story.goes_on_until_refused(story.laptop)
        assert passed > 0, label
        sentence = _sentence(refusal, "billing_error")
        amount = f"${budget.amount:,.2f} a month"
        begins = f"The budget {label} of {amount} has not enough left for this request, which reserves $"
        assert sentence.startswith(begins), sentence
        assert re.search(_RESETS, sentence), sentence
        assert sentence.endswith(f"To go on earlier, {ask}"), sentence
        if budget is of_key:
            read = claude_code.run(
                claude_code.LATEST, tmp_path / "home", story.gateway.base_url, story.laptop.secret,
                story.made.body["model"], "hello",
            )  # fmt: skip
            # Its request reserves more, and what is spent may be known better by now.
            shown = str(read.result["result"])
            assert begins in shown
            assert shown.endswith(sentence.partition(" It resets:")[2])
        story.asks_and_gets_more(budget, 20)
    assert story.ask_model(story.laptop)

    # The lead changed nothing of the team's own, and the audit has who set what.
    story.pool.refresh_from_db()
    assert story.pool.amount == pool
    entries = AuditEntry.objects.filter(person_name=story.lea.user.username)
    found = [(entry.action, entry.object_type) for entry in entries.order_by("number")]
    assert [one for one in found if one[1] in ("access.budget", "access.ratelimit")] == [
        *(2 * [("created", "access.budget")]), *(2 * [("created", "access.ratelimit")]),
        *(2 * [("changed", "access.ratelimit")]), *(3 * [("raised", "access.budget")]),
    ]  # fmt: skip
