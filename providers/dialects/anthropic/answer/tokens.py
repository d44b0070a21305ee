"""Claude's usage object as Tokens: its kinds are disjoint already."""

from __future__ import annotations

from typing import Any

from providers.events import Tokens


def read_usage(usage: Any) -> Tokens | None:
    """The counts that a usage object gives, or None where there are none."""
    if not isinstance(usage, dict):
        return None
    return Tokens(
        input=_count(usage, "input_tokens"),
        cache_read=_count(usage, "cache_read_input_tokens"),
        cache_write=_count(usage, "cache_creation_input_tokens"),
        cache_write_1h=_count(usage.get("cache_creation"), "ephemeral_1h_input_tokens"),
        output=_count(usage, "output_tokens"),
        reasoning=_count(usage.get("output_tokens_details"), "thinking_tokens"),
        web_searches=_count(usage.get("server_tool_use"), "web_search_requests"),
    )


def _count(counts: Any, name: str) -> int | None:
    count = counts.get(name) if isinstance(counts, dict) else None
    return count if type(count) is int and count >= 0 else None
