"""What a request loses on leaving Claude's world is noted, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest

from providers.claude.fields import output_limit
from providers.claude.losses import note_losses
from tests.claude.wire import make_call

MARK = {"type": "ephemeral"}
TOOL = {"name": "read", "input_schema": {"type": "object"}}
WEB_SEARCH = {"type": "web_search_20250305", "name": "web_search"}
BILLING = {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.330.dfb;"}


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


def text(**fields: Any) -> dict[str, Any]:
    return {"type": "text", "text": "Hi", **fields}


def result(*content: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "toolu_1", "content": list(content), **fields}


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ({"messages": [{"role": "user", "content": "Hi"}]}, []),
        ({"system": "You are kind.", "tools": [TOOL], "service_tier": "auto"}, []),
        ({"system": [BILLING, text()]}, ["billing_header_dropped"]),
        ({"system": [text(cache_control=MARK)]}, ["cache_control_dropped"]),
        ({"cache_control": MARK}, ["cache_control_dropped"]),
        ({"tools": [{**TOOL, "cache_control": MARK}]}, ["cache_control_dropped"]),
        (user(text(cache_control=MARK)), ["cache_control_dropped"]),
        (user(result(text(cache_control=MARK))), ["cache_control_dropped"]),
        (user(result(text(), cache_control=MARK)), ["cache_control_dropped"]),
        ({"context_management": {"edits": []}}, ["field_dropped"]),
        ({"container": None, "mcp_servers": []}, []),
        ({"service_tier": "standard_only"}, ["field_dropped"]),
        ({"tools": [WEB_SEARCH]}, ["server_tool_dropped"]),
        ({"tools": [{**TOOL, "strict": True}]}, ["tool_fields_dropped"]),
        ({"tools": [{**TOOL, "strict": False}]}, []),
        ({"tools": [{**TOOL, "defer_loading": True}]}, ["tool_deferred"]),
        (
            {
                "tools": [{**TOOL, "defer_loading": True}],
                **user(result({"type": "tool_reference", "tool_name": "read"})),
            },
            ["tool_reference_as_text"],
        ),
        (user({"type": "document", "source": {"type": "text", "data": "Once"}}), ["document_as_text"]),
        (
            user({"type": "document", "source": {"type": "base64", "data": "eA=="}, "citations": {"enabled": True}}),
            ["citations_dropped"],
        ),
        (user({"type": "search_result", "title": "t", "source": "s", "content": [text()]}), ["document_as_text"]),
        (user({"type": "redacted_thinking", "data": "x"}), ["thinking_dropped"]),
        (user({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}), ["server_block_as_text"]),
        (user({"type": "web_search_tool_result", "tool_use_id": "s", "content": []}), ["server_block_as_text"]),
    ],
)
def test_what_is_lost_is_noted(body: dict[str, Any], codes: list[str]) -> None:
    call = make_call("openai_chat", body)
    note_losses(call)
    assert list(call.notes) == codes


@pytest.mark.parametrize(
    ("tool", "field"),
    [
        (WEB_SEARCH, "tools.web_search"),
        ({"type": "web_search_20250305"}, "tools.web_search_20250305"),
        ({"type": "web_search_20250305", "name": {"secret": "of the client"}}, "tools.web_search_20250305"),
        ({"type": ["secret"], "name": 7}, "tools"),
    ],
)
def test_a_tool_that_is_lost_is_named_without_its_values(tool: dict[str, Any], field: str) -> None:
    call = make_call("openai_chat", {"tools": [tool]})
    note_losses(call)
    assert list(call.notes.paths["server_tool_dropped"]) == [field]


def test_a_beta_is_noted_by_its_header() -> None:
    call = make_call("openai_chat", client_headers={"anthropic-beta": "effort-2025-11-24"})
    note_losses(call)
    assert list(call.notes) == ["beta_dropped"]


def test_marks_that_are_kept_are_no_loss() -> None:
    call = make_call("openai_chat", {"system": [text(cache_control=MARK)]})
    note_losses(call, sends_cache_control=True)
    assert not call.notes


@pytest.mark.parametrize(
    ("asked", "most", "window", "estimate", "limit", "lowered"),
    [
        (1000, None, None, 50, 1000, False),
        (1000, 1000, 2000, 1000, 1000, False),
        (1001, 1000, None, None, 1000, True),
        (1000, None, 2000, 1001, 999, True),
        (1000, None, 2000, 5000, 1, True),
        (1000, None, 2000, None, 1000, False),
        (0, 1000, 2000, 10, 0, False),
        (None, 1000, 2000, 10, None, False),
    ],
)
def test_max_tokens_is_lowered_to_what_the_model_and_its_window_allow(
    asked: int | None, most: int | None, window: int | None, estimate: int | None, limit: int | None, lowered: bool
) -> None:
    body = {} if asked is None else {"max_tokens": asked}
    call = make_call("openai_chat", body, max_output=most, context_window=window, input_estimate=estimate)
    assert output_limit(call) == limit
    assert ("max_tokens_lowered" in call.notes) is lowered
