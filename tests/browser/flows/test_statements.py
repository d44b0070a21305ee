"""What does each team owe for last month? Close the month, and hand out the statement on paper and in a file."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from django.utils import timezone
from playwright.sync_api import Page, expect

from access.models import Team
from tests.admin.history import request_row
from tests.harness.gateway import Gateway
from usage.money import to_pico


def test_a_month_is_closed_and_its_statement_handed_out(
    visitor: Page, owned: Callable[[], Gateway], tmp_path: Path
) -> None:
    last_month = timezone.now().replace(day=1) - timedelta(days=5)
    for name, dollars in (("Blue", "2.25"), ("Blue", "0.5"), ("Green", "1.25")):
        team, _ = Team.objects.get_or_create(name=name)
        request_row(
            started_at=last_month, team_id=team.pk, team_name=name, model_name="large-4", provider_name="aurora",
            cost=to_pico(Decimal(dollars)), input_tokens=1000,
        )  # fmt: skip
    gateway = owned()
    visitor.goto(f"{gateway.base_url}/admin/")
    visitor.locator("#nav-sidebar").get_by_text("Statements", exact=True).click()
    rows = visitor.locator(".gw-statements tbody tr")
    expect(rows).to_have_count(2)
    expect(visitor.locator("#content-main")).to_contain_text("0 of 2 closed")
    visitor.get_by_role("button", name=f"Close {last_month:%B %Y} for 2 teams").click()
    expect(visitor.locator("body")).to_contain_text("Closed 2 statements.")
    expect(visitor.locator("#content-main")).to_contain_text("2 of 2 closed")
    expect(rows.first).to_contain_text("$2.75")
    rows.first.get_by_role("link").click()

    paper = visitor.locator(".gw-paper")
    expect(paper).to_contain_text(f"Blue, {last_month:%B %Y}")
    expect(paper).to_contain_text("$2.75")
    expect(paper).to_contain_text("large-4")

    # On paper there is the statement alone, black on white.
    visitor.emulate_media(media="print")
    expect(visitor.locator("#nav-sidebar")).to_be_hidden()
    expect(visitor.get_by_role("link", name="CSV", exact=True)).to_be_hidden()
    expect(paper).to_be_visible()
    assert visitor.evaluate("getComputedStyle(document.querySelector('.gw-paper td')).color") == "rgb(0, 0, 0)"
    visitor.emulate_media(media="screen")

    with visitor.expect_download() as started:
        visitor.get_by_role("link", name="CSV", exact=True).click()
    started.value.save_as(tmp_path / "statement.csv")
    (line,) = csv.DictReader((tmp_path / "statement.csv").read_text().splitlines())
    assert (line["team"], line["model"], Decimal(line["cost_usd"])) == ("Blue", "large-4", Decimal("2.75"))

    pdf = visitor.request.get(visitor.get_by_role("link", name="PDF", exact=True).evaluate("(one) => one.href"))
    assert (pdf.status, pdf.headers["content-type"]) == (200, "application/pdf")
    assert pdf.body().startswith(b"%PDF-")
