"""What tokens cost, in whole pico-dollars; exact, because a price is an integer of pico-dollars per token."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


class Prices(msgspec.Struct, frozen=True):
    """What a model's use costs from `valid_from` until just before `valid_until` (POSIX seconds; None: no bound).

    Pico-dollars per token by kind, per request and per web search that the provider ran; None where nobody entered a
    price. `id` is that of the row it was read from.
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
        """Whether these are the prices of that moment."""
        return (self.valid_from is None or self.valid_from <= moment) and (
            self.valid_until is None or moment < self.valid_until
        )


NO_PRICES = Prices()
"""Every price unknown."""


def in_force(prices: Iterable[Prices], moment: float) -> Prices:
    """The first of a model's prices that holds at `moment` (POSIX seconds), or NO_PRICES."""
    for candidate in prices:
        if candidate.holds(moment):
            return candidate
    return NO_PRICES


def cost(
    prices: Prices,
    *,
    input: int | None,
    output: int | None,
    cache_read: int | None = None,
    cache_write: int | None = None,
    cache_write_1h: int | None = None,
    web_searches: int | None = None,
) -> int | None:
    """Pico-dollars of an answer; None when its input or output was never told, or a price that it needs is missing.

    The kinds are disjoint, but for `cache_write_1h`, the part of `cache_write` that is kept for an hour. A cache kind
    without a price of its own costs what input costs; a write for an hour first looks for the price of a plain one.
    """
    if input is None or output is None:
        return None
    read_price = prices.input if prices.cache_read is None else prices.cache_read
    write_price = prices.input if prices.cache_write is None else prices.cache_write
    hour_price = write_price if prices.cache_write_1h is None else prices.cache_write_1h
    # No provider should report more of a part than of the whole; if one does, the whole is what was written.
    for_an_hour = min(cache_write_1h or 0, cache_write or 0)
    total = prices.per_request or 0
    for count, price in (
        (input, prices.input),
        (cache_read or 0, read_price),
        ((cache_write or 0) - for_an_hour, write_price),
        (for_an_hour, hour_price),
        (output, prices.output),
        (web_searches or 0, prices.per_web_search),
    ):
        if not count:
            continue
        if price is None:
            return None
        total += count * price
    return total
