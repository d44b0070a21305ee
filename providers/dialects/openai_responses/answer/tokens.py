"""Counts in Claude's disjoint kinds: this API counts what was cached into the input, and reasoning into the output."""

from __future__ import annotations

from providers.dialects.openai_responses.answer.shapes import InputDetails, OutputDetails, Usage
from providers.events import Tokens

_NO_INPUT_DETAILS = InputDetails()
_NO_OUTPUT_DETAILS = OutputDetails()


def tokens_of(usage: Usage) -> Tokens:
    """The counts; what is below zero is none."""
    details = usage.input_tokens_details or _NO_INPUT_DETAILS
    cached, written = _count(details.cached_tokens), _count(details.cache_write_tokens)
    whole = _count(usage.input_tokens)
    fresh = None if whole is None else max(0, whole - (cached or 0) - (written or 0))
    return Tokens(
        input=fresh,
        cache_read=cached,
        cache_write=written,
        output=_count(usage.output_tokens),
        reasoning=_count((usage.output_tokens_details or _NO_OUTPUT_DETAILS).reasoning_tokens),
    )


def _count(count: int | None) -> int | None:
    return None if count is None or count < 0 else count
