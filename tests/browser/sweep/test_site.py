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

ENDINGS = {"_changelist": 15, "_add": 10, "_change": 15, "_history": 15, "_delete": 10}
"""How the names of pages end, and how many there are at least."""


@pytest.mark.parametrize("part", pages.PARTS)
def test_pages_of_the_whole_site(part: int, visits: Visits, visitor: Page, own_database: Rows) -> None:
    owner, _ = rows.fill()
    paths = pages.pages(owner, "admin:", "console:")
    for ending, least in ENDINGS.items():
        assert sum(name.endswith(ending) for name in paths) >= least, ending
    chosen = [*pages.part(paths, part), *list(pages.richer())[part :: len(pages.PARTS)]]
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
