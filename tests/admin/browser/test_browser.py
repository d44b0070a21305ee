"""A real browser in the admin: log in, make a client key, see it once, and the home page without a script error."""

from __future__ import annotations

import re
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support import expected_conditions
from selenium.webdriver.support.ui import Select, WebDriverWait

from access.models import ClientKey, Team
from providers.models import Provider
from routing.models import Rule
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


def _press(browser: WebDriver, label: str) -> None:
    """A button by what it says, out from under the bar at the bottom."""
    button = browser.find_element(By.XPATH, f"//button[text()='{label}']")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()


def test_conditions_are_edited_as_rows_and_as_json(
    browser: WebDriver, administrator: str, gateway: Gateway, standing: Standing, orm: Rows
) -> None:
    conditions: list[dict[str, Any]] = [
        {"field": "tokens", "operator": "at_least", "value": 60000},
        {"field": "header.x-project", "operator": "is", "value": "blue"},
        {"field": "time", "operator": "in", "value": "22:00-06:00"},
        {"field": "tools", "operator": "has", "value": ["Bash", "Edit"]},
        {"field": "images", "operator": "is", "value": False},
    ]
    rule = Rule.objects.create(
        name=unique("rule"), route=standing.routes["first"], conditions=conditions, enabled=False
    )
    log_in(browser, gateway, administrator)
    page = f"{gateway.base_url}/admin/routing/rule/{rule.pk}/change/"

    def rows_of() -> list[WebElement]:
        return WebDriverWait(browser, 15).until(lambda driver: driver.find_elements(By.CSS_SELECTOR, ".gw-condition"))

    def save() -> list[dict[str, Any]]:
        button = browser.find_element(By.NAME, "_continue")
        button.click()
        WebDriverWait(browser, 15).until(expected_conditions.staleness_of(button))
        WebDriverWait(browser, 15).until(lambda driver: "was changed successfully" in driver.page_source)
        rule.refresh_from_db()
        return list(rule.conditions)

    browser.get(page)
    rows = rows_of()
    assert [row.find_element(By.CSS_SELECTOR, ".gw-join").text for row in rows] == ["when", "and", "and", "and", "and"]
    assert not browser.find_element(By.NAME, "conditions").is_displayed()
    # What is only looked at stays what it is.
    rows[0].find_element(By.CSS_SELECTOR, ".gw-value input").send_keys(Keys.BACKSPACE, "1")
    conditions[0]["value"] = 60001
    assert save() == conditions

    # Another field brings its own operators and its own kind of value; a row can go, and another come.
    rows = rows_of()
    Select(rows[0].find_element(By.CSS_SELECTOR, ".gw-field")).select_by_value("thinking")
    rows[1].find_element(By.CSS_SELECTOR, ".gw-remove").click()
    _press(browser, "Add condition")
    added = rows_of()[-1]
    Select(added.find_element(By.CSS_SELECTOR, ".gw-operator")).select_by_value("not_in")
    added.find_element(By.CSS_SELECTOR, ".gw-value input").send_keys("claude-a, claude-b")
    expected = [
        {"field": "thinking", "operator": "is", "value": True},
        *conditions[2:],
        {"field": "model", "operator": "not_in", "value": ["claude-a", "claude-b"]},
    ]
    assert save() == expected

    # As JSON and back; what rows cannot show stays JSON.
    _press(browser, "Edit as JSON")
    area = browser.find_element(By.NAME, "conditions")
    area.clear()
    area.send_keys('[{"field": "model", "operator": "in", "value": ["a,b"]}]')
    _press(browser, "Edit as rows")
    assert "cannot be shown as rows" in browser.find_element(By.CSS_SELECTOR, ".gw-conditions").text
    assert save() == [{"field": "model", "operator": "in", "value": ["a,b"]}]
    log: list[dict[str, Any]] = browser.get_log("browser")  # type: ignore[attr-defined]
    assert [entry for entry in log if entry["level"] == "SEVERE"] == []


def test_the_home_page_shows_its_figures_without_a_script_error(
    browser: WebDriver, administrator: str, gateway: Gateway, standing: Standing, upstream: Upstream
) -> None:
    script = upstream.script(speak.claude_answer())
    client = Client(gateway.base_url, standing.key.secret)
    client.post(message(standing.routes["anthropic"].name, script.prompt)).stream()
    log_in(browser, gateway, administrator)
    text = browser.find_element(By.TAG_NAME, "body").text.lower()
    for word in ("requests", "tokens", "cost", "first token"):
        assert word in text, word
    log: list[dict[str, Any]] = browser.get_log("browser")  # type: ignore[attr-defined]
    failures = [entry for entry in log if entry["level"] == "SEVERE"]
    assert failures == []


def _click(browser: WebDriver, element: WebElement) -> None:
    """Click it in the middle of the window, where no bar of the admin's covers it."""
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    element.click()


def test_a_chain_is_put_together_in_rows(browser: WebDriver, administrator: str, gateway: Gateway, orm: Rows) -> None:
    first = [{"name": "cleancache"}, {"name": "maxtoken", "options": {"limit": 8192}}]
    provider = Provider.objects.create(
        name=unique("chained"), dialect="openai_chat", base_url="https://api.example.com/v1", transforms=first
    )
    log_in(browser, gateway, administrator)
    browser.get(f"{gateway.base_url}/admin/providers/provider/{provider.pk}/change/")
    area = browser.find_element(By.NAME, "transforms")
    assert not area.is_displayed()
    rows = browser.find_elements(By.CSS_SELECTOR, ".gw-chain-row")
    assert [Select(row.find_element(By.TAG_NAME, "select")).first_selected_option.text for row in rows] == [
        "cleancache",
        "maxtoken",
    ]
    _click(browser, rows[1].find_element(By.CSS_SELECTOR, "[title='Move up']"))
    _click(browser, browser.find_element(By.CSS_SELECTOR, "[title='Add transform']"))
    added = browser.find_elements(By.CSS_SELECTOR, ".gw-chain-row")[2]
    Select(added.find_element(By.TAG_NAME, "select")).select_by_value("extrathinktag")
    assert "Turn text between tags" in added.text
    added.find_element(By.TAG_NAME, "input").send_keys('{"tag": "thought"}')
    _click(browser, rows[0].find_element(By.CSS_SELECTOR, "[title='Remove']"))
    _click(browser, browser.find_element(By.NAME, "_continue"))
    WebDriverWait(browser, 15).until(lambda driver: "was changed successfully" in driver.page_source)
    provider.refresh_from_db()
    assert provider.transforms == [first[1], {"name": "extrathinktag", "options": {"tag": "thought"}}]
    # What is wrong is told beside the rows, which are still there.
    options = browser.find_elements(By.CSS_SELECTOR, ".gw-chain-row input")[0]
    options.clear()
    options.send_keys('{"limit": 0}')
    _click(browser, browser.find_element(By.NAME, "_continue"))
    WebDriverWait(browser, 15).until(lambda driver: "maxtoken: Expected" in driver.page_source)
    assert len(browser.find_elements(By.CSS_SELECTOR, ".gw-chain-row")) == 2
    log: list[dict[str, Any]] = browser.get_log("browser")  # type: ignore[attr-defined]
    assert [entry for entry in log if entry["level"] == "SEVERE"] == []
