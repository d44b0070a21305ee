"""Through the list of requests without a mouse: move, look at one beside the list, come back, open it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.admin.history import attempt_row, request_row
from tests.browser import axe
from tests.browser.layout import sticking_out
from tests.browser.visits import PHONE
from tests.harness.gateway import Gateway


def test_the_list_is_read_with_the_keyboard(visitor: Page, owned: Callable[[], Gateway]) -> None:
    now = timezone.now()
    for minutes, model in ((3, "third"), (2, "second"), (1, "first")):
        row = request_row(started_at=now - timedelta(minutes=minutes), model_name=model, provider_name="aurora")
        attempt_row(row, model_name=model, provider_name="aurora")
    gateway = owned()
    visitor.goto(f"{gateway.base_url}/admin/usage/requestlog/")
    current, sheet = visitor.locator("tr.gw-current"), visitor.locator("[data-gateway-sheet]")
    expect(current).to_have_count(0)
    for keys, name in (("j", "first"), ("jj", "third"), ("j", "third"), ("k", "second")):
        for key in keys:
            visitor.keyboard.press(key)
        expect(current).to_contain_text(name)

    visitor.keyboard.press("o")
    expect(sheet).to_be_focused()
    expect(sheet).to_contain_text("second")
    assert axe.serious(visitor) == []
    visitor.keyboard.press("k")
    expect(sheet).to_contain_text("first")
    visitor.keyboard.press("Tab")
    expect(sheet.get_by_role("button", name="Close")).to_be_focused()
    visitor.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(current.get_by_role("link").first).to_be_focused()

    visitor.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    visitor.keyboard.press("o")
    expect(sheet).to_be_visible()
    assert sticking_out(visitor) == []

    visitor.keyboard.press("Enter")
    visitor.wait_for_url("**/change/")
    expect(visitor.locator(".gw-sentence")).to_contain_text("first")
