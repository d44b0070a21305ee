"""What tokens cost, in whole pico-dollars; exact, because a price is an integer of pico-dollars per token."""

from __future__ import annotations

import msgspec


class Prices(msgspec.Struct, frozen=True):
    """Pico-dollars per token by kind; None where nobody entered a price.

    A cache kind without a price of its own costs what plain input costs.
    """

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None


def cost(
    prices: Prices, *, input: int | None, cache_read: int | None, cache_write: int | None, output: int | None
) -> int | None:
    """Pico-dollars of the (disjoint) token counts; None when input or output was never told, or a price is missing."""
    if input is None or output is None:
        return None
    read_price = prices.input if prices.cache_read is None else prices.cache_read
    write_price = prices.input if prices.cache_write is None else prices.cache_write
    total = 0
    for count, price in (
        (input, prices.input),
        (cache_read or 0, read_price),
        (cache_write or 0, write_price),
        (output, prices.output),
    ):
        if not count:
            continue
        if price is None:
            return None
        total += count * price
    return total
