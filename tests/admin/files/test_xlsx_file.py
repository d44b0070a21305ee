"""XLSX files: what a spreadsheet reads in them."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from proxysite.console import xlsx_file
from tests.admin.files import workbooks


def _read(*records: list[Any], formats: tuple[str, ...] = ()) -> list[list[Any]]:
    file = io.BytesIO()
    xlsx_file.write(file, ["name", "value"], records, formats)
    header, *rows = workbooks.rows(file.getvalue())
    assert [cell.text for cell in header] == ["name", "value"]
    return rows


def test_numbers_are_numbers_with_the_format_of_their_column_or_type() -> None:
    (row,) = _read([7, Decimal("1234.000000000001")], formats=("#,##0",))
    assert [(cell.number, cell.format) for cell in row] == [
        (7, "#,##0"), (1234.000000000001, "[$$-409]#,##0.00##########"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["=1+1", "@SUM(A1)", "-2", "007", "<r><t>no</t></r>", "a\0b", "https://a.example", "ü"]
)
def test_texts_stay_texts(text: str) -> None:
    (row,) = _read([text, 1])
    assert row[0].number is None
    assert row[0].formula is None
    assert row[0].text.strip() == text


def test_characters_that_no_file_can_have_are_replaced() -> None:
    assert _read(["a\udc80\ufffe", 1])[0][0].text == "a\ufffd\ufffd"


def test_unknown_values_are_empty() -> None:
    (row,) = _read([None, 5])
    assert [cell.column for cell in row] == ["B"]


def test_days_and_moments_are_dates_of_the_gateways_time_zone(settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    (row,) = _read([date(2026, 3, 1), datetime(2026, 3, 1, 0, 0, tzinfo=UTC)])
    # Days since the end of 1899, as spreadsheets count them; a twenty-fourth is an hour.
    assert [cell.number for cell in row] == [46082, 46082 + 9 / 24]


def test_the_header_is_bold_and_stays_in_view() -> None:
    file = io.BytesIO()
    xlsx_file.write(file, ["name"], [["x"]])
    assert workbooks.rows(file.getvalue())[0][0].is_bold
    assert workbooks.frozen_rows(file.getvalue()) == 1


def test_more_lines_than_a_sheet_takes_are_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_file, "MOST_LINES", 2)
    answer = xlsx_file.response("a.xlsx", ["name"], [["a"], ["b"], ["c"]])
    assert answer.status_code == 400
    assert "A sheet takes 2 lines. Take the CSV file" in answer.content.decode()
