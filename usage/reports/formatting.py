"""How figures are written for people: unknown is a dash, never 0. Not for CSV or anything a program reads."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from usage.rollups.measures import COST_PARTS

UNKNOWN = "—"
FIGURE_SPACE = "\u2007"


def count(number: int | None) -> str:
    """`12,345`."""
    return UNKNOWN if number is None else f"{number:,}"


def tokens(number: int | None) -> str:
    """`1,234`, `56.7k`, `8.91M`: three digits or four, for tables that are read at a glance."""
    if number is None or number < 10_000:
        return count(number)
    if number < 999_950:
        return f"{number / 1000:.1f}k"
    return f"{number / 1_000_000:,.2f}M"


def dollars(amount: Decimal | None) -> str:
    """`$1,234.56`; below a dollar four significant digits without the zeros after cents: `$0.05`, `$0.001234`."""
    if amount is None:
        return UNKNOWN
    if amount < 0:
        return f"-{dollars(-amount)}"
    if amount == 0:
        return "$0.00"
    # Rounding may carry: $0.99999 is a dollar.
    rounded = round(amount, -amount.adjusted() + 3) if amount < 1 else amount
    return f"${rounded:,.2f}" if rounded >= 1 else exact_dollars(rounded)


def exact_dollars(amount: Decimal | None) -> str:
    """All digits of an amount, and at least cents: `$3.00`, `$0.0225`."""
    if amount is None:
        return UNKNOWN
    whole, _, decimals = f"{abs(amount).normalize():,f}".partition(".")
    return f"{'-' * (amount < 0)}${whole}.{decimals:0<2}"


def dollars_in_column(amount: Decimal | None) -> str:
    """`$12.34` and `$0.0012`, which align on the point: figure spaces stand for the digits that more than a dollar does
    not have."""
    if amount is None:
        return UNKNOWN
    if amount < 0:
        return f"-{dollars_in_column(-amount)}" if amount <= Decimal("-0.00005") else ">-$0.0001"
    if amount == 0 or amount >= Decimal("0.99995"):
        return f"${amount:,.2f}{FIGURE_SPACE * 2}"
    return f"${amount:.4f}" if amount >= Decimal("0.00005") else "<$0.0001"


def price_in_column(amount: Decimal | None, decimals: int = 4) -> str:
    """All digits of a price; figure spaces stand for the decimals that it lacks, so that prices align."""
    text = exact_dollars(amount)
    return text if amount is None else text + FIGURE_SPACE * (decimals - len(text.partition(".")[2]))


def ago(seconds: float) -> str:
    """`12 s ago`, `5 min ago`, `3 h ago`, `12 days ago`; what is yet to come is `now`."""
    if seconds < 1:
        return "now"
    for limit, unit, name in ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // unit)} {name} ago"
    days = int(seconds // 86_400)
    return f"{days} day{'' if days == 1 else 's'} ago"


def milliseconds(number: int | None) -> str:
    """`320 ms`, `4.2 s`, `2 min 05 s`, `3 h 20 min`, `2 days 4 h`."""
    if number is None:
        return UNKNOWN
    if number < 1000:
        return f"{number} ms"
    if number < 59_950:
        return f"{number / 1000:.1f} s"
    minutes, seconds = divmod(round(number / 1000), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes:02d} min"
    days, hours = divmod(hours, 24)
    return f"{days} day{'' if days == 1 else 's'} {hours} h"


def cost_parts(row: Any) -> list[tuple[str, str]]:
    """Returns the parts of a request's or attempt's cost that are known and not zero: `("cache read", "$0.01")`."""
    amounts = {name: getattr(row, name) for name in COST_PARTS}
    return [
        (name.removesuffix("_cost").replace("_", " "), dollars(amount)) for name, amount in amounts.items() if amount
    ]
