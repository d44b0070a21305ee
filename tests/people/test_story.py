"""As a new owner would try it: the owner invites a lead, who invites a member, who makes a key and streams; the lead
removes the member, and the owner finds it all in the audit. In Chromium, at the width of a desk and of a phone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from django.contrib.auth.models import User
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import Select, WebDriverWait

from access.audit.models import AuditEntry
from access.models import ClientKey, Invitation, Membership, Team
from tests.admin.browser.conftest import log_in, wait
from tests.admin.browser.test_my import _looked_at, _press, _shows, _text
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, unique
from tests.harness.forms import PASSWORD, delete_users
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream

pytestmark = pytest.mark.clients


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


def _link(browser: WebDriver) -> str:
    return browser.find_element(By.CSS_SELECTOR, "main pre.gw-code").text


def _fill(browser: WebDriver, **fields: str) -> None:
    for name, value in fields.items():
        browser.find_element(By.NAME, name).send_keys(value)


def _join(browser: WebDriver, gateway: Gateway, link: str, name: str, words: str) -> None:
    """Somebody new opens a link in a browser of their own."""
    browser.delete_all_cookies()
    browser.get(link)
    wait(browser, "/my/join/")
    _shows(browser, words)
    _looked_at(browser, gateway, ["/my/join/"])
    _fill(browser, username=name, password1=PASSWORD, password2=PASSWORD)
    _press(browser, "Make the account and join")
    wait(browser, "/my/")


def _sign_in(browser: WebDriver, gateway: Gateway, name: str) -> None:
    browser.delete_all_cookies()
    browser.get(gateway.base_url + "/my/login/")
    _fill(browser, username=name, password=PASSWORD + "\n")
    wait(browser, "/my/")


def _ask(gateway: Gateway, secret: str, route: str, prompt: str) -> str:
    with (
        anthropic.Anthropic(base_url=gateway.base_url, api_key=secret, max_retries=0) as sdk,
        sdk.messages.stream(model=route, max_tokens=1000, messages=[{"role": "user", "content": prompt}]) as stream,
    ):
        return "".join(stream.text_stream)


def test_from_the_first_invitation_to_the_end_of_a_key(
    browser: WebDriver,
    names: dict[str, str],
    team: Team,
    gateway: Gateway,
    standing: Standing,
    upstream: Upstream,
    orm: Rows,
) -> None:
    route = standing.routes["openai_chat"].name

    # The owner invites a lead.
    log_in(browser, gateway, names["owner"])
    browser.get(f"{gateway.base_url}/admin/access/team/{team.pk}/change/")
    _press_anywhere(browser, "Invite")
    wait(browser, "/admin/access/invitation/add/")
    assert Select(browser.find_element(By.NAME, "team")).first_selected_option.text == team.name
    browser.find_element(By.CSS_SELECTOR, "input[name=role][value=lead]").click()
    _looked_at(browser, gateway, [f"/admin/access/invitation/add/?team={team.pk}"])
    browser.get(f"{gateway.base_url}/admin/access/invitation/add/?team={team.pk}")
    browser.find_element(By.CSS_SELECTOR, "input[name=role][value=lead]").click()
    _press(browser, "Invite")
    _shows(browser, "This link is shown only once")
    link = _link(browser)

    # The lead joins and invites a member.
    _join(browser, gateway, link, names["lead"], "as one of its leads")
    page = f"{gateway.base_url}/my/teams/{team.pk}/"
    browser.get(page)
    _press(browser, "Invite")
    wait(browser, "/invite/")
    _press(browser, "Make the link")
    WebDriverWait(browser, 15).until(lambda driver: "/my/join/" in _link(driver))
    link = _link(browser)

    # The member joins, makes a key and streams.
    _join(browser, gateway, link, names["member"], "as a member")
    _press(browser, "Make a key")
    wait(browser, "/my/keys/add/")
    _fill(browser, name="Laptop")
    _press(browser, "Make the key")
    wait(browser, "/secret/")
    secret = _link(browser)
    gateway.wait_snapshot()
    script = upstream.script(speak.chat_answer("Hello, member"))
    assert _ask(gateway, secret, route, script.prompt) == "Hello, member"
    key = ClientKey.objects.get(team=team)
    until(lambda: _requests_of(key) == [names["member"]], "the row of the request")

    # Each sees their own, and nobody the other's.
    browser.get(f"{gateway.base_url}/my/requests/")
    _shows(browser, route)
    browser.get(page)
    assert names["lead"] not in _text(browser)
    browser.get(f"{gateway.base_url}/admin/access/team/")
    wait(browser, "/my/")
    _looked_at(browser, gateway, [f"/my/teams/{team.pk}/leave/"])
    _sign_in(browser, gateway, names["lead"])
    browser.get(page)
    _shows(browser, names["member"])
    browser.get(f"{page}requests/")
    _shows(browser, names["member"])

    # The lead removes the member: the key ends, and the link that was used opens nothing again.
    browser.get(page)
    _press(browser, "Remove")
    wait(browser, "/remove/")
    _press(browser, f"Remove {names['member']}")
    until(lambda: Client(gateway.base_url, secret).post(message(route, "hello")).status == 401, "the end of the key")
    browser.delete_all_cookies()
    browser.get(link)
    _shows(browser, "This invitation was used")
    _looked_at(browser, gateway, ["/my/join/", "/my/forgot/", "/my/password/new/"])

    assert [one.user.username for one in Membership.objects.filter(team=team)] == [names["lead"]]
    assert Invitation.objects.filter(team=team).exclude(accepted_at=None).count() == 2
    _find_in_the_audit(browser, gateway, names, team, secret)


def _requests_of(key: ClientKey) -> list[Any]:
    from usage.models import RequestLog

    return list(RequestLog.objects.filter(key_id=key.pk).values_list("owner_name", flat=True))


def _press_anywhere(browser: WebDriver, text: str) -> None:
    path = f"//*[self::a or self::button][normalize-space(.)={text!r} or contains(@href, '/invite/')]"
    WebDriverWait(browser, 15).until(lambda driver: driver.find_element(By.XPATH, path)).click()


def _find_in_the_audit(browser: WebDriver, gateway: Gateway, names: dict[str, str], team: Team, secret: str) -> None:
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

    browser.delete_all_cookies()
    log_in(browser, gateway, owner)
    browser.get(f"{gateway.base_url}/admin/access/auditentry/?q={lead}")
    _shows(browser, lead)
    _shows(browser, "deleted")
