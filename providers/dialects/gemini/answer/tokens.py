"""Counts in Claude's disjoint kinds: Gemini counts what was cached into the prompt, and thinking beside the answer."""

from __future__ import annotations

from providers.dialects.gemini.answer.shapes import UsageMetadata
from providers.events import Tokens


def tier_of(usage: UsageMetadata | None) -> str | None:
    """The service tier that Gemini's API names, or the type of traffic that Vertex names instead."""
    if usage is None:
        return None
    tier = usage.service_tier or usage.traffic_type
    return tier if isinstance(tier, str) else None


def tokens_of(usage: UsageMetadata, *, only_thought: bool = False) -> Tokens:
    """The counts; a sum of which a part is below zero is none.

    Without a count of the answer those of thinking are its output only if it `only_thought`.
    https://ai.google.dev/api/generate-content#UsageMetadata
    """
    prompt = _sum(usage.prompt_token_count, usage.tool_use_prompt_token_count)
    cached = _sum(usage.cached_content_token_count)
    counts_output = usage.candidates_token_count or only_thought
    return Tokens(
        input=None if prompt is None else max(0, prompt - (cached or 0)),
        cache_read=cached,
        output=_sum(usage.candidates_token_count, usage.thoughts_token_count) if counts_output else None,
        reasoning=_sum(usage.thoughts_token_count),
    )


def _sum(*counts: int | None) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known and min(known) >= 0 else None
