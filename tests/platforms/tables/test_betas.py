"""Betas that a cloud takes, and counts, which have none."""

from __future__ import annotations

import pytest

from tests.platforms.tables.clouds import CLOUDS, TOOL, call, counted, sent

AGENT = (
    "claude-code-20250219,interleaved-thinking-2025-05-14,context-1m-2025-08-07,context-management-2025-06-27,"
    "prompt-caching-scope-2026-01-05,effort-2025-11-24,fine-grained-tool-streaming-2025-05-14,oauth-2025-04-20"
)


def test_betas_are_filtered_on_vertex_without_any_option() -> None:
    made = call("vertex", {}, AGENT)
    assert sent(made)[0] == [
        "interleaved-thinking-2025-05-14",
        "context-1m-2025-08-07",
        "context-management-2025-06-27",
    ]
    assert list(made.notes) == ["beta_dropped"]


def test_a_beta_that_the_model_itself_refuses_is_left_out() -> None:
    made = call("vertex", {}, "context-1m-2025-08-07", "claude-haiku-4-5@20251001")
    assert sent(made)[0] == []
    assert list(made.notes) == ["beta_dropped"]


@pytest.mark.parametrize(
    ("platform", "names"),
    [
        ("vertex", ["tool-search-tool-2025-10-19"]),
        ("bedrock", ["tool-search-tool-2025-10-19", "tool-examples-2025-10-29"]),
    ],
)
def test_a_beta_of_other_names_there(platform: str, names: list[str]) -> None:
    made = call(platform, {}, "advanced-tool-use-2025-11-20,tool-search-tool-2025-10-19")
    assert sent(made)[0] == names
    assert list(made.notes) == []


@CLOUDS
def test_a_count_has_no_betas_and_nothing_that_needs_one(platform: str) -> None:
    body = {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}, "tools": [TOOL]}
    betas, asked = counted(call(platform, body, "context-management-2025-06-27,web-search-2025-03-05"))
    assert betas == []
    assert "context_management" not in asked
    assert asked["tools"] == [TOOL]
