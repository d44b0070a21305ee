"""A real browser on the page of a client key: disabled and enabled through its dialogs, rotated, at two widths."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support import expected_conditions
from selenium.webdriver.support.ui import WebDriverWait

from access.models import ClientKey, Membership, Team
from tests.admin.browser.conftest import log_in
from tests.harness.call import Client
from tests.harness.configure import Standing, make_key, unique
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows

pytestmark = pytest.mark.clients


def _click(browser: WebDriver, css: str) -> None:
    found = WebDriverWait(browser, 15).until(expected_conditions.presence_of_element_located((By.CSS_SELECTOR, css)))
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'}); arguments[0].click()", found)


def _confirm(browser: WebDriver, label: str) -> None:
    button = WebDriverWait(browser, 15).until(
        expected_conditions.element_to_be_clickable((By.XPATH, f"//button[contains(., '{label}')]"))
    )
    button.click()


def test_a_key_is_disabled_enabled_and_rotated(
    browser: WebDriver, administrator: str, gateway: Gateway, standing: Standing, orm: Rows
) -> None:
    team, mia = Team.objects.create(name=unique("team")), User.objects.create_user(unique("mia"))
    Membership.objects.create(team=team, user=mia)
    key = make_key(team, owner=mia)
    address = f"/admin/access/clientkey/{key.row.pk}"
    log_in(browser, gateway, administrator)

    def state(word: str) -> None:
        WebDriverWait(browser, 15).until(
            lambda driver: word in driver.execute_script("return document.body.textContent")
        )

    browser.get(f"{gateway.base_url}{address}/change/")
    state("active")
    for action, label, word in (("disable", "Disable the key", "disabled"), ("enable", "Enable the key", "active")):
        _click(browser, f"[hx-get='{address}/{action}/'], a[href='{address}/{action}/']")
        _confirm(browser, label)
        WebDriverWait(browser, 15).until(
            lambda _, off=word == "disabled": (  # type: ignore[misc]
                (ClientKey.objects.get(pk=key.row.pk).disabled_at is not None) == off
            )
        )
        browser.get(f"{gateway.base_url}{address}/change/")
        state(word)
    browser.get(f"{gateway.base_url}{address}/rotate/")
    hours = browser.find_element(By.NAME, "hours")
    hours.clear()
    hours.send_keys("0")
    _confirm(browser, "Rotate and show")
    WebDriverWait(browser, 15).until(lambda driver: "shown only once" in driver.page_source)
    found = re.search(r"sk-px-[0-9A-Za-z]{49}", browser.page_source)
    assert found is not None
    gateway.wait_snapshot()
    assert Client(gateway.base_url, found.group()).get("/v1/me").status == 200
    assert "was rotated" in str(Client(gateway.base_url, key.secret).get("/v1/me").error(401, "authentication_error"))
    # Nothing sticks out of a telephone.
    browser.set_window_size(390, 844)
    for page in ("change", "rotate"):
        browser.get(f"{gateway.base_url}{address}/{page}/")
        width = browser.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
        assert width <= 0, page
    log: list[dict[str, Any]] = browser.get_log("browser")  # type: ignore[attr-defined]
    assert [entry for entry in log if entry["level"] == "SEVERE"] == []
