"""A real browser in the admin: log in, make a client key, and see it once."""

from __future__ import annotations

import re

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import Select, WebDriverWait

from access.models import ClientKey, Team
from tests.admin.browser.conftest import log_in
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, unique
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream

pytestmark = pytest.mark.clients


def test_an_administrator_makes_a_key_and_uses_it(
    browser: WebDriver, administrator: str, gateway: Gateway, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    team = Team.objects.create(name=unique("browsing team"))
    log_in(browser, gateway, administrator)
    browser.get(gateway.base_url + "/admin/access/clientkey/add/")
    _choose(browser, team)
    browser.find_element(By.NAME, "name").send_keys("Browser key")
    browser.find_element(By.NAME, "_save").click()
    WebDriverWait(browser, 15).until(lambda driver: "shown only once" in driver.page_source)
    shown = re.search(r"sk-px-[0-9A-Za-z]{49}", browser.page_source)
    assert shown is not None
    assert f"export ANTHROPIC_BASE_URL={gateway.base_url}" in browser.page_source
    secret = shown.group()
    key = ClientKey.objects.get(team=team)
    assert secret.startswith(key.prefix)
    # Shown once: on no page after this one.
    for path in ("/admin/access/clientkey/", f"/admin/access/clientkey/{key.pk}/change/", "/admin/"):
        browser.get(gateway.base_url + path)
        assert secret not in browser.page_source
    gateway.wait_snapshot()
    script = upstream.script(speak.chat_answer("Hello, browser"))
    answer = Client(gateway.base_url, secret).post(message(standing.routes["openai_chat"].name, script.prompt))
    assert answer.stream().text == "Hello, browser"
    row = orm.request(answer.request_id)
    browser.get(gateway.base_url + "/admin/usage/requestlog/")
    WebDriverWait(browser, 15).until(lambda driver: row.route_name in driver.page_source)
    assert "Browser key" in browser.page_source


def _choose(browser: WebDriver, team: Team) -> None:
    """Choose the team in a plain select or in an autocomplete built on one."""
    select = browser.find_element(By.NAME, "team")
    if select.is_displayed():
        Select(select).select_by_value(str(team.pk))
    else:
        browser.execute_script(
            "arguments[0].innerHTML += `<option value='${arguments[1]}' selected></option>`;", select, team.pk
        )
