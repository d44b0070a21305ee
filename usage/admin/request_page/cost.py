"""The cost of an attempt as a sum: so many tokens at such a price are so much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from providers.pricing.prices import Price, span
from usage.models import AttemptLog


class CostLine(msgspec.Struct, frozen=True):
    """One line. `price` is dollars per million where `per_million`, else dollars per use."""

    what: str
    count: int
    price: Decimal | None
    per_million: bool
    amount: Decimal


class Bill(msgspec.Struct, frozen=True):
    """The cost of an attempt. `since` says from when to when its prices are valid, "" where they are not known.

    `lines` are empty where the prices are gone: then the parts in the row are all that is known.
    """

    attempt: AttemptLog
    lines: tuple[CostLine, ...]
    since: str
    parts: tuple[tuple[str, Decimal], ...]


def prices_of(attempts: Sequence[AttemptLog]) -> dict[int, Price]:
    """Returns the prices that attempts were charged at, by id, those that still exist."""
    ids = {attempt.price_id for attempt in attempts if attempt.price_id is not None}
    return Price.objects.in_bulk(ids) if ids else {}


def bills(attempts: Sequence[AttemptLog], prices: Mapping[int, Price]) -> list[Bill]:
    """Returns the bill of each attempt that has a cost."""
    return [_bill(attempt, prices.get(attempt.price_id or 0)) for attempt in attempts if attempt.cost is not None]


def _bill(attempt: AttemptLog, price: Price | None) -> Bill:
    parts = (
        ("Input", attempt.input_cost),
        ("Cache read", attempt.cache_read_cost),
        ("Cache write", attempt.cache_write_cost),
        ("Output", attempt.output_cost),
        ("Per answer and web search", attempt.other_cost),
    )
    known = tuple((name, amount) for name, amount in parts if amount)
    if price is None:
        return Bill(attempt, (), "", known)
    lines = tuple(_lines(attempt, price))
    # Never a sum that is not the row's.
    if sum((line.amount for line in lines), Decimal(0)) != attempt.cost:
        lines = ()
    return Bill(attempt, lines, span(price.valid_from, price.valid_until), known)


def _lines(attempt: AttemptLog, price: Price) -> list[CostLine]:
    written = attempt.cache_write_tokens or 0
    for_an_hour = min(attempt.cache_write_1h_tokens or 0, written)
    write = _first(price.cache_write_5m, price.input)
    tokens: list[tuple[str, int | None, Any]] = [
        ("Input tokens", attempt.input_tokens, price.input),
        ("Tokens read from cache", attempt.cache_read_tokens, _first(price.cache_read, price.input)),
        ("Tokens written to cache for minutes", written - for_an_hour, write),
        ("Tokens written to cache for an hour", for_an_hour, _first(price.cache_write_1h, write)),
        ("Output tokens", attempt.output_tokens, price.output),
    ]
    lines = [
        CostLine(what, count, rate, True, _of_tokens(count, rate)) for what, count, rate in tokens if count and rate
    ]
    uses = (("Answer", 1, price.per_request), ("Web searches", attempt.web_searches, price.per_web_search))
    return lines + [CostLine(what, count, rate, False, count * rate) for what, count, rate in uses if count and rate]


def _first(*rates: Decimal | None) -> Decimal | None:
    return next((rate for rate in rates if rate is not None), None)


def _of_tokens(count: int, rate: Decimal) -> Decimal:
    """Exact, as usage.cost is: a price is an integer of pico-dollars per token."""
    return rate * count / 1_000_000
