"""The list in a browser: keys move and open, a filter's values come as they are asked for, a drag over bars zooms."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from tests.admin.browser.conftest import administrator as administrator
from tests.admin.browser.conftest import browser as browser
from tests.admin.browser.conftest import log_in
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream

pytestmark = pytest.mark.clients
_FOUND = "return [...document.querySelectorAll('.gw-choice-list a')].map((one) => one.textContent)"


@pytest.fixture
def listed(
    standing: Standing, gateway: Gateway, upstream: Upstream, orm: Rows, browser: WebDriver, administrator: str
) -> str:
    """The address of the list of three requests of one session, newest first, which the browser shows."""
    caller, route = Client(gateway.base_url, standing.key.secret), standing.routes["openai_chat"].name
    rows = []
    for number in range(3):
        script = upstream.script(speak.chat_answer(f"Hello {number}"))
        rows.append(orm.request(caller.post(message(route, script.prompt)).request_id))
    url = f"{gateway.base_url}/admin/usage/requestlog/?key={rows[0].key_id}"
    log_in(browser, gateway, administrator)
    browser.get(url)
    assert len(browser.find_elements(By.CSS_SELECTOR, "tr[data-sheet]")) >= 3
    return url


def _press(browser: WebDriver, keys: str) -> None:
    browser.find_element(By.TAG_NAME, "body").send_keys(keys)


def _sheet(browser: WebDriver) -> str:
    return browser.find_element(By.CSS_SELECTOR, "[data-gateway-sheet]").text


def _wait(browser: WebDriver) -> WebDriverWait[WebDriver]:
    return WebDriverWait(browser, 15)


def test_keys_move_through_the_list_and_open_its_rows(browser: WebDriver, listed: str) -> None:
    sheets = browser.find_elements(By.CSS_SELECTOR, "tr[data-sheet]")
    ids = [(row.get_attribute("data-sheet") or "").split("/")[-3].replace("-", "") for row in sheets]
    _press(browser, "jjo")
    _wait(browser).until(lambda driver: ids[1] in _sheet(driver))
    _press(browser, "k")
    _wait(browser).until(lambda driver: ids[0] in _sheet(driver))
    assert "Answered by" in _sheet(browser)
    _press(browser, Keys.ESCAPE)
    assert not browser.find_element(By.CSS_SELECTOR, "[data-gateway-sheet]").is_displayed()
    assert browser.current_url == listed
    browser.find_elements(By.CSS_SELECTOR, "td.gw-tokens")[1].click()
    _wait(browser).until(lambda driver: ids[1] in _sheet(driver))
    _press(browser, Keys.ENTER)
    _wait(browser).until(lambda driver: driver.current_url.endswith("/change/"))
    assert ids[1] in browser.current_url.replace("-", "")


def _focused(browser: WebDriver, script: str) -> bool:
    return bool(browser.execute_script(f"return document.activeElement.{script}"))


def test_the_focus_goes_into_the_sheet_and_comes_back_to_the_row(browser: WebDriver, listed: str) -> None:
    _press(browser, "jjo")
    _wait(browser).until(lambda driver: _focused(driver, "matches('[data-gateway-sheet]')"))
    browser.switch_to.active_element.send_keys(Keys.TAB)
    assert _focused(browser, "matches('[data-gateway-close]')")
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not browser.find_element(By.CSS_SELECTOR, "[data-gateway-sheet]").is_displayed()
    assert _focused(browser, "closest('tr').matches('.gw-current')")


def test_a_link_of_a_row_is_followed(browser: WebDriver, listed: str) -> None:
    link = browser.find_element(By.CSS_SELECTOR, "td.gw-when a")
    address = link.get_attribute("href")
    link.click()
    _wait(browser).until(lambda driver: driver.current_url == address)


def test_the_values_of_a_filter_are_found_by_a_part_of_their_name(browser: WebDriver, listed: str) -> None:
    browser.find_element(By.CSS_SELECTOR, ".gw-filter-menu summary").click()
    browser.find_element(By.CSS_SELECTOR, "a[data-gateway-choices='outcome']").click()
    find = _wait(browser).until(lambda driver: driver.find_element(By.CSS_SELECTOR, ".gw-menu input"))
    find.send_keys("compl")

    def only_one(driver: WebDriver) -> bool:
        # At once: the list is replaced as the letters come.
        return bool(driver.execute_script(_FOUND) == ["Completed"])

    _wait(browser).until(only_one)
    browser.find_element(By.LINK_TEXT, "Completed").click()
    _wait(browser).until(lambda driver: "outcome__exact=completed" in driver.current_url)
    assert "key=" in browser.current_url
    chips = browser.find_elements(By.CSS_SELECTOR, ".gw-chip")
    assert any("Completed" in chip.text for chip in chips)


def test_dragging_over_the_histogram_zooms_to_its_bars(browser: WebDriver, listed: str) -> None:
    bars = browser.find_elements(By.CSS_SELECTOR, "[data-gateway-histogram] a")
    first, last = (parse_qs(urlsplit(bars[at].get_attribute("href") or "").query) for at in (-5, -1))
    ActionChains(browser).click_and_hold(bars[-1]).move_to_element(bars[-3]).move_to_element(
        bars[-5]
    ).release().perform()
    _wait(browser).until(lambda driver: "from=" in driver.current_url)
    zoomed = parse_qs(urlsplit(browser.current_url).query)
    assert (zoomed["from"], zoomed["to"]) == (first["from"], last["to"])
    assert zoomed["key"] == first["key"]
    assert len(browser.find_elements(By.CSS_SELECTOR, "[data-gateway-histogram] a")) == 5


def test_the_words_of_the_histogram_are_for_readers_of_the_screen_alone(browser: WebDriver, listed: str) -> None:
    words = browser.find_element(By.CSS_SELECTOR, ".gw-histogram .sr-only")
    assert "Most requests: " in (words.get_attribute("textContent") or "")
    assert words.size["height"] <= 1


def test_the_list_fits_a_phone_in_two_lines_a_row(browser: WebDriver, listed: str) -> None:
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(listed)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    assert browser.find_element(By.CSS_SELECTOR, "tr[data-sheet]").size["height"] < 80
