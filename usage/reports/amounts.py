"""How amounts of money are written in the columns of tables, aligned on the point."""

from __future__ import annotations

from decimal import Decimal

from django.utils.html import format_html

from usage.reports.formatting import FIGURE_SPACE, dollars_in_column, exact_dollars, price_in_column


def in_column(amount: Decimal | None) -> str:
    """An amount as `formatting.dollars_in_column` has it; with all its digits on hover where some are left out."""
    text = _padded(dollars_in_column(amount))
    if amount is None or amount == round(amount, 2 if abs(amount) >= 1 else 4):
        return text
    return format_html('<span title="{}">{}</span>', exact_dollars(amount), text)


def price(amount: Decimal | None, decimals: int = 4) -> str:
    """A price as `formatting.price_in_column` has it."""
    return _padded(price_in_column(amount, decimals))


def _padded(text: str) -> str:
    """The spaces that align a text in an element of their own: where a table is a list, nothing is to be aligned."""
    shown = text.rstrip(FIGURE_SPACE)
    pad = text[len(shown) :]
    return format_html('{}<span class="gw-pad">{}</span>', shown, pad) if pad else text
