"""What an attempt may cost before anything is known of its answer: pure arithmetic over prices and the request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from providers.events import Tokens
from usage.cost import Prices, parts_of_tokens

SEARCHES = 10
"""Web searches that are reserved for where the request sets no `max_uses`."""
NO_LIMIT = 2**62
"""More tokens than any answer has."""

_TENTH = 10
_FIVE_MINUTES, _HOUR = "5m", "1h"


class Estimate(msgspec.Struct, frozen=True, gc=False):
    """Money is in pico-dollars. `fixed` is for the input, for the request and its searches, `token` for one of output.

    `slice` is for how many tokens of output money is reserved at a time, `most` how many there can be. `need` is what
    is reserved before the attempt begins. `tokens` is the estimated prompt, which is `cached` for so long ("" for not).
    """

    fixed: int
    token: int
    slice: int
    most: int
    need: int
    tokens: int = 0
    cached: str = ""

    @property
    def unreported(self) -> Tokens:
        """What an attempt that reported nothing is counted as."""
        if not self.cached:
            return Tokens(input=self.tokens, output=0)
        for_an_hour = self.tokens if self.cached == _HOUR else None
        return Tokens(input=0, cache_write=self.tokens, cache_write_1h=for_an_hour, output=0)

    def reaching(self, tokens: int, fixed: int) -> int:
        """Returns the reservation for a slice beyond so many tokens of output, with what is known as `fixed` by now."""
        return fixed + min(self.most, tokens + self.slice) * self.token

    def covered(self, amount: int, fixed: int) -> int:
        """Returns at how many tokens of output the next slice must be reserved: a tenth of one before it is needed."""
        if not self.token or fixed + self.most * self.token <= amount:
            return NO_LIMIT
        tokens = max(0, amount - fixed) // self.token
        return tokens - min(tokens, self.slice) // _TENTH


def estimate(prices: Prices, body: Mapping[str, Any], input_tokens: int, slice_tokens: int) -> Estimate | None:
    """Returns the estimate of an attempt, None where the model has no price.

    Of the input a quarter more is reserved than is estimated; at the rate of cache writes if the request caches.
    """
    rate, token = prices.input, prices.output
    if rate is None or token is None:
        return None
    # Without a price of its own a cache write costs what input does.
    cached = caches(body) if prices.cache_write is not None or prices.cache_write_1h is not None else ""
    if cached:
        if prices.cache_write is not None:
            rate = prices.cache_write
        if cached == _HOUR and prices.cache_write_1h is not None:
            rate = prices.cache_write_1h
    fixed = -(-input_tokens * 5 // 4) * rate
    if prices.per_request:
        fixed += prices.per_request
    if prices.per_web_search:
        fixed += searches(body) * prices.per_web_search
    most = body.get("max_tokens")
    if type(most) is not int or most < 0:
        most = NO_LIMIT
    need = fixed + (most if most < slice_tokens else slice_tokens) * token
    return Estimate(fixed, token, slice_tokens, most, need, input_tokens, cached)


def prompt_cost(prices: Prices, tokens: Tokens) -> int | None:
    """Returns what a reported prompt costs, with the request and its searches; None where it is not reported whole."""
    if tokens.input is None:
        return None
    found = parts_of_tokens(prices, msgspec.structs.replace(tokens, output=0))
    return None if found is None else sum(found)


def searches(body: Mapping[str, Any]) -> int:
    """Returns how many web searches the provider may run for a request."""
    tools = body.get("tools")
    total = 0
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, dict) and str(tool.get("type", "")).startswith("web_search"):
            uses = tool.get("max_uses")
            total += uses if isinstance(uses, int) and uses > 0 else SEARCHES
    return total


def caches(body: Mapping[str, Any]) -> str:
    """Returns for how long a request caches, "5m" or "1h", "" where it does not.

    The first mark tells: the API takes longer ones before shorter ones only.
    """
    # Hot: in the order of the prompt, and over before the messages for most who cache.
    for name in ("tools", "system"):
        blocks = body.get(name)
        if type(blocks) is list and (found := _marked(blocks)):
            return found
    messages = body.get("messages")
    for message in messages if type(messages) is list else ():
        content = message.get("content") if isinstance(message, dict) else None
        if type(content) is list and (found := _marked(content)):
            return found
    return _lifetime(body["cache_control"]) if "cache_control" in body else ""


def _marked(blocks: list[Any]) -> str:
    for block in blocks:
        if isinstance(block, dict) and "cache_control" in block and (found := _lifetime(block["cache_control"])):
            return found
    return ""


def _lifetime(mark: Any) -> str:
    if mark is None:
        return ""
    return _HOUR if isinstance(mark, dict) and mark.get("ttl") == _HOUR else _FIVE_MINUTES
