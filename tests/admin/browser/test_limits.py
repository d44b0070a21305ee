"""A real browser on the pages of rate limits and of a team's time zone."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support import expected_conditions
from selenium.webdriver.support.ui import WebDriverWait

from access.models import RateLimit, Team
from tests.admin.browser.conftest import log_in
from tests.harness.configure import Standing, unique
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows

pytestmark = pytest.mark.clients


def _choose(browser: WebDriver, field: str, words: str) -> None:
    """Searches a list for some words, and takes what is found first."""
    css = f"#id_{field} + .select2-container .select2-selection"
    opened = WebDriverWait(browser, 15).until(expected_conditions.element_to_be_clickable((By.CSS_SELECTOR, css)))
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", opened)
    opened.click()
    search = browser.switch_to.active_element
    search.send_keys(words)
    WebDriverWait(browser, 15).until(
        expected_conditions.visibility_of_element_located(
            (By.XPATH, f"//li[contains(@class, 'select2-results__option--highlighted') and contains(., '{words}')]")
        )
    )
    search.send_keys(Keys.ENTER)


def test_a_team_gets_a_time_zone_and_a_limit(
    browser: WebDriver, administrator: str, gateway: Gateway, standing: Standing, orm: Rows
) -> None:
    team = Team.objects.create(name=unique("zone-team"))
    log_in(browser, gateway, administrator)
    page = f"{gateway.base_url}/admin/access/team/{team.pk}/change/"
    browser.get(page)
    _choose(browser, "time_zone", "Berlin")
    browser.find_element(By.NAME, "_continue").click()
    until(lambda: Team.objects.get(pk=team.pk).time_zone == "Europe/Berlin", lambda: "the zone was not saved")
    browser.get(f"{gateway.base_url}/admin/access/ratelimit/add/")
    _choose(browser, "team", team.name)
    browser.find_element(By.NAME, "most").send_keys("60")
    browser.find_element(By.CSS_SELECTOR, "select[name=measure] option[value=requests]").click()
    browser.find_element(By.NAME, "_save").click()
    until(lambda: RateLimit.objects.filter(team=team).exists(), lambda: "the limit was not saved")
    browser.get(page)
    assert "60 requests a minute" in browser.find_element(By.TAG_NAME, "body").text
