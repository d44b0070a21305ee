"""A member and a lead in a browser: a key is made, survives a reload and streams; the member is removed, and the key
ends. Every page fits a phone and a desk, in the light and in the dark, and each of its controls has a name."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from access.models import Budget, IncreaseRequest, Membership, RateLimit, Team
from tests.browser.layout import fits
from tests.browser.steps import fill, is_at, press, shows, sign_in
from tests.browser.visits import Visits
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, unique
from tests.harness.forms import PASSWORD
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream

_SECRET = re.compile(r"sk-px-[0-9A-Za-z]{49}")


@pytest.fixture
def team(orm: Rows) -> Iterator[dict[str, User]]:
    """A lead and a member of a new team, who can sign in."""
    group = Team.objects.create(name=unique("blue"))
    people = {}
    for role in Membership.Role:
        people[role.value] = User.objects.create_user(unique(role.value), password=PASSWORD)
        Membership.objects.create(team=group, user=people[role.value], role=role)
    yield people
    group.delete()
    User.objects.filter(pk__in=[person.pk for person in people.values()]).delete()


def test_a_member_makes_a_key_and_streams_and_a_lead_ends_it(
    visits: Visits, team: dict[str, User], gateway: Gateway, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    route = standing.routes["openai_chat"].name
    group = Team.objects.get(memberships__user=team["member"])
    each = Budget.objects.create(members_of=group, amount=50, leads_may_change=True)
    Budget.objects.create(team=group, amount=100, hard=False)
    member, lead = visits.begin(), visits.begin()
    sign_in(member, gateway, team["member"].username)
    press(member, "Make a key")
    is_at(member, "/my/keys/add/")
    fill(member, name="Laptop")
    press(member, "Make the key")
    is_at(member, "/secret/")
    secret = member.locator("main pre").first.inner_text()
    assert _SECRET.fullmatch(secret)
    shows(member, f"export ANTHROPIC_BASE_URL={gateway.base_url}")
    member.reload()
    expect(member.locator("main pre").first).to_have_text(secret)
    address = member.url.removeprefix(gateway.base_url)
    fits(member, gateway, [address])

    gateway.wait_snapshot()
    client = Client(gateway.base_url, secret)
    script = upstream.script(speak.chat_answer("Hello, Laptop"))
    answer = client.post(message(route, script.prompt))
    assert answer.stream().text == "Hello, Laptop"
    row = orm.request(answer.request_id)
    refused = client.post(message("no-such-route", "hello"))
    assert refused.status == 404
    orm.request(refused.request_id)

    press(member, "I have copied it")
    shows(member, "Last used")
    assert secret not in member.content()
    key = address.removesuffix("secret/")
    own = ["/my/", "/my/keys/", "/my/keys/add/", key, f"{key}rotate/", f"{key}revoke/", "/my/usage/", "/my/requests/"]
    own += ["/my/budgets/", f"/my/budgets/{each.pk}/ask/"]
    fits(member, gateway, [*own, f"/my/requests/{row.pk}/", "/my/routes/", "/my/password_change/"])
    member.goto(f"{gateway.base_url}/my/")
    shows(member, "no-such-route")

    member.goto(f"{gateway.base_url}/my/budgets/{each.pk}/ask/")
    fill(member, amount="7.50", reason="a release")
    press(member, "Ask")
    shows(member, "Nobody has answered yet")

    sign_in(lead, gateway, team["lead"].username)
    shows(lead, f"{team['member'].username} asks for $7.50 more")
    fits(lead, gateway, ["/my/", f"/my/teams/{row.team_id}/budgets/"])
    lead.goto(f"{gateway.base_url}/my/")
    press(lead, "Approve")
    shows(lead, "Requests pass at once")
    assert IncreaseRequest.objects.get(budget=each).state == "approved"
    lead.goto(f"{gateway.base_url}/my/teams/{row.team_id}/")
    shows(lead, team["member"].username)
    pages = [
        f"/my/teams/{row.team_id}/{page}" for page in ("", "usage/", "requests/", "keys/add/", "invite/", "budgets/")
    ]
    limit = RateLimit.objects.create(members_of=group, measure="requests", most=60, leads_may_change=True)
    changed = f"{pages[-1]}{each.pk}/"
    pages += [f"{pages[-1]}{page}" for page in ("set/", "add/", f"limits/{limit.pk}/")] + [changed, f"{changed}remove/"]
    fits(lead, gateway, [*pages, f"/my/requests/{row.pk}/"])
    lead.goto(f"{gateway.base_url}/my/teams/{row.team_id}/")
    press(lead, "Remove")
    is_at(lead, "/remove/")
    fits(lead, gateway, [lead.url.removeprefix(gateway.base_url)])
    press(lead, f"Remove {team['member'].username}")
    shows(lead, "is no member of")
    until(lambda: client.post(message(route, "hello")).status == 401)
