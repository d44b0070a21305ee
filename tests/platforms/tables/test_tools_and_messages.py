"""Tools and messages that a cloud does not take as they are; and that the tables stand for themselves."""

from __future__ import annotations

import pytest

from providers.platforms.bedrock.claude import BEDROCK
from providers.platforms.claude.table import Server
from providers.platforms.vertex.claude import VERTEX
from tests.harness.fidelity_table import CLOUDS_PAGE, clouds_page
from tests.platforms.tables.clouds import CLOUDS, TOOL, call, sent


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
