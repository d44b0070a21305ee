"""Fields and cache_control that a cloud does not take as they are."""

from __future__ import annotations

from typing import Any

import pytest

from tests.platforms.tables.clouds import CLOUDS, TOOL, call, sent


@CLOUDS
def test_cache_control_of_the_whole_request_goes_on_the_last_block(platform: str) -> None:
    mark = {"type": "ephemeral", "ttl": "1h"}
    made = call(platform, {"cache_control": {**mark, "scope": "global"}})
    _, body = sent(made)
    assert "cache_control" not in body
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": mark}]}]
    assert list(made.notes) == ["field_dropped", "cache_control_moved"]


@CLOUDS
def test_the_mark_goes_on_the_last_block_that_can_have_one(platform: str) -> None:
    mark = {"type": "ephemeral"}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "42"}
    history = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "read", "input": {}}]},
        {"role": "user", "content": [result, {"type": "text", "text": ""}]},
    ]
    _, body = sent(call(platform, {"cache_control": mark, "messages": history, "tools": [TOOL]}))
    assert body["messages"][:2] == history[:2]
    assert body["messages"][2]["content"][0] == {**result, "cache_control": mark}


@CLOUDS
def test_a_mark_that_finds_no_room_is_left_out(platform: str) -> None:
    mark = {"type": "ephemeral"}
    full = [{"type": "text", "text": str(number), "cache_control": mark} for number in range(4)]
    made = call(platform, {"cache_control": mark, "system": full})
    _, body = sent(made)
    assert body["messages"] == [{"role": "user", "content": "Hi"}]
    assert body["system"] == full
    assert list(made.notes) == ["cache_control_dropped"]
    # The last block has one of its own: nothing to do, as on Claude's own server.
    own = [{"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {**mark, "ttl": "1h"}}]}]
    made = call(platform, {"cache_control": mark, "messages": own})
    assert sent(made)[1]["messages"] == own
    assert list(made.notes) == []


@CLOUDS
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("safeguards", [{"type": "dangerous_tool_use"}]),
        ("speed", "fast"),
        ("inference_geo", "eu"),
        ("diagnostics", {"previous_message_id": "msg_1"}),
        ("compaction", {"instructions": "Short."}),
        ("context_management", {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}),
        ("mcp_servers", [{"type": "url", "url": "https://mcp.example.com", "name": "m"}]),
        ("container", "container_1"),
        ("service_tier", "auto"),
        ("fallbacks", "default"),
    ],
)
def test_fields_that_the_cloud_refuses_are_left_out_and_noted(platform: str, field: str, value: Any) -> None:
    made = call(platform, {field: value, "new_field": {"a": 1}})
    _, body = sent(made)
    assert field not in body
    assert body["new_field"] == {"a": 1}
    assert list(made.notes) == ["field_dropped"]


@CLOUDS
def test_fields_with_their_beta_are_forwarded(platform: str) -> None:
    edits = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}
    made = call(platform, {"context_management": edits}, "context-management-2025-06-27")
    assert sent(made)[1]["context_management"] == edits
    assert list(made.notes) == []


@CLOUDS
def test_an_edit_of_another_beta_is_left_out_alone(platform: str) -> None:
    clear = {"type": "clear_tool_uses_20250919"}
    management = {"edits": [{"type": "compact_20260112"}, clear]}
    made = call(platform, {"context_management": management}, "context-management-2025-06-27")
    assert sent(made)[1]["context_management"] == {"edits": [clear]}
    assert list(made.notes) == ["field_dropped"]
    both = "context-management-2025-06-27,compact-2026-01-12"
    assert sent(call(platform, {"context_management": management}, both))[1]["context_management"] == management


@CLOUDS
def test_a_scope_is_left_out_wherever_cache_control_stands(platform: str) -> None:
    scoped = {"type": "ephemeral", "scope": "global"}
    plain = {"type": "ephemeral"}
    inner = {"type": "text", "text": "42", "cache_control": scoped}
    asked = {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {"cache_control": scoped}}
    body = {
        "system": [{"type": "text", "text": "Be brief.", "cache_control": scoped}],
        "tools": [{**TOOL, "cache_control": scoped}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": scoped}]},
            {"role": "assistant", "content": [asked]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [inner]}]},
        ],
    }
    made = call(platform, body)
    _, got = sent(made)
    assert got["system"] == [{"type": "text", "text": "Be brief.", "cache_control": plain}]
    assert got["tools"] == [{**TOOL, "cache_control": plain}]
    assert got["messages"][0]["content"][0]["cache_control"] == plain
    # A call's input is the user's own.
    assert got["messages"][1]["content"] == [asked]
    assert got["messages"][2]["content"][0]["content"] == [{**inner, "cache_control": plain}]
    assert list(made.notes) == ["field_dropped"]


@CLOUDS
def test_fields_of_tools_without_their_beta_are_left_out(platform: str) -> None:
    extra = {
        "eager_input_streaming": True,
        "defer_loading": True,
        "input_examples": [{}],
        "allowed_callers": ["direct"],
        "strict": True,
    }
    made = call(platform, {"tools": [{**TOOL, **extra}]})
    assert sent(made)[1]["tools"] == [{**TOOL, "strict": True}]
    assert list(made.notes) == ["tool_fields_dropped"]
    search = {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"}
    made = call(platform, {"tools": [search, {**TOOL, "defer_loading": True}]}, "advanced-tool-use-2025-11-20")
    assert sent(made)[1]["tools"] == [search, {**TOOL, "defer_loading": True}]
    assert list(made.notes) == []
