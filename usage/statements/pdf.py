"""A statement as a PDF: what its page shows when it is printed, on as many sheets of A4 as its lines need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from fpdf import FPDF, XPos, YPos
from fpdf.enums import TableBordersLayout, TextEmphasis, VAlign
from fpdf.fonts import FontFace

from usage.reports.formatting import UNKNOWN, count, dollars
from usage.statements.fonts import REPLACEMENT, Font, font_for
from usage.statements.models import StatementLine
from usage.statements.sheet import Sheet

_MARGIN = 15.0
_TITLE, _TEXT, _SMALL = 14.0, 9.0, 7.5
_LINE = 4.6
"""Height of a line of text in mm."""
_LEAST = 30.0
"""Height in mm that a table needs on a page to begin there."""
_HEADINGS: Final = ("Model", "Requests", "Input", "Cache read", "Cache write", "Output", "Cost")
_WIDTHS: Final = (54, 18, 22, 23, 22, 20, 21)
"""Of the columns, in mm."""
_FIGURES: Final = ("requests", "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")


def pdf(sheet: Sheet) -> bytes:
    """Returns the file. The same statement gives the same bytes on a machine, as long as its contact is the same.

    Characters that no font of the machine has become question marks, and the foot of each page says so.
    """
    facts, tables, notes = _facts(sheet), _tables(sheet), _notes(sheet)
    title = (f"{sheet.statement.team_name}, {sheet.statement.month:%B %Y}", f"Statement No. {sheet.statement.number}")
    texts = [*title, *(text for pair in facts for text in pair), *notes]
    texts += [text for _, rows in tables for row in rows for text in row]
    font = font_for("".join(texts))
    paper = _Paper(sheet, font)
    paper.heading(*title)
    paper.facts(facts)
    for caption, rows in tables:
        paper.lines(caption, rows)
    for note in notes:
        paper.note(note)
    return bytes(paper.output())


def _facts(sheet: Sheet) -> list[tuple[str, str]]:
    one = sheet.statement
    second = f"\n{one.currency} {one.converted:,.2f} at {one.shown_rate} for a dollar" if one.rate else ""
    return [
        ("Total", f"{dollars(one.total)}{second}"),
        ("Month", f"{one.month} to {sheet.last_day}\n{one.zone}"),
        ("Cost centre", one.cost_centre or UNKNOWN),
        ("Contact", sheet.contact or UNKNOWN),
        ("Closed", f"{sheet.closed_at:%Y-%m-%d %H:%M}"),
    ]


def _tables(sheet: Sheet) -> list[tuple[str, list[Sequence[str]]]]:
    """Returns each table that has lines: its caption, and its rows with their sum."""
    found: list[tuple[str, list[Sequence[str]]]] = []
    for caption, lines, cost in (
        (f"Usage of {sheet.statement.month:%B %Y}", sheet.usage, sheet.usage_cost),
        ("Late usage and corrections of earlier months", sheet.others, sheet.others_cost),
    ):
        if lines:
            found.append((caption, [*map(_row, lines), ("Total", *[""] * len(_FIGURES), dollars(cost))]))
    return found


def _row(line: StatementLine) -> Sequence[str]:
    earlier = (
        "" if line.kind == StatementLine.Kind.USAGE else f", {line.get_kind_display().lower()} of {line.month:%B %Y}"
    )
    name = f"{line.model_name or '(no model)'}\n{line.provider_name or '(no provider)'}{earlier}"
    return (name, *(count(getattr(line, figure)) for figure in _FIGURES), dollars(line.cost))


def _notes(sheet: Sheet) -> Iterable[str]:
    notes = [] if sheet.usage else ["The team used nothing in this month."]
    if sheet.unpriced > 0:
        several = sheet.unpriced != 1
        notes.append(
            f"{count(sheet.unpriced)} request{'s' if several else ''} without a price: the cost leaves "
            f"{'them' if several else 'it'} out."
        )
    return [*notes, f"Hash {sheet.statement.hash}"]


class _Paper(FPDF):
    """The sheets, with a foot on each of them."""

    def __init__(self, sheet: Sheet, font: Font) -> None:
        super().__init__(format="A4")
        statement = sheet.statement
        self._font = font
        self._family = font.use(self)
        self._foot = font.clean(f"Statement No. {statement.number}, {statement.team_name}")
        self.set_margin(_MARGIN)
        self.set_auto_page_break(True, _MARGIN + 8)
        self.set_creation_date(statement.closed_at)
        self.set_lang("en")
        self.set_title(f"Statement {statement.number}: {statement.team_name}, {statement.month:%Y-%m}")
        self.add_page()

    def footer(self) -> None:
        """Writes the number of the page, and which characters are missing."""
        self.set_y(-_MARGIN - 3)
        self._write(_SMALL)
        if self._font.missing:
            self.cell(0, 3.5, f"{REPLACEMENT} stands for characters that no font of this gateway's machine has.")
            self.set_y(-_MARGIN + 1)
        self.cell(self.epw / 2, 3.5, self._foot)
        self.cell(self.epw / 2, 3.5, f"Page {self.page_no()} of {{nb}}", align="R")

    def heading(self, left: str, right: str) -> None:
        """Writes the two titles beside each other."""
        self._write(_TITLE, bold=True)
        top = self.get_y()
        self.multi_cell(self.epw - 50, 7, self._font.clean(left), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        below = self.get_y()
        self.set_xy(self.w - _MARGIN - 50, top)
        self._write(_TEXT + 1, bold=True)
        self.cell(50, 7, right, align="R")
        self.set_xy(_MARGIN, below + 3)

    def facts(self, pairs: list[tuple[str, str]]) -> None:
        """Writes a line for each name and its text."""
        for name, text in pairs:
            self._write(_TEXT)
            self.cell(30, _LINE + 0.6, name)
            self._write(_TEXT, bold=name == "Total")
            self.multi_cell(
                self.epw - 30, _LINE + 0.6, self._font.clean(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT
            )
        self.ln(4)

    def lines(self, caption: str, rows: list[Sequence[str]]) -> None:
        """Writes a table, the last row as its sum; its head is repeated on each page."""
        if self.will_page_break(_LEAST):
            self.add_page()
        self._write(_TEXT + 1, bold=True)
        self.cell(0, 7, caption, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self._write(self._fitting(rows))
        bold = FontFace(emphasis=TextEmphasis.B)
        self.set_draw_color(190)
        self.set_line_width(0.15)
        with self.table(
            col_widths=_WIDTHS,
            text_align=("LEFT", *["RIGHT"] * (len(_WIDTHS) - 1)),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=bold,
            line_height=_LINE,
            padding=(0.8, 0.5, 0.8, 0.5),
            v_align=VAlign.T,
        ) as table:
            table.row(_HEADINGS)
            for number, row in enumerate(rows, 1):
                style = bold if number == len(rows) else None
                table.row([self._font.clean(text) for text in row], style=style)
        self.ln(5)

    def _fitting(self, rows: list[Sequence[str]]) -> float:
        """Returns the size in which no figure of a table is broken into two lines."""
        self._write(_TEXT - 0.5, bold=True)
        figures = [
            (width, text) for row in (_HEADINGS, *rows) for width, text in zip(_WIDTHS[1:], row[1:], strict=True)
        ]
        scale = sum(_WIDTHS) / self.epw
        most = max(self.get_string_width(text) * scale / (width - 2) for width, text in figures)
        return (_TEXT - 0.5) / max(1.0, most)

    def note(self, text: str) -> None:
        """Writes a small sentence."""
        self._write(_SMALL)
        self.multi_cell(0, 3.8, self._font.clean(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _write(self, size: float, *, bold: bool = False) -> None:
        self.set_font(self._family, "B" if bold else "", size)
