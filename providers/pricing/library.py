"""What a maintained list of public prices (genai-prices) says of a model at a provider, in the words of our Price.

The list ships with the package: nothing is fetched. A price that is not one figure (by prompt length or time of day) is
not taken, because an unknown cost is better than a wrong one.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import msgspec

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
_PER_THOUSAND = {"per_request", "per_web_search"}
_FINEST = Decimal("0.000001")


class Listed(msgspec.Struct, frozen=True):
    """What the list says. `amounts` are US dollars by field of Price, those that it gives; empty where `why_not` says
    why none can be taken."""

    amounts: dict[str, Decimal] = {}
    why_not: str = ""


def listed(provider_name: str, base_url: str, model_name: str, moment: datetime) -> Listed | None:
    """The prices at `moment` of a model at the provider with this address, or else with this very name; None if the
    list does not have it."""
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
        return Listed(why_not="its price depends on the time of day")
    return _read(model.get_prices(moment))


def _read(prices: Any) -> Listed:
    amounts: dict[str, Decimal] = {}
    for kind, key in _KINDS.items():
        price = getattr(prices, key)
        if kind == "cache_write_5m" and price is None:
            price = prices.cache_write_5m_mtok
        if price is None:
            continue
        if not isinstance(price, Decimal):
            return Listed(why_not="its price depends on the prompt's length")
        if kind in _PER_THOUSAND:
            price /= 1000
        # Some of the list's figures are quotients with a long tail; a price here is a whole number of pico-dollars.
        amounts[kind] = price.quantize(_FINEST, ROUND_HALF_EVEN)
    if not {"input", "output"} <= amounts.keys():
        return Listed(why_not="it is not priced by tokens of input and output")
    return Listed(amounts=amounts)
