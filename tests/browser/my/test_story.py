"""As a new owner would try it: the owner invites a lead, who invites a member, who makes a key and streams; the lead
removes the member, and the owner finds it all in the audit. In Chromium, at the width of a desk and of a phone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from access.audit.models import AuditEntry
from access.models import ClientKey, Invitation, Membership, Team
from tests.browser.layout import fits
from tests.browser.steps import fill, is_at, press, shows, sign_in_by_form
from tests.browser.visits import Visits
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, unique
from tests.harness.forms import PASSWORD, delete_users
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream


@pytest.fixture
def names(orm: Rows) -> Iterator[dict[str, str]]:
    """The names of those in the story; the owner is there already, and a second one so that the last can go again."""
    named = {role: unique(role) for role in ("owner", "second", "lead", "member")}
    User.objects.create_superuser(named["owner"], password=PASSWORD)
    User.objects.create_superuser(named["second"])
    yield named
    delete_users(username__in=named.values())


@pytest.fixture
def team(orm: Rows) -> Iterator[Team]:
    """A team without members."""
    made = Team.objects.create(name=unique("blue"))
    yield made
    made.delete()


def _link(page: Page) -> str:
    return page.locator("main pre.gw-code").first.inner_text()


def _join(visits: Visits, gateway: Gateway, link: str, name: str, words: str) -> Page:
    """Somebody new opens a link in a browser of their own."""
    page = visits.begin()
    page.goto(link)
    is_at(page, "/my/join/")
    shows(page, words)
    fits(page, gateway, ["/my/join/"])
    fill(page, username=name, password1=PASSWORD, password2=PASSWORD)
    press(page, "Make the account and join")
    is_at(page, "/my/")
    return page


def _sign_in_again(page: Page, gateway: Gateway, name: str) -> None:
    """Sign in where members do."""
    page.context.clear_cookies()
    page.goto(f"{gateway.base_url}/my/login/")
    page.locator("[name=username]").fill(name)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    is_at(page, "/my/")


def _ask(gateway: Gateway, secret: str, route: str, prompt: str) -> str:
    with (
        anthropic.Anthropic(base_url=gateway.base_url, api_key=secret, max_retries=0) as sdk,
        sdk.messages.stream(model=route, max_tokens=1000, messages=[{"role": "user", "content": prompt}]) as stream,
    ):
        return "".join(stream.text_stream)


def test_from_the_first_invitation_to_the_end_of_a_key(
    visits: Visits,
    names: dict[str, str],
    team: Team,
    gateway: Gateway,
    standing: Standing,
    upstream: Upstream,
    orm: Rows,
) -> None:
    route = standing.routes["openai_chat"].name

    # The owner invites a lead.
    owner = visits.begin()
    sign_in_by_form(owner, gateway, names["owner"])
    owner.goto(f"{gateway.base_url}/admin/access/team/{team.pk}/change/")
    owner.locator("a").filter(has_text="Invite", visible=True).first.click()
    is_at(owner, "/admin/access/invitation/add/")
    assert owner.locator("[name=team]").evaluate("(one) => one.selectedOptions[0].text") == team.name
    invite = f"/admin/access/invitation/add/?team={team.pk}"
    fits(owner, gateway, [invite])
    owner.goto(gateway.base_url + invite)
    owner.locator("input[name=role][value=lead]").check()
    press(owner, "Invite")
    shows(owner, "This link is shown only once")

    # The lead joins and invites a member.
    lead = _join(visits, gateway, _link(owner), names["lead"], "as one of its leads")
    page = f"{gateway.base_url}/my/teams/{team.pk}/"
    lead.goto(page)
    press(lead, "Invite")
    is_at(lead, "/invite/")
    press(lead, "Make the link")
    expect(lead.locator("main pre.gw-code").first).to_contain_text("/my/join/")
    link = _link(lead)

    # The member joins, makes a key and streams.
    member = _join(visits, gateway, link, names["member"], "as a member")
    press(member, "Make a key")
    is_at(member, "/my/keys/add/")
    fill(member, name="Laptop")
    press(member, "Make the key")
    is_at(member, "/secret/")
    secret = _link(member)
    gateway.wait_snapshot()
    script = upstream.script(speak.chat_answer("Hello, member"))
    assert _ask(gateway, secret, route, script.prompt) == "Hello, member"
    key = ClientKey.objects.get(team=team)
    until(lambda: _requests_of(key) == [names["member"]], "the row of the request")

    # Each sees their own, and nobody the other's.
    member.goto(f"{gateway.base_url}/my/requests/")
    shows(member, route)
    member.goto(page)
    expect(member.locator("body")).not_to_contain_text(names["lead"], use_inner_text=True)
    member.goto(f"{gateway.base_url}/admin/access/team/")
    is_at(member, "/my/")
    fits(member, gateway, [f"/my/teams/{team.pk}/leave/"])
    _sign_in_again(lead, gateway, names["lead"])
    lead.goto(page)
    shows(lead, names["member"])
    lead.goto(f"{page}requests/")
    shows(lead, names["member"])

    # The lead removes the member: the key ends, and the link that was used opens nothing again.
    lead.goto(page)
    press(lead, "Remove")
    is_at(lead, "/remove/")
    press(lead, f"Remove {names['member']}")
    until(lambda: Client(gateway.base_url, secret).post(message(route, "hello")).status == 401, "the end of the key")
    stranger = visits.begin()
    stranger.goto(link)
    shows(stranger, "This invitation was used")
    fits(stranger, gateway, ["/my/join/", "/my/forgot/", "/my/password/new/"])

    assert [one.user.username for one in Membership.objects.filter(team=team)] == [names["lead"]]
    assert Invitation.objects.filter(team=team).exclude(accepted_at=None).count() == 2
    _find_in_the_audit(names, team, secret)
    owner.goto(f"{gateway.base_url}/admin/access/auditentry/?q={names['lead']}")
    shows(owner, names["lead"])
    shows(owner, "deleted")
    # A team is hidden from whoever leads none, and a link that leads nowhere is not found.
    visits.provoked(404, f"/my/teams/{team.pk}/", "/my/join/", "/my/password/new/")


def _requests_of(key: ClientKey) -> list[Any]:
    from usage.models import RequestLog

    return list(RequestLog.objects.filter(key_id=key.pk).values_list("owner_name", flat=True))


def _find_in_the_audit(names: dict[str, str], team: Team, secret: str) -> None:
    """Who did what to the team and its people, and none of their secrets."""
    owner, lead, member = names["owner"], names["lead"], names["member"]
    entries = AuditEntry.objects.filter(person_name__in=[*names.values(), ""])
    found = {(entry.person_name, entry.action, entry.object_type) for entry in entries}
    story = {
        (owner, "signed in", "auth.user"),
        (owner, "created", "access.invitation"),
        (lead, "signed in", "auth.user"),
        (lead, "created", "access.invitation"),
        (member, "created", "access.clientkey"),
        (lead, "revoked", "access.clientkey"),
        (lead, "deleted", "access.membership"),
    }
    assert story - found == set()
    joined = AuditEntry.objects.filter(
        object_type="access.membership", action="created", object_name__contains=team.name
    )
    assert [lead in joined[1].object_name, member in joined[0].object_name] == [True, True]
    written = "\n".join(f"{entry} {entry.changes}" for entry in AuditEntry.objects.all())
    assert secret not in written
    assert PASSWORD not in written
