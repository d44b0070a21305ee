"""Claude on Vertex and Bedrock takes less than Claude's own server: what the tables say is what is sent."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest

from providers.claude.support import ClaudeSupport
from providers.config import ModelConfig, ProviderConfig, Secret
from providers.dialects import DIALECTS
from providers.dialects.contract import Call
from providers.platforms import PLATFORMS
from providers.platforms.bedrock.claude import BEDROCK
from providers.platforms.claude.table import Server
from providers.platforms.contract import options_of
from providers.platforms.vertex.claude import VERTEX
from tests.harness.fidelity_table import CLOUDS_PAGE, clouds_page
from tests.platforms import google

BASES = {
    "vertex": "https://europe-west1-aiplatform.googleapis.com",
    "bedrock": "https://bedrock-runtime.eu-central-1.amazonaws.com",
}
NAMES = {"vertex": "claude-sonnet-4-5@20250929", "bedrock": "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"}
TOOL = {"name": "read", "description": "Reads.", "input_schema": {"type": "object", "properties": {}}}
CLOUDS = pytest.mark.parametrize("platform", ["vertex", "bedrock"])


def call(
    platform: str, body: dict[str, Any], beta: str = "", model: str = "", options: dict[str, Any] | None = None,
    supports: ClaudeSupport | None = None,
) -> Call:  # fmt: skip
    given = {"project": "our-project", **(options or {})} if platform == "vertex" else options or {}
    provider = ProviderConfig(
        id=1,
        name="cloud",
        dialect="anthropic",
        base_url=BASES[platform],
        platform=platform,
        options=options_of(PLATFORMS[platform], given),
    )
    return Call(
        body={"model": "route", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}], **body},
        model=ModelConfig(id=1, provider_id=1, name=model or NAMES[platform], supports=supports),
        provider=provider,
        secret=Secret(google.service_account("https://oauth2.googleapis.com/token")),
        headers={"anthropic-beta": beta} if beta else {},
    )


def sent(made: Call) -> tuple[list[str], Any]:
    """The betas and the body that the cloud gets."""
    request = DIALECTS["anthropic"].request(msgspec.structs.replace(made, secret=None))
    moved = PLATFORMS[made.provider.platform].request(made, request, counting=False)
    body = json.loads(moved.body)
    header = dict(moved.headers).get("anthropic-beta", "")
    return body.get("anthropic_beta", header.split(",") if header else []), body


def counted(made: Call) -> tuple[list[str], Any]:
    """The betas and the body that a count gets."""
    request = DIALECTS["anthropic"].count_request(msgspec.structs.replace(made, secret=None))
    assert request is not None
    moved = PLATFORMS[made.provider.platform].request(made, request, counting=True)
    body = json.loads(moved.body)
    if made.provider.platform == "bedrock":
        body = json.loads(base64.b64decode(body["input"]["invokeModel"]["body"]))
    header = dict(moved.headers).get("anthropic-beta", "")
    return body.get("anthropic_beta", header.split(",") if header else []), body


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


@CLOUDS
def test_a_tool_that_only_anthropic_runs_is_not_offered(platform: str) -> None:
    run = {"type": "code_execution_20250825", "name": "code_execution"}
    made = call(platform, {"tools": [run, TOOL], "tool_choice": {"type": "tool", "name": "code_execution"}})
    _, body = sent(made)
    assert body["tools"] == [TOOL]
    assert "tool_choice" not in body
    assert list(made.notes) == ["server_tool_dropped", "tool_choice_dropped"]
    _, body = sent(call(platform, {"tools": [run], "tool_choice": {"type": "auto"}}))
    assert {"tools", "tool_choice"}.isdisjoint(body)


def test_vertex_searches_the_web_and_bedrock_does_not() -> None:
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}
    assert sent(call("vertex", {"tools": [search]}, "web-search-2025-03-05"))[1]["tools"] == [search]
    made = call("bedrock", {"tools": [search, TOOL]})
    assert sent(made)[1]["tools"] == [TOOL]
    assert list(made.notes) == ["server_tool_dropped"]


SYSTEM = {"role": "system", "content": "The file changed."}
REMINDER = {
    "role": "user",
    "content": [{"type": "text", "text": "<system-reminder>\nThe file changed.\n</system-reminder>"}],
}


@CLOUDS
def test_a_system_message_becomes_a_reminder_as_in_other_dialects(platform: str) -> None:
    user = {"role": "user", "content": "Hi"}
    made = call(platform, {"messages": [user, SYSTEM]})
    assert sent(made)[1]["messages"] == [user, REMINDER]
    assert list(made.notes) == ["system_restated"]


def test_a_model_on_vertex_that_takes_system_messages_gets_them() -> None:
    messages = [{"role": "user", "content": "Hi"}, SYSTEM]
    made = call("vertex", {"messages": messages}, model="claude-opus-4-8")
    assert sent(made)[1]["messages"] == messages
    assert list(made.notes) == []
    made = call("vertex", {"messages": messages}, model="our-tuned-model")
    assert sent(made)[1]["messages"] == [messages[0], REMINDER]
    assert (
        sent(call("bedrock", {"messages": messages}, model="anthropic.claude-opus-4-8"))[1]["messages"][1] == REMINDER
    )


@CLOUDS
def test_a_system_message_at_the_beginning_joins_the_system_prompt(platform: str) -> None:
    made = call(platform, {"messages": [SYSTEM, {"role": "user", "content": "Hi"}], "system": "Be brief."})
    _, body = sent(made)
    assert body["messages"] == [{"role": "user", "content": "Hi"}]
    assert body["system"] == [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "The file changed."}]


@CLOUDS
def test_a_system_message_between_a_call_and_its_result_comes_after_it(platform: str) -> None:
    history = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "read", "input": {}}]},
        SYSTEM,
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "42"}]},
    ]
    _, body = sent(call(platform, {"messages": history, "tools": [TOOL]}))
    assert body["messages"] == [history[0], history[1], history[3], REMINDER]


@CLOUDS
def test_the_older_place_of_the_answers_format_becomes_the_newer(platform: str) -> None:
    wanted = {"type": "json_schema", "schema": {"type": "object"}}
    body = {"output_format": wanted, "output_config": {"task_budget": {"type": "tokens", "total": 20000}}}
    made = call(platform, body)
    _, got = sent(made)
    assert got["output_config"] == {"format": wanted}
    assert "output_format" not in got
    assert list(made.notes) == ["field_dropped"]


@CLOUDS
def test_fields_inside_thinking_without_their_beta_are_left_out(platform: str) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024, "display": "updates", "block_binding": {"x": 1}}
    made = call(platform, {"thinking": thinking, "max_tokens": 4000})
    assert sent(made)[1]["thinking"] == {"type": "enabled", "budget_tokens": 1024}
    shown = {**thinking, "display": "summarized"}
    assert sent(call(platform, {"thinking": shown, "max_tokens": 4000}))[1]["thinking"]["display"] == "summarized"


@CLOUDS
def test_the_caller_of_a_call_and_references_to_tools_are_not_sent_back(platform: str) -> None:
    history = [
        {"role": "user", "content": "Hi"},
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {}, "caller": {"type": "direct"}}
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "content": [{"type": "tool_reference", "tool_name": "write"}],
                }
            ],
        },
    ]
    made = call(platform, {"messages": history, "tools": [TOOL]})
    _, body = sent(made)
    assert body["messages"][1]["content"] == [{"type": "tool_use", "id": "toolu_1", "name": "read", "input": {}}]
    assert body["messages"][2]["content"][0]["content"] == [{"type": "text", "text": "Loaded tool write"}]
    assert list(made.notes) == ["tool_reference_as_text"]


@CLOUDS
def test_a_conversation_with_nothing_to_change_stays_to_the_letter(platform: str) -> None:
    body = {
        "system": [{"type": "text", "text": "Ünïcode ☃", "cache_control": {"type": "ephemeral"}}],
        "tools": [TOOL],
        "messages": [{"role": "user", "content": [{"type": "text", "text": 'scope: "scope"'}]}],
    }
    made = call(platform, body)
    assert {name: sent(made)[1][name] for name in body} == body
    assert list(made.notes) == []


@pytest.mark.parametrize("server", [BEDROCK, VERTEX], ids=lambda server: server.name)
def test_every_row_has_a_source_and_a_date_and_stands_once(server: Server) -> None:
    assert all(row.source and row.read.startswith("202") for row in server.rows)
    assert len({(row.place, row.name) for row in server.rows}) == len(server.rows)
    lost = [row for row in server.rows if row.does == "dropped" and row.code is None]
    assert [row.name for row in lost] == ["caller"]


def test_the_page_says_what_the_tables_say() -> None:
    assert CLOUDS_PAGE.read_text() == clouds_page(), "run python -m tests.harness.fidelity_table"
