"""The cost of tokens in pico-dollars; exact, because a price is an integer of pico-dollars per token."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from usage.generated import caller
from usage.rollups.measures import PRICED


class Prices(msgspec.Struct, frozen=True):
    """The prices of a model from `valid_from` until just before `valid_until` (POSIX seconds; None: no bound).

    They are pico-dollars per token by kind, per request and per web search that the provider ran; None where no price
    is known. `id` is that of their row.
    """

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None
    per_request: int | None = None
    per_web_search: int | None = None
    id: int | None = None
    valid_from: float | None = None
    valid_until: float | None = None

    def holds(self, moment: float) -> bool:
        """Returns whether these prices are valid at `moment`."""
        return (self.valid_from is None or self.valid_from <= moment) and (
            self.valid_until is None or moment < self.valid_until
        )

    @property
    def are_unbounded(self) -> bool:
        """Whether these prices are always valid."""
        return self.valid_from is None and self.valid_until is None


Parts = tuple[int, int, int, int, int]
"""A cost in pico-dollars: of input, cache reads, cache writes, output, and of requests and web searches."""

NO_PRICES = Prices()
"""Every price unknown."""


def in_force(prices: Iterable[Prices], moment: float) -> Prices:
    """Returns the first of a model's prices that is valid at `moment` (POSIX seconds), or NO_PRICES."""
    for candidate in prices:
        if candidate.holds(moment):
            return candidate
    return NO_PRICES


def in_force_at(prices: Sequence[Prices], moment: datetime) -> Prices:
    """Returns the same for a moment whose seconds are not known: to make them takes as long as to look."""
    return prices[0] if prices and prices[0].are_unbounded else in_force(prices, moment.timestamp())


def parts(
    prices: Prices,
    *,
    input: int | None,
    output: int | None,
    cache_read: int | None = None,
    cache_write: int | None = None,
    cache_write_1h: int | None = None,
    web_searches: int | None = None,
) -> Parts | None:
    """Returns the pico-dollars of an answer, or None if its input or output or a price that it needs is unknown.

    The kinds are disjoint, except for `cache_write_1h`, the part of `cache_write` that is cached for an hour. A cache
    kind without a price costs as much as input; a write for an hour without a price costs as much as any other write.
    """
    if input is None or output is None:
        return None
    reads, writes, hours, searches = cache_read or 0, cache_write or 0, cache_write_1h or 0, web_searches or 0
    # No provider should report a part that exceeds its total; if one does, the total counts.
    hours = hours and min(hours, writes)
    writes -= hours
    read_price = prices.input if prices.cache_read is None else prices.cache_read
    write_price = prices.input if prices.cache_write is None else prices.cache_write
    hour_price = write_price if prices.cache_write_1h is None else prices.cache_write_1h
    # Hot: every attempt has a cost. Amounts of nothing need no price.
    if (
        (input and prices.input is None)
        or (output and prices.output is None)
        or (reads and read_price is None)
        or (writes and write_price is None)
        or (hours and hour_price is None)
        or (searches and prices.per_web_search is None)
    ):
        return None
    return (
        input * (prices.input or 0),
        reads * (read_price or 0),
        writes * (write_price or 0) + hours * (hour_price or 0),
        output * (prices.output or 0),
        searches * (prices.per_web_search or 0) + (prices.per_request or 0),
    )


def cost(prices: Prices, *, input: int | None, output: int | None, **others: int | None) -> int | None:
    """Returns the sum of the parts, or None where they are unknown."""
    found = parts(prices, input=input, output=output, **others)
    return None if found is None else sum(found)


parts_of_tokens = caller(parts, ((kind, kind) for _, kind in PRICED))
"""parts_of_tokens(prices, tokens) are the parts of the cost of providers.events.Tokens."""
parts_of_row = caller(parts, ((kind, column) for column, kind in PRICED))
"""parts_of_row(prices, row) are the parts of the cost of a usage row."""
