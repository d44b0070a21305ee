"""The list of requests in a browser: keys move and open, filters find their values, a drag over bars zooms."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.layout import sticking_out
from tests.browser.steps import is_at, sign_in
from tests.browser.visits import PHONE
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream

_ROWS = "tr[data-sheet]"
_SHEET = "[data-gateway-sheet]"
_BARS = "[data-gateway-histogram] a"


@pytest.fixture
def listed(
    standing: Standing, gateway: Gateway, upstream: Upstream, orm: Rows, visitor: Page, administrator: str
) -> str:
    """The address of the list of three requests of one session, newest first, which the visitor sees."""
    caller, route = Client(gateway.base_url, standing.key.secret), standing.routes["openai_chat"].name
    rows = []
    for number in range(3):
        script = upstream.script(speak.chat_answer(f"Hello {number}"))
        rows.append(orm.request(caller.post(message(route, script.prompt)).request_id))
    url = f"{gateway.base_url}/admin/usage/requestlog/?key={rows[0].key_id}"
    sign_in(visitor, gateway, administrator)
    visitor.goto(url)
    assert visitor.locator(_ROWS).count() >= 3
    return url


def _ids(page: Page) -> list[str]:
    """The ids of the listed requests, as the sheet shows them."""
    sheets = page.locator(_ROWS).evaluate_all("(rows) => rows.map((row) => row.dataset.sheet)")
    return [sheet.split("/")[-3].replace("-", "") for sheet in sheets]


def test_keys_move_through_the_list_and_open_its_rows(visitor: Page, listed: str) -> None:
    ids, sheet = _ids(visitor), visitor.locator(_SHEET)
    visitor.keyboard.type("jjo")
    expect(sheet).to_contain_text(ids[1])
    visitor.keyboard.press("k")
    expect(sheet).to_contain_text(ids[0])
    expect(sheet).to_contain_text("Answered by")
    visitor.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    assert visitor.url == listed
    visitor.locator("td.gw-tokens").nth(1).click()
    expect(sheet).to_contain_text(ids[1])
    visitor.keyboard.press("Enter")
    is_at(visitor, "/change/")
    assert ids[1] in visitor.url.replace("-", "")


def test_the_focus_goes_into_the_sheet_and_comes_back_to_the_row(visitor: Page, listed: str) -> None:
    sheet = visitor.locator(_SHEET)
    visitor.keyboard.type("jjo")
    expect(sheet).to_be_focused()
    visitor.keyboard.press("Tab")
    expect(visitor.locator("[data-gateway-close]")).to_be_focused()
    visitor.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    assert visitor.evaluate("document.activeElement.closest('tr').matches('.gw-current')")


def test_a_link_of_a_row_is_followed(visitor: Page, listed: str) -> None:
    link = visitor.locator("td.gw-when a").first
    address = link.evaluate("(one) => one.href")
    link.click()
    expect(visitor).to_have_url(address)


def test_the_values_of_a_filter_are_found_by_a_part_of_their_name(visitor: Page, listed: str) -> None:
    visitor.locator(".gw-filter-menu summary").click()
    visitor.locator("a[data-gateway-choices='outcome']").click()
    visitor.locator(".gw-menu input").press_sequentially("compl")
    expect(visitor.locator(".gw-choice-list a")).to_have_text(["Completed"])
    visitor.get_by_role("link", name="Completed", exact=True).click()
    visitor.wait_for_url("**outcome__exact=completed**")
    assert "key=" in visitor.url
    expect(visitor.locator(".gw-chip").filter(has_text="Completed")).to_be_visible()


def test_dragging_over_the_histogram_zooms_to_its_bars(visitor: Page, listed: str) -> None:
    bars = visitor.locator(_BARS)
    addresses = bars.evaluate_all("(bars) => bars.map((bar) => bar.href)")
    first, last = (parse_qs(urlsplit(addresses[at]).query) for at in (-5, -1))
    bars.nth(-1).hover()
    visitor.mouse.down()
    for at in (-3, -5):
        bars.nth(len(addresses) + at).hover()
    visitor.mouse.up()
    visitor.wait_for_url("**from=**")
    zoomed = parse_qs(urlsplit(visitor.url).query)
    assert (zoomed["from"], zoomed["to"]) == (first["from"], last["to"])
    assert zoomed["key"] == first["key"]
    expect(visitor.locator(_BARS)).to_have_count(5)


def test_the_words_of_the_histogram_are_for_readers_of_the_screen_alone(visitor: Page, listed: str) -> None:
    words = visitor.locator(".gw-histogram .sr-only")
    expect(words).to_contain_text("Most requests: ")
    box = words.bounding_box()
    assert box is not None
    assert box["height"] <= 1


def test_the_list_fits_a_phone_in_two_lines_a_row(visitor: Page, listed: str) -> None:
    visitor.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    visitor.goto(listed)
    assert sticking_out(visitor) == []
    box = visitor.locator(_ROWS).first.bounding_box()
    assert box is not None
    assert box["height"] < 80
