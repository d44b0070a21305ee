"""The figures of home are read whole, however large they are."""

from __future__ import annotations

from decimal import Decimal

from django.contrib.auth import get_user_model
from playwright.sync_api import Page, expect

from tests.admin.history import request_row
from tests.browser.steps import leave, sign_in
from tests.harness.forms import PASSWORD
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from usage.money import to_pico

_CUT_OFF = """
() => [...document.querySelectorAll(".gw-six .gw-figure")].filter((card) => {
  const inner = card.getBoundingClientRect();
  return [...card.querySelectorAll("a, span")].some((one) => one.getBoundingClientRect().right > inner.right + 1);
}).map((card) => card.innerText)
"""


def test_millions_of_dollars_are_read_whole(visitor: Page, own_database: Rows) -> None:
    get_user_model().objects.create_superuser("owner", password=PASSWORD)
    request_row(cost=to_pico(Decimal("9123456.78")), input_tokens=9_876_543_210_000, time_to_first_token_ms=599_000)
    gateway = Gateway("millions").start()
    try:
        sign_in(visitor, gateway, "owner")
        for width in (1440, 1280, 390):
            visitor.set_viewport_size({"width": width, "height": 900})
            expect(visitor.locator(".gw-six")).to_contain_text("$9,123,456.78")
            assert visitor.evaluate(_CUT_OFF) == [], width
        leave(visitor)
    finally:
        gateway.stop()
