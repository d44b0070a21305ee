"""The pages of usage, each in both themes and both widths: nothing goes wrong, fits a phone, and keeps nobody out."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser import usage_pages
from tests.browser.steps import sign_in
from tests.browser.visits import Visits
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows


def test_pages_of_the_whole_site(visits: Visits, visitor: Page, own_database: Rows) -> None:
    owner, _ = usage_pages.fill()
    paths = usage_pages.pages(owner, "admin:", "console:")
    assert {
        "admin:index", "admin:usage_requestlog_change", "admin:access_reporttoken_add", "console:explorer",
        "console:statement", "console:invoice", "console:invoice-columns", "console:chargeback",
    } <= paths.keys()  # fmt: skip
    gateway = Gateway("site").start()
    try:
        sign_in(visitor, gateway, owner.username)
        assert usage_pages.faults(visits, visitor, gateway, [*paths.values(), *usage_pages.richer()]) == {}
    finally:
        gateway.stop()
