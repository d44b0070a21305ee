"""A price library of a few models, of the maker at https://api.maker.example."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, time
from decimal import Decimal
from typing import Any

import pytest
from genai_prices import types
from genai_prices.data_snapshot import DataSnapshot, set_custom_snapshot


def _listed_model(name: str, prices: Any) -> types.ModelInfo:
    return types.ModelInfo(id=name, match=types.ClauseEquals(equals=name), prices=prices)


def _conditional(constraint: Any, amount: int) -> types.ConditionalPrice:
    prices = types.ModelPrice(input_mtok=Decimal(amount), output_mtok=Decimal(amount))
    return types.ConditionalPrice(constraint=constraint, prices=prices)


@pytest.fixture
def library() -> Iterator[None]:
    """Puts a price library of five models in the place of the installed one."""
    tiers = types.TieredPrices(base=Decimal(1), tiers=[types.Tier(start=1000, price=Decimal(2))])
    plain = types.ModelPrice(
        input_mtok=Decimal(3),
        output_mtok=Decimal(15),
        cache_read_mtok=Decimal("0.3"),
        cache_write_mtok=Decimal("0.041666666666666664"),
        cache_write_1h_mtok=Decimal(6),
        requests_kcount=Decimal(5),
        web_searches_kcount=Decimal(10),
    )
    since = types.StartDateConstraint(start_date=date(2026, 6, 15))
    night = types.TimeOfDateConstraint(start_time=time(0, tzinfo=UTC), end_time=time(6, tzinfo=UTC))
    models = [
        _listed_model("plain", plain),
        _listed_model("tiered", types.ModelPrice(input_mtok=tiers, output_mtok=Decimal(4))),
        _listed_model("dated", [_conditional(None, 1), _conditional(since, 2)]),
        _listed_model("nightly", [_conditional(None, 1), _conditional(night, 2)]),
        _listed_model("images", types.ModelPrice(output_image_mtok=Decimal(4))),
    ]
    maker = types.Provider(id="maker", name="Maker", api_pattern=r"https://api\.maker\.example", models=models)
    set_custom_snapshot(DataSnapshot(providers=[maker], from_auto_update=False))
    yield
    set_custom_snapshot(None)
