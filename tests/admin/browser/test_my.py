"""A member and a lead in a browser: a key is made, survives a reload and streams; the member is removed, and the key
ends. Every page fits a phone and a desk, in the light and in the dark, and each of its controls has a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from access.models import Budget, IncreaseRequest, Membership, RateLimit, Team
from tests.admin.browser.conftest import wait
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, unique
from tests.harness.forms import PASSWORD
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream

pytestmark = pytest.mark.clients
SECRET = re.compile(r"sk-px-[0-9A-Za-z]{49}")
SIZES = ((1440, 1000), (390, 844))
_UNNAMED = """
return [...document.querySelectorAll("main :is(input, select, textarea, button, a)")].filter((one) =>
  one.offsetParent && one.type !== "hidden"
    && !one.textContent.trim() && !one.getAttribute("aria-label") && !(one.labels || []).length
).map((one) => one.outerHTML.slice(0, 200));
"""
_WIDER = """
const width = document.documentElement.clientWidth;
return document.documentElement.scrollWidth > width
  ? [...document.querySelectorAll("main *")].filter((one) => one.getBoundingClientRect().right > width + 1)
      .map((one) => one.outerHTML.slice(0, 200)).concat(["the page"])
  : [];
"""


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


def _sign_in(browser: WebDriver, gateway: Gateway, person: User) -> None:
    browser.delete_all_cookies()
    browser.get(gateway.base_url + "/")
    wait(browser, "/admin/login/")
    browser.find_element(By.NAME, "username").send_keys(person.username)
    field = browser.find_element(By.NAME, "password")
    field.send_keys(PASSWORD)
    field.submit()
    wait(browser, "/my/")


def _press(browser: WebDriver, text: str) -> None:
    """Presses the first link or button of the page with this text."""
    path = f"//main//*[self::a or self::button][contains(normalize-space(.), {text!r})]"
    one = WebDriverWait(browser, 15).until(lambda driver: driver.find_element(By.XPATH, path))
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", one)
    one.click()


def _text(browser: WebDriver) -> str:
    return str(browser.execute_script("return document.body.innerText"))


def _shows(browser: WebDriver, words: str) -> None:
    WebDriverWait(browser, 15).until(lambda driver: words in _text(driver))


def _looked_at(browser: WebDriver, gateway: Gateway, paths: list[str]) -> None:
    """Looks at pages in both widths and both themes."""
    for theme in ("light", "dark"):
        browser.execute_script("localStorage.setItem('adminTheme', JSON.stringify(arguments[0]))", theme)
        for width, height in SIZES:
            metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
            for path in paths:
                browser.get(gateway.base_url + path)
                assert browser.execute_script(_WIDER) == [], (path, width)
                assert browser.execute_script(_UNNAMED) == [], path
                assert len(browser.find_elements(By.TAG_NAME, "main")) == 1, path
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_member_makes_a_key_and_streams_and_a_lead_ends_it(
    browser: WebDriver, team: dict[str, User], gateway: Gateway, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    route = standing.routes["openai_chat"].name
    group = Team.objects.get(memberships__user=team["member"])
    each = Budget.objects.create(members_of=group, amount=50, leads_may_change=True)
    Budget.objects.create(team=group, amount=100, hard=False)
    _sign_in(browser, gateway, team["member"])
    _press(browser, "Make a key")
    wait(browser, "/my/keys/add/")
    browser.find_element(By.NAME, "name").send_keys("Laptop")
    _press(browser, "Make the key")
    wait(browser, "/secret/")
    secret = browser.find_element(By.CSS_SELECTOR, "main pre").text
    assert SECRET.fullmatch(secret)
    assert f"export ANTHROPIC_BASE_URL={gateway.base_url}" in _text(browser)
    browser.refresh()
    assert browser.find_element(By.CSS_SELECTOR, "main pre").text == secret
    address = browser.current_url.removeprefix(gateway.base_url)
    _looked_at(browser, gateway, [address])

    gateway.wait_snapshot()
    client = Client(gateway.base_url, secret)
    script = upstream.script(speak.chat_answer("Hello, Laptop"))
    answer = client.post(message(route, script.prompt))
    assert answer.stream().text == "Hello, Laptop"
    row = orm.request(answer.request_id)
    refused = client.post(message("no-such-route", "hello"))
    assert refused.status == 404
    orm.request(refused.request_id)

    _press(browser, "I have copied it")
    _shows(browser, "Last used")
    assert secret not in browser.page_source
    key = address.removesuffix("secret/")
    own = ["/my/", "/my/keys/", "/my/keys/add/", key, f"{key}rotate/", f"{key}revoke/", "/my/usage/", "/my/requests/"]
    own += ["/my/budgets/", f"/my/budgets/{each.pk}/ask/"]
    _looked_at(browser, gateway, [*own, f"/my/requests/{row.pk}/", "/my/routes/", "/my/password_change/"])
    browser.get(gateway.base_url + "/my/")
    _shows(browser, "no-such-route")

    browser.get(f"{gateway.base_url}/my/budgets/{each.pk}/ask/")
    browser.find_element(By.NAME, "amount").send_keys("7.50")
    browser.find_element(By.NAME, "reason").send_keys("a release")
    _press(browser, "Ask")
    _shows(browser, "Nobody has answered yet")

    _sign_in(browser, gateway, team["lead"])
    _shows(browser, f"{team['member'].username} asks for $7.50 more")
    _looked_at(browser, gateway, ["/my/", f"/my/teams/{row.team_id}/budgets/"])
    browser.get(f"{gateway.base_url}/my/")
    _press(browser, "Approve")
    _shows(browser, "Requests pass at once")
    assert IncreaseRequest.objects.get(budget=each).state == "approved"
    browser.get(f"{gateway.base_url}/my/teams/{row.team_id}/")
    _shows(browser, team["member"].username)
    pages = [
        f"/my/teams/{row.team_id}/{page}" for page in ("", "usage/", "requests/", "keys/add/", "invite/", "budgets/")
    ]
    limit = RateLimit.objects.create(members_of=group, measure="requests", most=60, leads_may_change=True)
    changed = f"{pages[-1]}{each.pk}/"
    pages += [f"{pages[-1]}{page}" for page in ("set/", "add/", f"limits/{limit.pk}/")] + [changed, f"{changed}remove/"]
    _looked_at(browser, gateway, [*pages, f"/my/requests/{row.pk}/"])
    browser.get(f"{gateway.base_url}/my/teams/{row.team_id}/")
    _press(browser, "Remove")
    wait(browser, "/remove/")
    _looked_at(browser, gateway, [browser.current_url.removeprefix(gateway.base_url)])
    _press(browser, f"Remove {team['member'].username}")
    _shows(browser, "is no member of")
    until(lambda: client.post(message(route, "hello")).status == 401)
    log: list[dict[str, Any]] = browser.get_log("browser")  # type: ignore[attr-defined]
    assert [entry for entry in log if entry["level"] == "SEVERE"] == []
