"""Looks up a model's price in a maintained list of public prices (genai-prices).

The list ships with the package: nothing is fetched. A price that is not one figure (by prompt length or time of day) is
not applied, because an unknown cost is better than a wrong one.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import msgspec

from providers.pricing.prices import USE_KINDS

_KINDS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write_5m": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "per_request": "requests_kcount",
    "per_web_search": "web_searches_kcount",
}
"""Field of providers.pricing.prices.Price -> the list's name for it."""
_FINEST = Decimal("0.000001")


class ListedPrice(msgspec.Struct, frozen=True):
    """A list entry. `amounts` are US dollars by field of Price; empty where `not_applied` gives the reason."""

    amounts: dict[str, Decimal] = {}
    not_applied: str = ""


def listed_price(provider_name: str, base_url: str, model_name: str, moment: datetime) -> ListedPrice | None:
    """Returns the prices at `moment` of a model at the provider with this address, or else with this name.

    None if the list does not have it.
    """
    # 1.6 MB of data that only two commands need.
    from genai_prices.data_snapshot import get_snapshot
    from genai_prices.types import StartDateConstraint

    providers = get_snapshot().providers
    by_address = (provider for provider in providers if re.match(provider.api_pattern, base_url))
    by_name = (provider for provider in providers if provider.id == provider_name)
    provider = next(by_address, None) or next(by_name, None)
    model = None if provider is None else provider.find_model(model_name, all_providers=providers)
    if model is None:
        return None
    if isinstance(model.prices, list) and any(
        not isinstance(step.constraint, StartDateConstraint | None) for step in model.prices
    ):
        return ListedPrice(not_applied="its price depends on the time of day")
    return _read(model.get_prices(moment))


def _read(prices: Any) -> ListedPrice:
    amounts: dict[str, Decimal] = {}
    for kind, key in _KINDS.items():
        price = getattr(prices, key)
        if kind == "cache_write_5m" and price is None:
            price = prices.cache_write_5m_mtok
        if price is None:
            continue
        if not isinstance(price, Decimal):
            return ListedPrice(not_applied="its price depends on the prompt's length")
        if kind in USE_KINDS:
            price /= 1000
        # Some of the list's figures are quotients with many digits; a price is a whole number of pico-dollars.
        amounts[kind] = price.quantize(_FINEST, ROUND_HALF_EVEN)
    if not {"input", "output"} <= amounts.keys():
        return ListedPrice(not_applied="it is not priced by tokens of input and output")
    return ListedPrice(amounts=amounts)
