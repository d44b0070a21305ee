"""What is reserved for an attempt: of prices and of what the request itself says."""

from __future__ import annotations

from typing import Any

import pytest

from providers.events import Tokens
from streaming.budgets.estimate import NO_LIMIT, caches, estimate, prompt_cost, searches
from usage.cost import Prices

PRICES = Prices(input=10, output=50, cache_write=12, cache_write_1h=20, per_request=7, per_web_search=1_000)
EPHEMERAL = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}


def body(**fields: Any) -> dict[str, Any]:
    return {"max_tokens": 100, "messages": [{"role": "user", "content": "hello"}], **fields}


def block(mark: object = None) -> dict[str, Any]:
    return {"type": "text", "text": "x"} | ({} if mark is None else {"cache_control": mark})


class TestReserved:
    def test_a_quarter_more_input_and_all_of_a_short_output(self) -> None:
        found = estimate(PRICES, body(), 1_000, 8_000)
        assert found is not None
        assert found.need == 1_250 * 10 + 7 + 100 * 50

    def test_a_slice_of_a_long_output(self) -> None:
        found = estimate(PRICES, body(max_tokens=64_000), 1_000, 8_000)
        assert found is not None
        assert found.need == 1_250 * 10 + 7 + 8_000 * 50

    def test_part_of_a_token_counts_whole(self) -> None:
        found = estimate(Prices(input=10, output=50), body(max_tokens=0), 3, 8_000)
        assert found is not None
        assert found.need == 4 * 10

    @pytest.mark.parametrize(("mark", "rate"), [(None, 10), (EPHEMERAL, 12), (HOUR, 20)])
    def test_the_rate_of_cache_writes_where_the_request_caches(self, mark: object, rate: int) -> None:
        found = estimate(PRICES, body(max_tokens=0, system=[block(), block(mark)]), 1_000, 8_000)
        assert found is not None
        assert found.need == 1_250 * rate + 7

    def test_a_model_without_prices_for_caching_bills_input(self) -> None:
        found = estimate(Prices(input=10, output=50), body(max_tokens=0, system=[block(HOUR)]), 1_000, 8_000)
        assert found is not None
        assert found.need == 1_250 * 10

    def test_web_searches_by_their_limit_or_ten(self) -> None:
        tools = [{"type": "web_search_20250305", "max_uses": 3}, {"type": "web_search_20260101"}, {"name": "read"}]
        assert searches(body(tools=tools)) == 13
        found = estimate(PRICES, body(max_tokens=0, tools=tools), 0, 8_000)
        assert found is not None
        assert found.need == 7 + 13_000

    @pytest.mark.parametrize("prices", [Prices(), Prices(input=1), Prices(output=1)])
    def test_no_price_no_estimate(self, prices: Prices) -> None:
        assert estimate(prices, body(), 1_000, 8_000) is None

    def test_free_models_need_nothing(self) -> None:
        found = estimate(Prices(input=0, output=0), body(), 1_000, 8_000)
        assert found is not None
        assert (found.need, found.covered(0, 0)) == (0, NO_LIMIT)


class TestUnreported:
    def test_settles_at_the_estimate_as_the_request_would_be_billed(self) -> None:
        plain, cached = (estimate(PRICES, body(system=[block(mark)]), 1_000, 8_000) for mark in (None, EPHEMERAL))
        assert plain is not None
        assert cached is not None
        assert plain.unreported == Tokens(input=1_000, output=0)
        assert prompt_cost(PRICES, cached.unreported) == 12_007
        assert cached.need >= 12_007


class TestCaching:
    @pytest.mark.parametrize(
        "fields",
        [
            {"cache_control": EPHEMERAL},
            {"tools": [{"name": "a"}, {"name": "b", "cache_control": EPHEMERAL}]},
            {"messages": [{"role": "user", "content": [block(), block(EPHEMERAL)]}]},
        ],
    )
    def test_wherever_the_mark_stands(self, fields: dict[str, Any]) -> None:
        assert caches(body(**fields)) == "5m"

    def test_the_first_of_several_tells(self) -> None:
        assert caches(body(tools=[{"name": "a", "cache_control": HOUR}], system=[block(EPHEMERAL)])) == "1h"

    def test_none(self) -> None:
        assert caches(body(system="plain", tools=[{"name": "cache_control"}])) == ""
