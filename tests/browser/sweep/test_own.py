"""The pages at /my/, as a lead sees them."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.steps import leave, sign_in
from tests.browser.sweep import pages, posted, rows
from tests.browser.sweep.look import faults
from tests.browser.visits import Visits
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows


def test_pages_of_a_lead(visits: Visits, visitor: Page, own_database: Rows) -> None:
    _, lead = rows.fill()
    paths = pages.pages(lead, "my:")
    assert {"my:index", "my:request", "my:team-usage", "my:team-statement", "my:key-add"} <= paths.keys()
    gateway = Gateway("own").start()
    try:
        sign_in(visitor, gateway, lead.username)
        found = faults(visits, visitor, gateway, paths.values())
        assert found | posted.faults(visits, visitor, gateway, posted.of_lead()) == {}
        leave(visitor)
    finally:
        gateway.stop()
