"""Is the provider's invoice right? Upload it, say what its columns mean, and see what differs and why."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from providers.models import Provider
from tests.admin.history import attempt_row, request_row
from tests.browser.steps import shows
from tests.harness.configure import make_provider
from tests.harness.gateway import Gateway
from usage.models import AttemptLog
from usage.money import to_pico

_MEANINGS = {
    "Used on": "Day or moment (UTC)",
    "Product": "Model",
    "Prompt": "Input tokens, not from cache",
    "Answer": "Output tokens",
    "Charged": "Cost",
}
_CHARGED = {"large": "2.20", "medium": "0.5", "small": "0.30"}


def _use(provider: Provider, started_at: datetime, model: str, dollars: str | None) -> None:
    used: dict[str, Any] = {
        "started_at": started_at, "provider_id": provider.pk, "provider_name": provider.name, "model_name": model,
        "cost": None if dollars is None else to_pico(Decimal(dollars)), "input_tokens": 1000, "output_tokens": 100,
    }  # fmt: skip
    attempt_row(request_row(**used), **used)


def _invoice() -> bytes:
    """The attempts as a provider bills them, in columns whose names say nothing to us."""
    text = io.StringIO()
    lines = csv.writer(text, delimiter=";")
    lines.writerow(_MEANINGS)
    for row in AttemptLog.objects.order_by("started_at"):
        charged = _CHARGED[row.model_name]
        lines.writerow([f"{row.started_at:%Y-%m-%d}", row.model_name, row.input_tokens, row.output_tokens, charged])
    return text.getvalue().encode()


def _upload(page: Page, provider: Provider, invoice: bytes) -> Locator:
    """Choose a file, and return the selects of its columns."""
    page.locator("#nav-sidebar").get_by_text("Invoices", exact=True).click()
    page.locator("[name=provider]").select_option(label=provider.name)
    page.locator("[name=file]").set_input_files({"name": "may.csv", "mimeType": "text/csv", "buffer": invoice})
    page.get_by_role("button", name="Choose columns").click()
    return page.locator("select[name^=column-]")


def test_an_invoice_is_compared(visitor: Page, owned: Callable[[], Gateway], tmp_path: Path) -> None:
    provider, yesterday = make_provider("anthropic", "http://127.0.0.1:9"), timezone.now() - timedelta(days=1)
    for model, dollars in (("large", "2"), ("medium", "0.5"), ("small", None)):
        _use(provider, yesterday, model, dollars)
    invoice = _invoice()
    gateway = owned()
    visitor.goto(f"{gateway.base_url}/admin/")
    columns = _upload(visitor, provider, invoice)
    shows(visitor, f"may.csv of {provider.name}")
    expect(columns).to_have_count(len(_MEANINGS))
    for name, meaning in _MEANINGS.items():
        visitor.get_by_label(f"{name} means").select_option(label=meaning)
    visitor.get_by_role("button", name="Compare").click()

    totals = visitor.locator(".gw-billed")
    for words in ("On the invoice$3.00", "Here$2.50", "Difference$0.50", "+20.0 %", "2 of 3 lines differ"):
        expect(totals).to_contain_text(words)
    lines = visitor.locator(".gw-compared tbody tr")
    expect(lines).to_have_count(3)
    visitor.get_by_role("link", name="Differences").click()
    expect(lines).to_have_count(2)
    large, small = lines.filter(has_text="large"), lines.filter(has_text="small")
    expect(large).to_contain_text("Price differs")
    expect(large).to_contain_text("The tokens are equal: compare the model's price with the provider's.")
    expect(small).to_contain_text("Unpriced")
    expect(small).to_contain_text("1 attempt without a price. Give the model a price")

    with visitor.expect_download() as started:
        visitor.get_by_role("link", name="CSV", exact=True).click()
    started.value.save_as(tmp_path / "invoice.csv")
    records = csv.DictReader((tmp_path / "invoice.csv").read_text().splitlines())
    differences = {one["model"]: Decimal(one["difference_usd"]) for one in records}
    assert differences == {"large": Decimal("0.2"), "medium": 0, "small": Decimal("0.3")}

    # The result is kept, and the meanings of the columns for the next invoice of this provider.
    columns = _upload(visitor, provider, invoice)
    for column, meaning in zip(columns.all(), _MEANINGS.values(), strict=True):
        expect(column.locator("option:checked")).to_have_text(meaning)
    visitor.get_by_role("link", name="All invoices").click()
    visitor.get_by_role("row", name="may.csv").get_by_role("link", name=provider.name).click()
    expect(totals).to_contain_text("Difference$0.50")
