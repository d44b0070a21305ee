"""The explorer's files: every line of a question with exact values, as CSV, JSON and XLSX."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from access.audit.models import AuditEntry
from proxysite.console import xlsx_file
from tests.admin.files import workbooks
from tests.admin.history import at, request_row
from usage.money import to_pico
from usage.reports.explore import answer

pytestmark = pytest.mark.django_db

QUERY = "from=2026-03-30&to=2026-03-31&group=model&bucket=day"
MEASURES = [
    "requests", "errors", "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "cost_usd",
]  # fmt: skip


def _spend(dollars: str, day: str, **fields: Any) -> None:
    values = {"team_id": 1, "team_name": "Blue", "model_name": "opus", **fields}
    request_row(started_at=at(f"{day} 12:00"), cost=to_pico(Decimal(dollars)), **values)


def _file(browser: Client, format: str, query: str = QUERY) -> bytes:
    response: Any = browser.get(f"/admin/console/explorer.{format}?{query}")
    assert response.status_code == 200
    assert response["Content-Disposition"] == f'attachment; filename="usage.{format}"'
    return b"".join(response)


def _csv(browser: Client, query: str = QUERY) -> list[list[str]]:
    return list(csv.reader(io.StringIO(_file(browser, "csv", query).decode())))


@pytest.fixture
def two_models() -> None:
    """A pico-dollar of one model, and two dollars of another one that is called like a formula."""
    _spend("0.000000000001", "2026-03-30", input_tokens=7)
    _spend("2", "2026-03-31", model_name="=1+1", outcome="failed")


@pytest.mark.usefixtures("two_models")
def test_a_csv_file_has_exact_amounts_all_measures_and_no_formula(admin_client: Client) -> None:
    header, *lines = _csv(admin_client)
    assert header == ["model", *MEASURES, "cost", "2026-03-30", "2026-03-31"]
    assert lines == [
        ["'=1+1", "1", "1", "", "", "", "", "2.000000000000", "2.000000000000", "", "2.000000000000"],
        ["opus", "1", "0", "7", "", "", "", "0.000000000001", "0.000000000001", "0.000000000001", ""],
    ]


@pytest.mark.usefixtures("two_models")
def test_a_json_file_has_the_same_lines(admin_client: Client) -> None:
    document = json.loads(_file(admin_client, "json"))
    unknown = dict.fromkeys(MEASURES[3:-1])
    assert document["lines"][1] == {
        "names": {"model": "opus"}, "requests": 1, "errors": 0, "input_tokens": 7, **unknown,
        "cost_usd": "0.000000000001", "total": "0.000000000001", "values": ["0.000000000001", None],
    }  # fmt: skip
    assert (document["whole"]["requests"], document["whole"]["cost_usd"]) == (2, "2.000000000001")
    assert [start[:10] for start in document["buckets"]] == ["2026-03-30", "2026-03-31"]


@pytest.mark.usefixtures("two_models")
def test_a_sheet_has_the_same_lines_with_numbers_and_plain_texts(admin_client: Client) -> None:
    book = _file(admin_client, "xlsx")
    assert workbooks.values(book) == [
        ["model", *MEASURES, "cost", "2026-03-30", "2026-03-31"],
        ["=1+1", 1, 1, 2, 2, 2],
        ["opus", 1, 0, 7, 1e-12, 1e-12, 1e-12],
    ]
    formats = [cell.format for cell in workbooks.rows(book)[1]]
    assert formats == ["General", "#,##0", "#,##0", *[xlsx_file.DOLLARS] * 3]


def test_a_share_is_one_in_a_sheet(admin_client: Client) -> None:
    _spend("1", "2026-03-30", outcome="failed")
    _spend("1", "2026-03-30")
    book = _file(admin_client, "xlsx", f"{QUERY}&metric=error_rate")
    assert [(cell.number, cell.format) for cell in workbooks.rows(book)[1]][-2:] == [(0.5, "0.0%")] * 2


def test_files_have_every_line_where_the_page_has_the_greatest(admin_client: Client) -> None:
    for number in range(12):
        _spend(str(number + 1), "2026-03-30", model_name=f"m{number:02}")
    page: Any = admin_client.get(f"/admin/console/explorer/?{QUERY}&limit=5")
    assert len(page.context["rows"]) == 6
    for limit in (5, 50):
        lines = _csv(admin_client, f"{QUERY}&limit={limit}")[1:]
        assert [line[0] for line in lines] == [f"m{number:02}" for number in reversed(range(12))]


def test_more_values_than_fit_in_memory_are_refused_with_what_to_ask(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer, "MOST_VALUES", 3)
    for number in range(2):
        _spend("1", "2026-03-30", model_name=f"m{number}")
    refused = admin_client.get(f"/admin/console/explorer.csv?{QUERY}")
    assert refused.status_code == 400
    assert "These are 2 lines in 2 buckets, and at most 3 values" in refused.content.decode()
    assert len(_csv(admin_client, QUERY.replace("bucket=day", "bucket=month"))) == 3


@pytest.mark.usefixtures("two_models")
def test_an_entry_says_who_took_which_question(admin_client: Client) -> None:
    for format in ("csv", "json", "xlsx"):
        _file(admin_client, format)
    entries = AuditEntry.objects.filter(action="usage exported", person_name="admin")
    assert entries.count() == 3
    assert "from=2026-03-30&to=2026-03-31" in entries[0].changes
