"""Home in a browser: all of it is read anew, and of one moment."""

from __future__ import annotations

from typing import Any

from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from tests.admin.browser.conftest import log_in
from tests.admin.history import request_row
from tests.harness.configure import unique
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows

# The timer of thirty seconds becomes a function that the test calls.
_BY_HAND = """
const every = window.setInterval;
window.setInterval = (work, ms) => (ms === 30000 ? (window.readAnew = work) : every(work, ms));
"""
_SHOWN = """
const of = (place) => document.querySelector(place).innerText;
const chart = Chart.getChart(document.querySelector("canvas.chart"));
return {
  figures: of(".gw-six"), lines: of(".gw-explored"), cards: of(".gw-thirds"), providers: of(".gw-strips"),
  chart: chart.data.datasets.map((one) => one.label).join(), drawn: chart.canvas.isConnected,
};
"""


def test_all_of_home_is_read_anew(browser: WebDriver, administrator: str, gateway: Gateway, orm: Rows) -> None:
    first, second = unique("first"), unique("second")
    # Dearer than all others, so that the few lines of each part are these.
    fields: dict[str, Any] = {"cost": 10**18, "outcome": "failed"}
    for _ in range(3):
        request_row(provider_name=first, team_id=7001, team_name=first, sentence_code=first, **fields)
    browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _BY_HAND})
    log_in(browser, gateway, administrator)
    browser.get(f"{gateway.base_url}/admin/?range=1h&metric=cost&group=provider")
    before = browser.execute_script(_SHOWN)
    canvas = browser.find_element(By.CSS_SELECTOR, "canvas.chart")
    for part in ("lines", "cards", "providers", "chart"):
        assert first in before[part], (part, before)
    for _ in range(4):
        request_row(provider_name=second, team_id=7002, team_name=second, sentence_code=second, **fields)
    browser.execute_script("window.readAnew()")
    WebDriverWait(browser, 15).until(lambda driver: driver.execute_script(_SHOWN)["figures"] != before["figures"])
    after = browser.execute_script(_SHOWN)
    for part in ("lines", "cards", "providers", "chart"):
        assert second in after[part], (part, after)
    assert after["drawn"]
    assert browser.find_element(By.CSS_SELECTOR, "canvas.chart") == canvas
    # It still has the width of the window.
    browser.set_window_size(700, 1000)
    WebDriverWait(browser, 15).until(lambda _: 0 < canvas.size["width"] < 700)
    log: list[dict[str, Any]] = browser.get_log("browser")  # type: ignore[attr-defined]
    assert [entry for entry in log if entry["level"] == "SEVERE"] == []
