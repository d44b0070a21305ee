"""Who spent it? In the explorer: choose, narrow, save the view, widen, and take the lines away in files."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.admin.files import workbooks
from tests.admin.history import request_row
from tests.harness.gateway import Gateway
from usage.money import to_pico


def _spend(dollars: str, team: str, model: str, **fields: Any) -> None:
    ids = {"Blue": 1, "Green": 2}
    cost = to_pico(Decimal(dollars))
    request_row(team_id=ids[team], team_name=team, model_name=model, provider_name="aurora", cost=cost, **fields)


def _file(page: Page, name: str, folder: Path) -> bytes:
    with page.expect_download() as started:
        page.get_by_role("link", name=name, exact=True).click()
    path = folder / name
    started.value.save_as(path)
    return path.read_bytes()


def test_who_spent_it(visitor: Page, owned: Callable[[], Gateway], tmp_path: Path) -> None:
    now = timezone.now()
    _spend("2.25", "Blue", "large", input_tokens=1000, started_at=now)
    _spend("0.5", "Blue", "small", input_tokens=50, started_at=now)
    _spend("1.25", "Green", "small", input_tokens=300, started_at=now)
    gateway = owned()
    visitor.goto(f"{gateway.base_url}/admin/")
    visitor.locator("#nav-sidebar").get_by_text("Explorer", exact=True).click()
    for name, choice in (("metric", "Cost"), ("group", "Team"), ("bucket", "Day")):
        visitor.locator(f"select[name={name}]").select_option(label=choice)
    visitor.get_by_role("button", name="Show", exact=True).click()
    lines = visitor.locator(".gw-explored tbody tr")
    whole = visitor.locator("strong", has_text="Cost:")
    expect(whole).to_have_text("Cost: $4.00")
    expect(lines).to_have_count(2)
    expect(lines.first).to_contain_text("Blue")
    expect(lines.first).to_contain_text("$2.75")

    # All that the page shows is in each file, exactly.
    today = f"{now:%Y-%m-%d}"
    expected = [("Blue", 2, Decimal("2.75")), ("Green", 1, Decimal("1.25"))]
    records = list(csv.DictReader(_file(visitor, "CSV", tmp_path).decode().splitlines()))
    assert [(one["team"], int(one["requests"]), Decimal(one[today])) for one in records] == expected
    found = json.loads(_file(visitor, "JSON", tmp_path))["lines"]
    assert [(one["names"]["team"], one["requests"], Decimal(one["total"])) for one in found] == expected
    _, *rows = workbooks.values(_file(visitor, "XLSX", tmp_path))
    assert [(row[0], row[1], row[-1]) for row in rows] == [("Blue", 2.0, 2.75), ("Green", 1.0, 1.25)]

    # Narrow to a line, by its models; the address is all there is to it.
    lines.first.get_by_role("link", name="Blue", exact=True).click()
    chip = visitor.locator(".gw-chip")
    expect(chip).to_contain_text("Blue")
    expect(whole).to_have_text("Cost: $2.75")
    visitor.locator("select[name=group]").select_option(label="Model")
    visitor.get_by_role("button", name="Show", exact=True).click()
    expect(lines.first).to_contain_text("large")
    expect(lines.first).to_contain_text("$2.25")
    expect(chip).to_contain_text("Blue")
    assert parse_qs(urlsplit(visitor.url).query)["group"] == ["model"]
    visitor.reload()
    expect(whole).to_have_text("Cost: $2.75")

    # The requests of a line are those that it counts.
    lines.first.get_by_title("The requests").click()
    expect(visitor.locator("tr[data-sheet]")).to_have_count(1)
    expect(visitor.locator("tr[data-sheet]")).to_contain_text("$2.25")
    visitor.go_back()

    # A view that is saved is found again by its name.
    views = visitor.locator("summary", has_text="Views")
    views.click()
    visitor.locator("[name=name]").fill("Blue by model")
    visitor.get_by_role("button", name="Save", exact=True).click()
    expect(visitor.locator("body")).to_contain_text("Saved as Blue by model.")
    visitor.goto(f"{gateway.base_url}/admin/console/explorer/")
    views.click()
    visitor.get_by_role("navigation", name="My views").get_by_role("link", name="Blue by model", exact=True).click()
    expect(whole).to_have_text("Cost: $2.75")

    chip.get_by_role("link").click()
    expect(chip).to_have_count(0)
    expect(whole).to_have_text("Cost: $4.00")
