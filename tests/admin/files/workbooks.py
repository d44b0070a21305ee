"""Reads XLSX files as a spreadsheet does: the first sheet's cells, with the formats of their styles."""

from __future__ import annotations

import io
import re
from typing import NamedTuple
from xml.etree import ElementTree
from zipfile import ZipFile

_XMLNS = {"s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
_ESCAPED = re.compile("_x([0-9a-fA-F]{4})_")
_STANDARD = {"0": "General", "3": "#,##0"}


class Cell(NamedTuple):
    """A cell that is not empty: a text, or a number in the format of its style."""

    column: str
    text: str
    number: float | None
    formula: str | None
    format: str
    is_bold: bool


def rows(content: bytes) -> list[list[Cell]]:
    """Returns the cells of each row, without those that are empty."""
    sheet, styles = _part(content, "xl/worksheets/sheet1.xml"), _part(content, "xl/styles.xml")
    return [[_cell(cell, styles) for cell in row.findall("s:c", _XMLNS)] for row in sheet.iterfind(".//s:row", _XMLNS)]


def values(content: bytes) -> list[list[str | float]]:
    """Returns what the cells of each row hold, without those that are empty."""
    return [[cell.text if cell.number is None else cell.number for cell in row] for row in rows(content)]


def frozen_rows(content: bytes) -> int:
    """Returns the number of rows that stay in view."""
    pane = _part(content, "xl/worksheets/sheet1.xml").find(".//s:pane[@state='frozen']", _XMLNS)
    return 0 if pane is None else int(pane.get("ySplit", "0"))


def _part(content: bytes, name: str) -> ElementTree.Element:
    with ZipFile(io.BytesIO(content)) as file:
        return ElementTree.fromstring(file.read(name))


def _cell(cell: ElementTree.Element, styles: ElementTree.Element) -> Cell:
    style = styles.findall("s:cellXfs/s:xf", _XMLNS)[int(cell.get("s", "0"))]
    formats = {one.get("numFmtId"): one.get("formatCode", "") for one in styles.iterfind(".//s:numFmt", _XMLNS)}
    font = styles.findall("s:fonts/s:font", _XMLNS)[int(style.get("fontId", "0"))]
    number = style.get("numFmtId", "0")
    text = "".join(cell.itertext()) if cell.get("t") == "inlineStr" else ""
    return Cell(
        re.sub(r"\d", "", cell.get("r", "")),
        _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text),
        None if cell.get("t") == "inlineStr" else float(cell.findtext("s:v", "nan", _XMLNS)),
        cell.findtext("s:f", None, _XMLNS),
        formats.get(number) or _STANDARD[number],
        font.find("s:b", _XMLNS) is not None,
    )
