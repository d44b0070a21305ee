"""Reads an invoice: its figures by day and model, added up from its lines."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from usage.invoices import values
from usage.invoices.columns import BY_NAME, FIGURES, NUMERIC, Layout
from usage.invoices.errors import InvoiceError
from usage.invoices.sheet import Sheet

MOST_DAYS: Final = 400
MOST_GROUPS: Final = 20_000
MOST_DOLLARS: Final = Decimal(9_000_000)
MOST_TOKENS: Final = 10**18
"""Also requests: what the database holds, however figures are added up."""
MOST_PROBLEMS: Final = 10
_LONGEST_MODEL = 160
_COUNTS: Final = tuple(name for name in FIGURES if name != "cost")
_NO_DAY = re.compile(r"\s*|.*\b(sub)?(total|sum|summe|gesamt|suma|totale|somme)s?\b.*", re.IGNORECASE | re.DOTALL)
_PICO = Decimal("1e-12")
_TOO_DEAR: Final = f"The cost is more than ${MOST_DOLLARS:,}. Choose another column, or another separator."


class Figures(msgspec.Struct):
    """What an invoice says of one day and model; None is not on it. The cost is in US dollars."""

    requests: int | None = None
    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    output: int | None = None
    cost: Decimal | None = None


class Invoice(msgspec.Struct, frozen=True):
    """An invoice's figures by day and model. Where `by_model` is False it names no model, and all are ''.

    `lines` is how many counted, `skipped` how many had no day, such as totals, and `left_out` how many were about
    something else by the layout's filter.
    """

    figures: dict[tuple[date, str], Figures]
    by_model: bool
    currency: str
    lines: int
    skipped: int
    left_out: int

    @property
    def first(self) -> date:
        """The first day."""
        return min(day for day, _ in self.figures)

    @property
    def last(self) -> date:
        """The last day."""
        return max(day for day, _ in self.figures)

    @property
    def has_cost(self) -> bool:
        """Whether any line has a cost."""
        return any(each.cost is not None for each in self.figures.values())


class _Sums:
    """The sums of the columns of one day and model."""

    def __init__(self) -> None:
        self.of: dict[str, Decimal] = {}

    def add(self, meaning: str, figure: Decimal) -> None:
        self.of[meaning] = self.of.get(meaning, Decimal(0)) + figure

    def figures(self, rate: Decimal) -> Figures:
        of = self.of
        counts: dict[str, int] = {
            name: round(of[name]) for name in ("requests", "cache_read", "cache_write", "output") if name in of
        }
        if "input" in of:
            counts["input"] = round(of["input"])
        elif "input_with_cache" in of:
            cached = of.get("cache_read", Decimal(0)) + of.get("cache_write", Decimal(0))
            counts["input"] = round(of["input_with_cache"] - cached)
        cost = of["cost"] * rate if "cost" in of else None
        # More digits than an amount has cannot be cut to its decimals.
        if cost is not None and abs(cost) > MOST_DOLLARS:
            raise InvoiceError(_TOO_DEAR)
        return Figures(**counts, cost=None if cost is None else cost.quantize(_PICO))


class _Reader:
    def __init__(self, sheet: Sheet, layout: Layout) -> None:
        place = {name: at for at, name in enumerate(sheet.header)}
        self._layout = layout
        self._at = {name: place[name] for name in layout.columns}
        self._numbers = [(name, meaning) for name, meaning in layout.columns.items() if meaning in NUMERIC]
        self._single = {meaning: self._at[name] for name, meaning in layout.columns.items() if meaning not in NUMERIC}
        self._only = place.get(layout.only_column) if layout.only_text else None
        self._text = layout.only_text.casefold()
        self.sums: dict[tuple[date, str], _Sums] = {}
        self.problems: list[str] = []
        self.currencies: set[str] = set()
        self.lines = self.skipped = self.left_out = 0

    def read(self, number: int, cells: list[str]) -> None:
        """Adds one line."""
        if self._only is not None and self._text not in _cell(cells, self._only).casefold():
            self.left_out += 1
            return
        written = _cell(cells, self._single["day"])
        try:
            day = values.day(written, self._layout.days)
        except ValueError as error:
            if _NO_DAY.fullmatch(written):
                self.skipped += 1
            else:
                self.problems.append(f"Line {number}: {error}. Choose how the file writes days, or correct the line.")
            return
        self.lines += 1
        sums = self.sums.setdefault((day, _cell(cells, self._single.get("model"))[:_LONGEST_MODEL]), _Sums())
        self._add(number, cells, sums)
        if _cell(cells, self._single.get("request_id")):
            sums.add("requests", Decimal(1))
        if currency := _cell(cells, self._single.get("currency")):
            self.currencies.add(currency.upper()[:10])

    def _add(self, number: int, cells: list[str], sums: _Sums) -> None:
        for name, meaning in self._numbers:
            try:
                figure = values.number(_cell(cells, self._at[name]), self._layout.decimal)
            except ValueError as error:
                self.problems.append(
                    f"Line {number}, {name[:40]}: {error}. Choose how the file writes numbers, or correct the line."
                )
            else:
                if figure is not None:
                    sums.add(meaning, figure)


def check(layout: Layout, header: Iterable[str]) -> None:
    """Raises InvoiceError for a layout that a file with these columns cannot be read by."""
    known, meanings = set(header), list(layout.columns.values())
    problems = [f"There is no column {name[:60]}. Choose the columns anew." for name in layout.columns.keys() - known]
    if "day" not in meanings:
        problems.append("No column has the day. Choose one: without it nothing can be compared.")
    if not NUMERIC & set(meanings):
        problems.append("No column has a figure. Choose the cost, or tokens.")
    problems += [
        f"Several columns have the meaning “{one.title}”. Choose one of them."
        for one in BY_NAME.values()
        if not one.several and meanings.count(one.name) > 1
    ]
    if {"input", "input_with_cache"} <= set(meanings):
        problems.append("Input tokens are chosen with and without those from cache. Choose one of the two.")
    if {"requests", "request_id"} <= set(meanings):
        problems.append("Requests are chosen as a number and as lines. Choose one of the two.")
    if layout.only_text and layout.only_column not in known:
        problems.append("Choose the column that lines are filtered by, or remove the text.")
    if problems:
        raise InvoiceError(*problems)


def read(sheet: Sheet, layout: Layout) -> Invoice:
    """Returns what an invoice says. Raises InvoiceError with the first problems, each with its line."""
    check(layout, sheet.header)
    reader = _Reader(sheet, layout)
    for number, cells in sheet.lines:
        reader.read(number, cells)
        if len(reader.problems) >= MOST_PROBLEMS:
            raise InvoiceError(*reader.problems[:MOST_PROBLEMS], "There may be more.")
    if reader.problems:
        raise InvoiceError(*reader.problems)
    currency = _currency(reader.currencies, layout)
    figures = {key: sums.figures(layout.rate or Decimal(1)) for key, sums in reader.sums.items()}
    by_model = any(model for _, model in figures)
    found = Invoice(figures, by_model, currency, reader.lines, reader.skipped, reader.left_out)
    _check_size(found)
    return found


def _currency(found: set[str], layout: Layout) -> str:
    if len(found) > 1:
        raise InvoiceError(f"The file has several currencies: {', '.join(sorted(found)[:5])}. Export one at a time.")
    currency = next(iter(found), "USD" if layout.rate is None else "")
    if currency not in ("USD", "$", "") and layout.rate is None:
        raise InvoiceError(f"The amounts are in {currency}, and costs here in US dollars. Give the rate.")
    if currency in ("USD", "$") and layout.rate not in (None, 1):
        raise InvoiceError("The amounts are in US dollars. Remove the rate.")
    return currency


def _check_size(invoice: Invoice) -> None:
    if not invoice.figures:
        raise InvoiceError("No line has a day. Choose another column, or see whether the filter fits.")
    if (invoice.last - invoice.first).days >= MOST_DAYS:
        raise InvoiceError(
            f"The file is about {invoice.first} to {invoice.last}. Export at most {MOST_DAYS} days, or choose how the "
            "file writes days."
        )
    if len(invoice.figures) > MOST_GROUPS:
        raise InvoiceError(f"There are more than {MOST_GROUPS:,} days and models. Choose another column for the model.")
    figures = invoice.figures.values()
    if sum(abs(each.cost) for each in figures if each.cost is not None) > MOST_DOLLARS:
        raise InvoiceError(_TOO_DEAR)
    if sum(abs(getattr(each, name) or 0) for each in figures for name in _COUNTS) > MOST_TOKENS:
        raise InvoiceError(f"There are more than {MOST_TOKENS:,} tokens. Choose another column, or another separator.")


def _cell(cells: list[str], at: int | None) -> str:
    return cells[at].strip() if at is not None and at < len(cells) else ""
