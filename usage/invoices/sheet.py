"""Takes a CSV file apart: its encoding, its delimiter, the line with the names of its columns, and the lines below."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

import msgspec

from usage.invoices.errors import InvoiceError
from usage.invoices.values import LONGEST

MOST_BYTES: Final = 5_000_000
MOST_LINES: Final = 100_000
MOST_COLUMNS: Final = 400
DELIMITERS: Final = {",": "Comma", ";": "Semicolon", "\t": "Tab", "|": "Bar"}
_LOOKED_AT = 30
"""Lines in which the names of the columns are looked for: some files begin with lines about the invoice."""
_NAMED = 0.6
"""Part of the columns that the line with their names fills at least."""
_FIGURE = re.compile(r"[-+(]?[$€£¥]?\s*[\d.,'\s]*\d[\d.,'\s]*[)%]?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*")
_PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"%PDF")


class Sheet(msgspec.Struct, frozen=True):
    """The columns of a file by name, and its lines below the names, each with its number in the file."""

    delimiter: str
    header: list[str]
    lines: list[tuple[int, list[str]]]

    def samples(self, column: int, count: int = 20) -> list[str]:
        """Returns the first values of a column that are not empty, each once."""
        cells = (cells[column].strip() for _, cells in self.lines if column < len(cells))
        return list(islice(dict.fromkeys(cell for cell in cells if cell), count))


def text_of(data: bytes) -> str:
    """Returns the text of a file in UTF-8, UTF-16 or Windows' Latin alphabet. Raises InvoiceError."""
    if len(data) > MOST_BYTES:
        raise InvoiceError(f"The file has more than {MOST_BYTES // 1_000_000} MB. Export a shorter period, or days.")
    if data.startswith(_PACKED):
        raise InvoiceError("This is no CSV file. Unpack a compressed file; export a spreadsheet or a PDF as CSV.")
    try:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            text = data.decode("utf-16")
        else:
            text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    if "\0" in text:
        raise InvoiceError("This is no text. Choose a CSV file.")
    if not text.strip():
        raise InvoiceError("The file is empty. Choose another one.")
    return text


def head(text: str, lines: int = 300) -> str:
    """Returns the first lines of a text."""
    return "".join(islice(_text_lines(text), lines))


def sheet(text: str, delimiter: str = "") -> Sheet:
    """Returns the columns and lines of a text; the delimiter is found out unless it is given. Raises InvoiceError."""
    if not delimiter:
        first = head(text, _LOOKED_AT)
        delimiter = max(DELIMITERS, key=lambda each: _named(_cut(first, each))[1])
    lines = _cut(text, delimiter)
    at, width = _named(lines[:_LOOKED_AT])
    if width < 2:
        raise InvoiceError("No columns were found. Choose the delimiter, or a file whose first lines name its columns.")
    if max(len(cells) for _, cells in lines) > MOST_COLUMNS:
        raise InvoiceError(f"The file has more than {MOST_COLUMNS} columns. Remove those that are not needed.")
    return Sheet(delimiter, _names(lines[at][1]), lines[at + 1 :])


def _text_lines(text: str) -> Iterator[str]:
    # Not str.splitlines, which ends lines where CSV does not.
    return iter(io.StringIO(text, newline=""))


def _cut(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """Returns the lines that are not blank, with their numbers."""
    reader = csv.reader(_text_lines(text), delimiter=delimiter)
    found = []
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                found.append((reader.line_num, cells))
            if len(found) > MOST_LINES:
                raise InvoiceError(f"The file has more than {MOST_LINES:,} lines. Export a shorter period, or days.")
    except csv.Error as error:
        raise InvoiceError(f"Line {reader.line_num}: {error}. Export the file anew as plain CSV.") from error
    return found


def _named(lines: list[tuple[int, list[str]]]) -> tuple[int, int]:
    """Returns the place of the line that names the columns, and how many it names; 0 of them where there is none."""
    filled = [sum(bool(cell.strip()) for cell in cells) for _, cells in lines]
    most = max(filled, default=0)
    for at, (_, cells) in enumerate(lines):
        if filled[at] >= most * _NAMED and not any(map(_is_figure, cells)):
            return at, filled[at]
    return 0, 0


def _is_figure(cell: str) -> bool:
    plain = cell.strip()
    return len(plain) <= LONGEST and _FIGURE.fullmatch(plain) is not None


def _names(cells: list[str]) -> list[str]:
    """Returns a name of its own for each column."""
    found: list[str] = []
    for at, cell in enumerate(cells, 1):
        name = plain = cell.strip()[:200] or f"Column {at}"
        if name in found:
            name = f"{plain} (column {at})"
        found.append(name)
    return found
