"""Numbers and days as invoices write them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

DECIMALS: Final = {".": "1,234.56", ",": "1.234,56"}
"""The decimal separator -> a number that has it."""
MOST: Final = Decimal(10) ** 13
"""A cell's largest number."""
LONGEST: Final = 60
"""Characters of a number or a day. Patterns take longer than in proportion for more, which any file may have."""
_EMPTY = frozenset({"", "-", "—", "–", "n/a", "na", "null", "none", "nan"})
_AROUND = re.compile(r"[$€£¥₹\s\u00a0\u2007\u2009\u202f'’]|US\$|[A-Z]{3}(?=[\s\d-])|(?<=[\d\s])[A-Z]{3}$")
_NUMBERS = {
    decimal: re.compile(rf"[-+]?(\d+|\d{{1,3}}({thousands}\d{{3}})+)?({re.escape(decimal)}\d+)?([eE][-+]?\d{{1,3}})?")
    for decimal, thousands in ((".", ","), (",", r"\."))
}
_PLAIN = re.compile(r"[0-9]{1,12}")
"""Most cells: the same with both separators."""
_OFFSET = re.compile(r"\s*(Z|UTC|GMT)$", re.IGNORECASE)


def number(text: str, decimal: str = ".") -> Decimal | None:
    """Returns the number in a cell, None where it is empty. `decimal` is "." or ",". Signs of currencies and of
    thousands may stand in it. Raises ValueError for anything else, and for a number beyond MOST."""
    plain = text.strip()
    if len(plain) > LONGEST:
        raise ValueError(f"“{plain[:LONGEST]}…” is no number such as {DECIMALS[decimal]}")
    if _PLAIN.fullmatch(plain):
        return Decimal(plain)
    if plain.lower() in _EMPTY:
        return None
    negative = plain.startswith("(") and plain.endswith(")")
    plain = _AROUND.sub("", plain.strip("()") if negative else plain).replace("−", "-")
    if plain.endswith("-"):
        negative, plain = True, plain[:-1]
    if not any(map(str.isdecimal, plain)) or not plain.isascii() or not _NUMBERS[decimal].fullmatch(plain):
        raise ValueError(f"“{text.strip()[:60]}” is no number such as {DECIMALS[decimal]}")
    found = Decimal(plain.replace("," if decimal == "." else ".", "").replace(decimal, "."))
    if abs(found) > MOST:
        raise ValueError(f"{text.strip()[:60]} is larger than any figure of an invoice")
    return -found if negative else found


def guess_decimal(cells: Iterable[str], saved: str = ".") -> str:
    """Returns the decimal separator that more of the cells can have; the saved one where that says nothing."""
    cells = list(cells)
    return max((saved, *DECIMALS), key=lambda decimal: sum(_is_number(cell, decimal) for cell in cells))


def _is_number(text: str, decimal: str) -> bool:
    try:
        return number(text, decimal) is not None
    except ValueError:
        return False


def _iso(text: str) -> date:
    if re.fullmatch(r"\d{8}", text):
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()
    if re.fullmatch(r"\d{10}(\d{3})?(\.\d+)?", text):
        seconds = float(text)
        return datetime.fromtimestamp(seconds / 1000 if seconds > 10**11 else seconds, UTC).date()
    plain = _OFFSET.sub("+00:00", text.replace("/", "-"))
    plain = re.sub(r"\s+(?=[+-]\d\d:?\d\d$)", "", plain)
    moment = datetime.fromisoformat(plain)
    return (moment if moment.tzinfo is None else moment.astimezone(UTC)).date()


def _with(*patterns: str) -> Callable[[str], date]:
    def read(text: str) -> date:
        # A time of day may follow the day.
        plain = re.sub(r",?\s+\d{1,2}:\d\d.*$", "", text)
        for pattern in patterns:
            try:
                return datetime.strptime(plain, pattern).replace(tzinfo=UTC).date()
            except ValueError:
                continue
        raise ValueError(text)

    return read


class _Format:
    def __init__(self, example: str, read: Callable[[str], date]) -> None:
        self.example, self.read = example, read


_FORMATS: Final = {
    "iso": _Format("2026-11-30, with or without a time", _iso),
    "month_first": _Format("11/30/2026", _with("%m/%d/%Y", "%m/%d/%y", "%m-%d-%Y")),
    "day_first": _Format("30/11/2026 or 30.11.2026", _with("%d/%m/%Y", "%d.%m.%Y", "%d/%m/%y", "%d.%m.%y", "%d-%m-%Y")),
    "words": _Format("Nov 30, 2026", _with("%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%b %d %Y")),
}
DAYS: Final = {name: each.example for name, each in _FORMATS.items()}
"""How a file writes days -> one of them."""


def day(text: str, form: str = "iso") -> date:
    """Returns the day in a cell; of a moment, its day in UTC. `form` is one of DAYS. Raises ValueError."""
    plain = text.strip()
    if len(plain) > LONGEST:
        raise ValueError(f"“{plain[:LONGEST]}…” is no day such as {DAYS[form]}")
    return _day(plain, form)


@lru_cache(maxsize=10_000)
def _day(plain: str, form: str) -> date:
    try:
        return _FORMATS[form].read(plain)
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(f"“{plain}” is no day such as {DAYS[form]}") from error


def guess_days(cells: Iterable[str], saved: str = "iso") -> str:
    """Returns the form that most of the cells have; the saved one where there are several."""
    cells = list(cells)
    return max((saved, *DAYS), key=lambda form: sum(is_day(cell, form) for cell in cells))


def is_day(text: str, form: str) -> bool:
    """Returns whether a cell is a day in a form."""
    try:
        day(text, form)
    except ValueError:
        return False
    return True
