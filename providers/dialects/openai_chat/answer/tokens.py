"""Counts in Claude's disjoint kinds. Servers of this dialect count what was cached into the prompt."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import msgspec

from providers.dialects.openai_chat.answer.shapes import Chunk, Usage
from providers.events import Tokens

_NO_COST = msgspec.Raw(b"null")
_LARGEST_COST = 10**6 * 10**12
"""No answer costs more: a million dollars."""


def usage_of(chunk: Chunk) -> Usage | None:
    """The counts of this chunk, wherever it has them."""
    if chunk.usage is not None:
        return chunk.usage
    if chunk.choices and chunk.choices[0].usage is not None:
        return chunk.choices[0].usage
    return None if chunk.x_groq is None else chunk.x_groq.usage


def tokens_of(usage: Usage) -> Tokens:
    """The counts; what is below zero is none."""
    details = usage.prompt_tokens_details
    # OpenAI's place, DeepSeek's, Moonshot's; then OpenRouter's, LiteLLM's, Qwen's.
    if details is None:
        cached = _first(usage.prompt_cache_hit_tokens, usage.cached_tokens)
        written = None
    else:
        cached = _first(details.cached_tokens, usage.prompt_cache_hit_tokens, usage.cached_tokens)
        written = _first(details.cache_write_tokens, details.cache_creation_tokens, details.cache_creation_input_tokens)
    prompt = _count(usage.prompt_tokens)
    fresh = None if prompt is None else max(0, prompt - (cached or 0) - (written or 0))
    of_output = usage.completion_tokens_details
    reasoning = None if of_output is None else _count(of_output.reasoning_tokens)
    return Tokens(
        input=fresh,
        cache_read=cached,
        cache_write=written,
        output=_output(usage, reasoning),
        reasoning=reasoning,
        cost=None if usage.cost == _NO_COST else _cost(usage),
    )


def _output(usage: Usage, reasoning: int | None) -> int | None:
    output = _count(usage.completion_tokens)
    if output is None or not reasoning or usage.prompt_tokens is None:
        return output
    # xAI leaves reasoning out of completion_tokens, but not out of its total.
    apart = usage.total_tokens == usage.prompt_tokens + output + reasoning
    return output + reasoning if apart else output


def _cost(usage: Usage) -> int | None:
    cost = _pico_dollars(usage.cost)
    if cost is None or not usage.is_byok or usage.cost_details is None:
        return cost
    # With a key of one's own `cost` is OpenRouter's fee alone.
    return min(cost + (_pico_dollars(usage.cost_details.upstream_inference_cost) or 0), _LARGEST_COST)


def _pico_dollars(cost: msgspec.Raw) -> int | None:
    """Exact: the JSON text is read as a decimal; what is finer than a pico-dollar is rounded."""
    if cost == _NO_COST:
        return None
    try:
        pico = (Decimal(bytes(cost).decode().strip('"')) * 10**12).to_integral_value()
    except (InvalidOperation, ValueError):
        return None
    return int(pico) if pico.is_finite() and 0 <= pico <= _LARGEST_COST else None


def _first(*counts: int | None) -> int | None:
    for count in counts:
        if count is not None and count >= 0:
            return count
    return None


def _count(count: int | None) -> int | None:
    return None if count is None or count < 0 else count
