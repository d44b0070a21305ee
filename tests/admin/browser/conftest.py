"""Chromium, and somebody who signs in with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from tests.harness import programs
from tests.harness.configure import unique
from tests.harness.forms import PASSWORD, delete_users
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows

_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1400,1000",
)  # fmt: skip


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[WebDriver]:
    """Chromium with an empty profile."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(programs.find("chromium"))
    for flag in (*_FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(programs.find("chromedriver"))))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def administrator(orm: Rows) -> Iterator[str]:
    """A superuser's name."""
    name = unique("browser")
    get_user_model().objects.create_superuser(name, password=PASSWORD)
    yield name
    delete_users(username=name)


def wait(browser: WebDriver, path: str) -> None:
    """Until the browser is at a path."""
    WebDriverWait(browser, 15).until(lambda driver: driver.current_url.split("?")[0].endswith(path))


def log_in(browser: WebDriver, gateway: Gateway, name: str) -> None:
    """Signs in through the page."""
    browser.get(gateway.base_url + "/")
    wait(browser, "/admin/login/")
    browser.find_element(By.NAME, "username").send_keys(name)
    field = browser.find_element(By.NAME, "password")
    field.send_keys(PASSWORD)
    field.submit()
    wait(browser, "/admin/")
