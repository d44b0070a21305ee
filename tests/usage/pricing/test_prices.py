"""Costs are exact to the last pico-dollar, and unknown stays unknown."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usage.cost import Prices, cost, parts
from usage.money import to_dollars, to_pico

SONNET = Prices(input=3_000_000, output=15_000_000, cache_read=300_000, cache_write=3_750_000)


def test_a_cost_has_a_part_for_each_kind() -> None:
    prices = msgspec.structs.replace(SONNET, cache_write_1h=6_000_000, per_request=1_000, per_web_search=10_000)
    counts = {"input": 2, "output": 3, "cache_read": 5, "cache_write": 9, "cache_write_1h": 4, "web_searches": 2}
    found = parts(prices, **counts)
    assert found == (6_000_000, 1_500_000, 5 * 3_750_000 + 4 * 6_000_000, 45_000_000, 21_000)
    assert sum(found) == cost(prices, **counts)


def test_each_kind_of_token_has_its_own_price() -> None:
    pico = cost(SONNET, input=1_000, cache_read=10_000, cache_write=100, output=7)
    assert to_dollars(pico or 0) == Decimal("0.003") + Decimal("0.003") + Decimal("0.000375") + Decimal("0.000105")


@pytest.mark.parametrize(
    ("prices", "counts", "expected"),
    [
        (SONNET, {"input": None, "output": 5}, None),
        (SONNET, {"input": 5, "output": None}, None),
        (Prices(), {"input": 5, "output": 5}, None),
        (Prices(), {"input": 0, "output": 0}, 0),
        (Prices(input=2), {"input": 5, "output": 0}, 10),
        (Prices(input=2), {"input": 5, "output": 1}, None),
        (Prices(input=2, output=1), {"input": 1, "output": 1, "cache_read": 10, "cache_write": 10}, 2 + 1 + 20 + 20),
        (Prices(input=0, output=0), {"input": 5, "output": 5}, 0),
    ],
)
def test_a_missing_price_or_count_makes_no_cost(
    prices: Prices, counts: dict[str, int | None], expected: int | None
) -> None:
    known: dict[str, int | None] = {"cache_read": None, "cache_write": None, **counts}
    assert cost(prices, **known) == expected


@given(st.integers(min_value=0, max_value=2**62))
def test_money_survives_the_way_to_decimal_and_back(pico: int) -> None:
    assert to_pico(to_dollars(pico)) == pico


def test_money_below_a_pico_dollar_is_refused() -> None:
    with pytest.raises(ValueError, match="12 decimals"):
        to_pico(Decimal("0.0000000000001"))
