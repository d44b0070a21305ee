"""Why an invoice and our figures of one day and model differ, as far as our rows know."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec

from usage.invoices.attempts import Ours
from usage.invoices.models import WITHOUT_DIFFERENCE, Cause
from usage.invoices.reading import Figures
from usage.reports import formatting

CENT: Final = Decimal("0.01")
_LIKELY: Final = 3
"""How many times their cost here attempts with an uncertain one may explain."""
_TOKENS: Final = (
    ("input", "input"), ("cache_read", "cache read"), ("cache_write", "cache write"), ("output", "output"),
)  # fmt: skip


_SENTENCES: Final = {
    Cause.NONE: "",
    Cause.ROUNDING: "Less than a cent: amounts were rounded.",
    Cause.UNPRICED: "Give the model a price for attempts to come; reprice_usage shows what these would have cost.",
    Cause.ESTIMATED: "The provider reported no tokens for some attempts, so they were estimated here.",
    Cause.INTERRUPTED: "What these attempts used is unknown: all that was reserved for them counts as their cost.",
    Cause.HEDGED: "The provider may bill more or less of an attempt that was cancelled when another one won.",
    Cause.PRICE: "The tokens are equal: compare the model's price with the provider's.",
    Cause.TRAFFIC: "Look for keys of the provider that are used beside the gateway.",
    Cause.UNKNOWN_MODEL: "If it has another name here, say so when you choose the columns; or else it was used beside "
    "the gateway.",
    Cause.ONLY_INVOICE: "It was used beside the gateway, or the provider's day is not that of UTC.",
    Cause.ONLY_OURS: "The provider bills it on another day or under another name, or not at all.",
    Cause.UNEXPLAINED: "",
}


class Finding(msgspec.Struct, frozen=True):
    """A difference (invoice minus ours; the cost in US dollars, None without both) with its likely cause."""

    difference: Decimal | None
    tokens: int | None
    cause: Cause
    explanation: str


def find(invoice: Figures | None, ours: Ours | None, *, has_cost: bool, is_known: bool) -> Finding:
    """Returns how the two differ. `has_cost` says whether the invoice has costs at all, `is_known` whether its model
    was used here on any of its days."""
    cost, tokens = _cost_difference(invoice, ours, has_cost=has_cost), _token_difference(invoice, ours)
    cause = _cause(invoice, ours, cost, tokens, is_known=is_known)
    parts = [] if cause in WITHOUT_DIFFERENCE else list(_evidence(invoice, ours))
    return Finding(cost, tokens, cause, " ".join(filter(None, (*parts, _SENTENCES[cause]))))


def _cost_difference(invoice: Figures | None, ours: Ours | None, *, has_cost: bool) -> Decimal | None:
    if not has_cost or (invoice is not None and invoice.cost is None):
        return None
    billed = Decimal(0) if invoice is None or invoice.cost is None else invoice.cost
    return billed - ((ours.cost if ours is not None else None) or 0)


def _token_difference(invoice: Figures | None, ours: Ours | None) -> int | None:
    """Returns the difference of all tokens that the invoice has, None where it has none."""
    if invoice is None:
        return None if ours is None else -sum(getattr(ours, name) or 0 for name, _ in _TOKENS)
    found = [_difference(invoice, ours, name) for name, _ in _TOKENS if getattr(invoice, name) is not None]
    return sum(found) if found else None


def _difference(invoice: Figures, ours: Ours | None, name: str) -> int:
    return (getattr(invoice, name) or 0) - ((getattr(ours, name) if ours is not None else None) or 0)


def _has_same_tokens(invoice: Figures, ours: Ours) -> bool:
    known = [name for name, _ in _TOKENS if getattr(invoice, name) is not None]
    return bool(known) and not any(_difference(invoice, ours, name) for name in known)


def _cause(
    invoice: Figures | None, ours: Ours | None, cost: Decimal | None, tokens: int | None, *, is_known: bool
) -> Cause:
    if cost is not None and abs(cost) < CENT and (ours is None or not ours.unpriced or not tokens):
        return Cause.ROUNDING if cost else Cause.NONE
    if cost is None and not tokens and (invoice is None or ours is None or _has_same_tokens(invoice, ours)):
        return Cause.NONE
    if invoice is None:
        return _cause_of_ours(ours)
    if ours is None or not ours.requests:
        return Cause.ONLY_INVOICE if is_known else Cause.UNKNOWN_MODEL
    return _cause_of_both(invoice, ours, cost, tokens)


def _cause_of_ours(ours: Ours | None) -> Cause:
    if ours is None or ours.is_free:
        return Cause.NONE
    for count, _, cause in _suspects(ours):
        if count == ours.requests:
            return cause
    return Cause.ONLY_OURS


def _cause_of_both(invoice: Figures, ours: Ours, cost: Decimal | None, tokens: int | None) -> Cause:
    has_more = cost > 0 if cost is not None else (tokens or 0) > 0
    if ours.unpriced and cost is not None and has_more:
        return Cause.UNPRICED
    if cost is not None and _has_same_tokens(invoice, ours):
        return Cause.PRICE
    for count, known, cause in _suspects(ours):
        if count and (known is None or cost is None or abs(cost) <= _LIKELY * known + CENT):
            return cause
    return Cause.TRAFFIC if has_more else Cause.UNEXPLAINED


def _suspects(ours: Ours) -> tuple[tuple[int, Decimal | None, Cause], ...]:
    """Returns the attempts whose figures here are uncertain: how many, what they cost here, and the cause."""
    return (
        (ours.interrupted, ours.interrupted_cost, Cause.INTERRUPTED),
        (ours.hedged, ours.hedged_cost, Cause.HEDGED),
        (ours.estimated, ours.estimated_cost, Cause.ESTIMATED),
    )


def _evidence(invoice: Figures | None, ours: Ours | None) -> Iterator[str]:
    """Yields what is known of both, in sentences."""
    if ours is not None:
        if ours.unpriced:
            yield f"{_attempts(ours.unpriced)} without a price."
        if ours.interrupted:
            yield f"{_attempts(ours.interrupted)} whose worker died{_of(ours.interrupted_cost)}."
        if ours.hedged:
            yield f"{_attempts(ours.hedged)} cancelled by hedging{_of(ours.hedged_cost)}."
        if ours.estimated:
            yield f"{_attempts(ours.estimated)} with estimated tokens{_of(ours.estimated_cost)}."
    if invoice is not None and ours is not None:
        for name, title in _TOKENS:
            if getattr(invoice, name) is not None and (more := _difference(invoice, ours, name)):
                yield f"{abs(more):,} {'more' if more > 0 else 'fewer'} {title} tokens on the invoice."


def _attempts(count: int) -> str:
    return f"{count:,} attempt{'' if count == 1 else 's'}"


def _of(cost: Decimal | None) -> str:
    return "" if cost is None else f" ({formatting.dollars(cost)} here)"
