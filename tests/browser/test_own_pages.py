"""The pages of leads, in both themes and both widths: nothing goes wrong, fits a phone, and keeps nobody out."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser import usage_pages
from tests.browser.steps import sign_in
from tests.browser.visits import Visits
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows


def test_pages_of_a_lead(visits: Visits, visitor: Page, own_database: Rows) -> None:
    _, lead = usage_pages.fill()
    paths = usage_pages.pages(lead, "my:")
    assert {"my:index", "my:request", "my:team-usage", "my:team-statement"} <= paths.keys()
    gateway = Gateway("own").start()
    try:
        sign_in(visitor, gateway, lead.username)
        assert usage_pages.faults(visits, visitor, gateway, paths.values()) == {}
    finally:
        gateway.stop()
