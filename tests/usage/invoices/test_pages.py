"""From a file to a kept result: what administrators do with an invoice, and what others see of it."""

from __future__ import annotations

import csv
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from access.audit.erased_person import ErasedPerson
from access.models import AuditEntry
from providers.models import Provider
from proxysite.console.invoices import pages
from tests.admin.files import workbooks
from tests.admin.pages import links_of, staff, text_of
from tests.usage.invoices.recorded import attempted, invoice_of
from usage.erasing import replace_owner
from usage.invoices.models import InvoiceDraft, InvoiceMapping, Reconciliation
from usage.models import AttemptLog

pytestmark = pytest.mark.django_db

LIST, COLUMNS = "/admin/console/invoices/", "/admin/console/invoices/columns/"
DAY = "2026-10-30"


@pytest.fixture
def provider() -> Provider:
    """A provider with two attempts, one of them without a price."""
    provider = Provider.objects.create(name="mine", dialect="openai_chat", base_url="https://example.com/v1")
    attempted(f"{DAY}T10:00:00", provider_id=provider.pk)
    attempted(f"{DAY}T11:00:00", provider_id=provider.pk, model_name="=haiku", cost=None)
    return provider


def _upload(browser: Client, provider: Provider, text: str | bytes, name: str = "october.csv") -> Any:
    file = SimpleUploadedFile(name, text.encode() if isinstance(text, str) else text, "text/csv")
    return browser.post(reverse("console:invoice-upload"), {"provider": provider.pk, "file": file}, follow=True)


def _chosen(response: Any, **changes: str) -> dict[str, str]:
    """What the browser sends of the page of columns."""
    context = response.context
    sent = {column["field"]: column["meaning"] for column in context["columns"]}
    sent |= {name: context["form"][name].value() or "" for name in context["form"].fields}
    return {**sent, "read_with": context["read_with"], **changes}


def _compare(browser: Client, provider: Provider, text: str, **changes: str) -> Any:
    page = _upload(browser, provider, text)
    return browser.post(COLUMNS, _chosen(page, **changes), follow=True)


CLAUDE = f"date,model,input_tokens,output_tokens,cost\n{DAY},opus,100,10,1.25\n{DAY},=haiku,100,10,3\nTotal,,,,4.25\n"


def test_an_invoice_is_compared(admin_client: Client, provider: Provider) -> None:
    page = _upload(admin_client, provider, CLAUDE)
    text = text_of(page)
    for part in ("october.csv of mine", "input_tokens", "Cache read tokens", "100"):
        assert part in text
    text = text_of(admin_client.post(COLUMNS, _chosen(page), follow=True))
    for part in (
        "$4.25", "$1.00", "$3.25", "+325.0 %", "2 of 2 lines differ", "Unpriced", "Price differs", "by admin",
        "1 attempt without a price. Give the model a price", "2 lines, 1 without a day skipped",
    ):  # fmt: skip
        assert part in text
    result = Reconciliation.objects.get()
    assert result.file_hash in text
    assert "$3.25" in text_of(admin_client.get(LIST))
    entry = AuditEntry.objects.get(action="invoice compared")
    assert entry.object_id == str(result.pk)
    assert result.file_hash in entry.changes


def test_the_invoice_of_what_was_recorded_has_no_difference(admin_client: Client, provider: Provider) -> None:
    text = text_of(_compare(admin_client, provider, invoice_of(AttemptLog.objects.all())))
    assert "0 of 2 lines differ" in text
    result = Reconciliation.objects.get()
    assert result.difference == 0
    assert "No line differs" in text_of(admin_client.get(f"{LIST}{result.pk}/?only=differences"))


def test_a_result_by_day_and_by_model(admin_client: Client, provider: Provider) -> None:
    _compare(admin_client, provider, CLAUDE)
    url = f"{LIST}{Reconciliation.objects.get().pk}/"
    (row,) = admin_client.get(url, {"by": "day"}).context["rows"]
    assert (row["invoice_cost"], row["our_cost"], row["difference"]) == (Decimal("4.25"), Decimal(1), Decimal("3.25"))
    rows = admin_client.get(url, {"by": "model", "only": "differences"}).context["rows"]
    assert [(row["model"], row["invoice_tokens"], row["difference"]) for row in rows] == [
        ("=haiku", 110, Decimal(3)),
        ("opus", 110, Decimal("0.25")),
    ]


def test_a_page_reads_the_lines_that_it_shows(
    admin_client: Client, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    _compare(admin_client, provider, CLAUDE)
    monkeypatch.setattr(pages, "SHOWN", 1)
    with CaptureQueriesContext(connection) as queries:
        text = text_of(admin_client.get(f"{LIST}{Reconciliation.objects.get().pk}/"))
        admin_client.get(LIST)
    assert "These are the first 1 lines; the files have all." in text
    assert "=haiku" in text
    assert "opus" not in text
    read = [
        one["sql"]
        for one in queries
        if "ORDER BY" in one["sql"] and '"usage_reconciliationline"."explanation"' in one["sql"]
    ]
    assert [sql.endswith("LIMIT 2") for sql in read] == [True]
    # A file that waits may have megabytes.
    assert not [one["sql"] for one in queries if '"usage_invoicedraft"."text"' in one["sql"]]


def test_files_have_all_lines(admin_client: Client, provider: Provider) -> None:
    links = links_of(_compare(admin_client, provider, CLAUDE))
    lines = list(csv.DictReader(b"".join(admin_client.get(links["CSV"])).decode().splitlines()))
    assert [(line["model"], line["difference_usd"], line["cause"]) for line in lines] == [
        ("'=haiku", "3.000000000000", "Unpriced"),
        ("opus", "0.250000000000", "Price differs"),
    ]
    assert lines[0]["day_utc"] == DAY
    header, first, _ = workbooks.rows(b"".join(admin_client.get(links["XLSX"])))
    assert not [cell for cell in first if cell.formula]
    titles = {cell.column: cell.text for cell in header}
    cells = {titles[cell.column]: cell for cell in first}
    assert (cells["day_utc"].format, cells["model"].text) == ("yyyy-mm-dd", "=haiku")
    assert (cells["difference_usd"].number, cells["difference_usd"].format[:8]) == (3, "[$$-409]")
    assert (cells["our_input"].number, cells["our_input"].format) == (100, "#,##0")
    assert AuditEntry.objects.filter(action="usage exported").count() == 2


def test_columns_are_saved_for_the_next_invoice(admin_client: Client, provider: Provider) -> None:
    text = "when;what;in;out;sum\n30.10.2026;Big one;100;10;1,25\n"
    page = _upload(admin_client, provider, text)
    assert text_of(page).count("Big one") == 1
    columns = {f"column-{at}": name for at, name in enumerate(("day", "model", "input", "output", "cost"))}
    text_of(
        admin_client.post(COLUMNS, _chosen(page, **columns, days="day_first", decimal=",", aliases="big one = opus"))
    )
    result = Reconciliation.objects.get()
    assert [(line.model_name, line.on_invoice) for line in result.lines.all()] == [("=haiku", ""), ("opus", "Big one")]
    page = _upload(admin_client, provider, text)
    assert _chosen(page)["aliases"] == "big one = opus"
    admin_client.post(COLUMNS, _chosen(page))
    assert [each.invoice_cost for each in Reconciliation.objects.all()] == [Decimal("1.25")] * 2
    assert InvoiceMapping.objects.get().columns["sum"] == "cost"
    assert AuditEntry.objects.filter(object_type="usage.invoicemapping").count() == 1


def test_another_delimiter_shows_other_columns_first(admin_client: Client, provider: Provider) -> None:
    page = _upload(admin_client, provider, f"date|cost,note\n{DAY}|1,x\n")
    response = admin_client.post(COLUMNS, _chosen(page, delimiter="|" if page.context["read_with"] == "," else ","))
    assert response.context["read_with"] != page.context["read_with"]
    assert not Reconciliation.objects.exists()


def test_errors_say_what_to_do(admin_client: Client, provider: Provider) -> None:
    wrong = _upload(admin_client, provider, b"PK\x03\x04")
    assert wrong.status_code == 400
    assert "Unpack a compressed file" in text_of(wrong)
    wrong = _compare(admin_client, provider, CLAUDE.replace("3\n", "three\n"))
    assert wrong.status_code == 400
    assert "Line 3, cost: “three” is no number such as 1,234.56" in text_of(wrong)
    wrong = admin_client.post(COLUMNS, _chosen(wrong, aliases="nothing"))
    assert "Write the name on the invoice = the name here" in text_of(wrong)
    assert "No column has the day" in text_of(
        admin_client.post(COLUMNS, _chosen(wrong, aliases="", **{"column-0": ""}))
    )
    many = "\n".join(f"a{at} = b" for at in range(501))
    assert "501 names, and at most 500" in text_of(admin_client.post(COLUMNS, _chosen(wrong, aliases=many)))
    wrong = admin_client.post(COLUMNS, {"read_with": "x", "days": "iso"})
    assert wrong.status_code == 400
    assert not Reconciliation.objects.exists()


def test_a_file_is_its_users_and_for_a_day(admin_client: Client, provider: Provider) -> None:
    _upload(admin_client, provider, CLAUDE)
    another = staff("usage.view_reconciliation", "usage.add_reconciliation")
    assert "Choose a file first" in text_of(another.get(COLUMNS, follow=True))
    assert "Go on with october.csv" in text_of(admin_client.get(LIST))
    InvoiceDraft.objects.update(created_at=timezone.now() - timedelta(days=2))
    assert "Choose a file first" in text_of(admin_client.get(COLUMNS, follow=True))
    _upload(another, provider, CLAUDE)
    user_id = InvoiceDraft.objects.get().user_id
    replace_owner(ErasedPerson(user_id, [], []))
    assert not InvoiceDraft.objects.exists()


def test_who_may_only_look_changes_nothing(admin_client: Client, provider: Provider) -> None:
    _compare(admin_client, provider, CLAUDE)
    result = Reconciliation.objects.get()
    reader = staff("usage.view_reconciliation")
    text = text_of(reader.get(LIST)) + text_of(reader.get(f"{LIST}{result.pk}/"))
    assert "Compare an invoice" not in text
    assert "Delete" not in text
    for url in (reverse("console:invoice-upload"), COLUMNS, f"{LIST}{result.pk}/delete/"):
        assert reader.post(url).status_code == 403
    assert Reconciliation.objects.exists()


def test_a_result_outlives_its_provider_and_is_deleted_with_an_entry(admin_client: Client, provider: Provider) -> None:
    _compare(admin_client, provider, CLAUDE)
    result = Reconciliation.objects.get()
    provider.delete()
    assert "Invoice of mine" in text_of(admin_client.get(f"{LIST}{result.pk}/"))
    assert "mine" in text_of(admin_client.get(LIST))
    text = text_of(admin_client.post(f"{LIST}{result.pk}/delete/", follow=True))
    assert f"Deleted the comparison of mine, {DAY} to {DAY}" in text
    assert not Reconciliation.objects.exists()
    assert AuditEntry.objects.filter(action="invoice comparison deleted", object_id=str(result.pk)).exists()
