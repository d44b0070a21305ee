"""XLSX files with the records that a CSV file has: numbers that add up, and texts that are no formulas."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from io import BytesIO
from typing import IO, Any, Final

from django.http import HttpResponse
from django.utils import timezone
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

CONTENT_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_LINES: Final = 1_048_575
"""Lines that a sheet takes below its header."""

AMOUNT: Final = "#,##0.00##########"
"""An amount of any currency: two decimals, and as many more as it has, down to a pico-dollar."""
DOLLARS: Final = f"[$$-409]{AMOUNT}"
COUNT: Final = "#,##0"
SHARE: Final = "0.0%"
PLAIN: Final = "General"

_WIDEST = 50
# No XML has them.
_NO_CHARACTER = re.compile("[\ud800-\udfff\ufffe\uffff]")


class TooManyLines(ValueError):
    """More lines than a sheet takes; the text says what to do."""


def response(
    name: str,
    header: Sequence[str],
    records: Iterable[Sequence[Any]],
    formats: Sequence[str] = (),
) -> HttpResponse:
    """Returns a header and records as a file, which is made in memory, or 400 for more lines than a sheet takes.

    `formats` are the number formats of the columns, in their order; see `write` for those without one.
    """
    file = BytesIO()
    try:
        write(file, header, records, formats)
    except TooManyLines as error:
        return HttpResponse(str(error), status=400, content_type="text/plain; charset=utf-8")
    sent = HttpResponse(file.getvalue(), content_type=CONTENT_TYPE)
    sent["Content-Disposition"] = f'attachment; filename="{name}"'
    return sent


def write(
    file: IO[bytes], header: Sequence[str], records: Iterable[Sequence[Any]], formats: Sequence[str] = ()
) -> None:
    """Writes a workbook of one sheet: a bold header that stays in view, and a row for each record.

    Numbers are numbers (an amount has about 16 digits), days and moments (in TIME_ZONE) are dates, and None is empty.
    Without a format an amount is one of dollars, and an integer has no separators. A text above 32,767 characters is
    cut. Only the row that is being written is in memory. Raises TooManyLines.
    """
    with Workbook(file, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.freeze_panes(1, 0)
        bold = book.add_format({"bold": True})
        for column, title in enumerate(header):
            sheet.write_string(0, column, _text(title), bold)
        writer = _Writer(book, sheet, formats)
        widths = [len(title) for title in header]
        for number, record in enumerate(records, 1):
            if number > MOST_LINES:
                raise TooManyLines(f"A sheet takes {MOST_LINES:,} lines. Take the CSV file, or choose less.")
            for column, value in enumerate(record):
                writer.write(number, column, value)
                widths[column] = max(widths[column], min(len(str(value)), _WIDEST))
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width + 2)


class _Writer:
    """Writes values in the formats of their columns or, without one, of their types."""

    def __init__(self, book: Workbook, sheet: Worksheet, formats: Sequence[str]) -> None:
        self._sheet, self._formats, self._book = sheet, formats, book
        self._known: dict[str, Format] = {}

    def write(self, row: int, column: int, value: Any) -> None:
        sheet = self._sheet
        match value:
            case None | "":
                return
            case bool():
                sheet.write_boolean(row, column, value)
            case int() | float():
                sheet.write_number(row, column, value, self._format(column, PLAIN))
            case Decimal():
                sheet.write_number(row, column, float(value), self._format(column, DOLLARS))
            case datetime():
                local = value if value.tzinfo is None else timezone.make_naive(value, timezone.get_default_timezone())
                sheet.write_datetime(row, column, local, self._format(column, "yyyy-mm-dd hh:mm:ss"))
            case date():
                sheet.write_datetime(row, column, datetime.combine(value, time()), self._format(column, "yyyy-mm-dd"))
            case _:
                sheet.write_string(row, column, _text(str(value)))

    def _format(self, column: int, standard: str) -> Format:
        chosen = (self._formats[column] if column < len(self._formats) else "") or standard
        if chosen not in self._known:
            self._known[chosen] = self._book.add_format({"num_format": chosen})
        return self._known[chosen]


def _text(text: str) -> str:
    text = _NO_CHARACTER.sub("\ufffd", text)
    # The library takes this for XML of its own, and would write it as it is.
    return f"{text} " if text.startswith("<r>") and text.endswith("</r>") else text
