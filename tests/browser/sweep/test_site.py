"""The pages of the admin, of the console and of setting it up, as an owner sees them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.steps import leave, sign_in
from tests.browser.sweep import pages, posted, rows
from tests.browser.sweep.look import faults
from tests.browser.visits import Visits
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows

ENDINGS = {"_changelist": 8, "_add": 6, "_change": 8, "_history": 8, "_delete": 6, "": 55}
"""How the names of pages end, and how many there are at least in each part."""


@pytest.mark.parametrize("part", pages.PARTS)
def test_pages_of_the_whole_site(part: int, visits: Visits, visitor: Page, own_database: Rows) -> None:
    owner, _ = rows.fill()
    paths = pages.pages(owner, "admin:", "console:", part=part)
    for ending, least in ENDINGS.items():
        assert sum(name.endswith(ending) for name in paths) >= least, ending
    chosen = [*paths.values(), *list(pages.richer())[part :: len(pages.PARTS)]]
    gateway = Gateway("site").start()
    try:
        sign_in(visitor, gateway, owner.username)
        found = faults(visits, visitor, gateway, chosen)
        found |= posted.faults(visits, visitor, gateway, posted.of_site()[part :: len(pages.PARTS)])
        if part == 0:
            found |= posted.differences(visits, visitor, gateway)
        assert found == {}
        leave(visitor)
    finally:
        gateway.stop()
