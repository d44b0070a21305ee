"""Work that takes longer than a page: a file of many rows is prepared, left alone, and fetched."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

from django.core.management import call_command
from playwright.sync_api import Page, expect

from tests.browser.steps import shows
from tests.browser.sweep.look import look
from tests.browser.visits import Visits
from tests.harness.gateway import Gateway
from usage.models import RequestLog


def test_a_file_is_prepared_and_downloaded(
    visits: Visits, visitor: Page, owned: Callable[[], Gateway], tmp_path: Path
) -> None:
    call_command("generate_usage", rows=200, months=1, verbosity=0)
    failed = RequestLog.objects.filter(outcome="failed").count()
    assert failed
    gateway = owned()
    visitor.goto(f"{gateway.base_url}/admin/console/jobs/")
    visitor.locator("main").get_by_role("link", name="requests", exact=True).click()
    shows(visitor, "Requests")
    visitor.goto(f"{gateway.base_url}/admin/usage/requestlog/?range=30d&outcome__exact=failed")
    visitor.get_by_role("button", name="Prepare as a file").click()
    shows(visitor, "Prepare a file no.")
    # The page tells by itself how it ends.
    expect(visitor.locator("main")).to_contain_text(f"{failed} rows")
    expect(visitor.locator("main")).to_contain_text("It is deleted on")
    assert look(visits, visitor, "job") == {}
    with visitor.expect_download() as started:
        visitor.get_by_role("link", name="Download").click()
    started.value.save_as(tmp_path / "requests.csv.gz")
    assert len(gzip.decompress((tmp_path / "requests.csv.gz").read_bytes()).splitlines()) == failed + 1
