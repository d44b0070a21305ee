"""Which counts of a provider are believed: none that its model cannot have reached twice over.

A count that is not believed is as good as none: the answer is counted here.
"""

from __future__ import annotations

import msgspec

from providers.config import ModelConfig
from providers.events import Tokens

MOST_TOKENS = 20_000_000
"""Twice the largest window of any model (10 million tokens, November 2026): the limit where a row tells none."""
_MOST_SEARCHES = 10_000


class CountLimits(msgspec.Struct, frozen=True, gc=False):
    """The largest prompt, cached or not, and the largest output that are believed of an answer."""

    prompt: int = MOST_TOKENS
    output: int = MOST_TOKENS

    def hold(self, tokens: Tokens) -> bool:
        """Whether all of an answer's counts can be."""
        return (
            (tokens.input or 0) + (tokens.cache_read or 0) + (tokens.cache_write or 0) <= self.prompt
            and (tokens.output or 0) <= self.output
            and (tokens.reasoning or 0) <= self.output
            and (tokens.cache_write_1h or 0) <= self.prompt
            and (tokens.web_searches or 0) <= _MOST_SEARCHES
        )

    def believed(self, tokens: Tokens) -> Tokens:
        """The counts without those that cannot be. A prompt's kinds are one: with any of them, all are in doubt."""
        doubted: dict[str, None] = {}
        if (tokens.input or 0) + (tokens.cache_read or 0) + (tokens.cache_write or 0) > self.prompt:
            doubted |= dict.fromkeys(("input", "cache_read", "cache_write", "cache_write_1h"))
        if (tokens.cache_write_1h or 0) > self.prompt:
            doubted["cache_write_1h"] = None
        if (tokens.output or 0) > self.output:
            doubted |= dict.fromkeys(("output", "reasoning"))
        if (tokens.reasoning or 0) > self.output:
            doubted["reasoning"] = None
        if (tokens.web_searches or 0) > _MOST_SEARCHES:
            doubted["web_searches"] = None
        return msgspec.structs.replace(tokens, **doubted) if doubted else tokens


ANY_MODEL = CountLimits()
"""The limits of a model of which nothing is known."""


def limits_of(model: ModelConfig, input_estimate: int = 0) -> CountLimits:
    """The limits of a model's answer to a prompt that was estimated here: some betas widen a window."""
    prompt = MOST_TOKENS if model.context_window is None else 2 * max(model.context_window, input_estimate)
    return CountLimits(prompt, prompt if model.max_output is None else 2 * model.max_output)
