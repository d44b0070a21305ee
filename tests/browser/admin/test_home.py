"""Home in a browser: its figures are there, and all of it is read anew, and of one moment."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from tests.admin.history import request_row
from tests.browser.steps import shows, sign_in
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, unique
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream

# The timer of thirty seconds becomes a function that the test calls.
_BY_HAND = """
const every = window.setInterval;
window.setInterval = (work, ms) => (ms === 30000 ? (window.readAnew = work) : every(work, ms));
"""
_SHOWN = """
() => {
  const of = (place) => document.querySelector(place).innerText;
  const chart = Chart.getChart(document.querySelector("canvas.chart"));
  return {
    figures: of(".gw-six"), lines: of(".gw-explored"), cards: of(".gw-thirds"), providers: of(".gw-strips"),
    chart: chart.data.datasets.map((one) => one.label).join(), drawn: chart.canvas.isConnected,
  };
}
"""


def test_the_figures_are_there(
    visitor: Page, administrator: str, gateway: Gateway, standing: Standing, upstream: Upstream
) -> None:
    script = upstream.script(speak.claude_answer())
    client = Client(gateway.base_url, standing.key.secret)
    client.post(message(standing.routes["anthropic"].name, script.prompt)).stream()
    sign_in(visitor, gateway, administrator)
    for words in ("Requests", "Tokens", "Cost", "First token"):
        expect(visitor.locator(".gw-six")).to_contain_text(words, ignore_case=True)


def test_all_of_home_is_read_anew(visitor: Page, administrator: str, gateway: Gateway, orm: Rows) -> None:
    first, second = unique("first"), unique("second")
    # Dearer than all others, so that the few lines of each part are these.
    fields: dict[str, Any] = {"cost": 10**18, "outcome": "failed"}
    for _ in range(3):
        request_row(provider_name=first, team_id=7001, team_name=first, sentence_code=first, **fields)
    visitor.add_init_script(_BY_HAND)
    sign_in(visitor, gateway, administrator)
    visitor.goto(f"{gateway.base_url}/admin/?range=1h&metric=cost&group=provider")
    before = visitor.evaluate(_SHOWN)
    canvas = visitor.locator("canvas.chart").element_handle()
    for part in ("lines", "cards", "providers", "chart"):
        assert first in before[part], (part, before)
    for _ in range(4):
        request_row(provider_name=second, team_id=7002, team_name=second, sentence_code=second, **fields)
    visitor.evaluate("window.readAnew()")
    shows(visitor, second)
    after = visitor.evaluate(_SHOWN)
    assert after["figures"] != before["figures"]
    for part in ("lines", "cards", "providers", "chart"):
        assert second in after[part], (part, after)
    assert after["drawn"]
    assert visitor.evaluate("(canvas) => document.querySelector('canvas.chart') === canvas", canvas)
    # It still has the width of the window.
    visitor.set_viewport_size({"width": 700, "height": 1000})
    visitor.wait_for_function("(canvas) => 0 < canvas.clientWidth && canvas.clientWidth < 700", arg=canvas)
