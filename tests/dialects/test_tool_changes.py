"""Tools that a conversation offers and withdraws on its way, for providers that have one list of tools."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from providers.claude.tools import offered_tools, renamed_tools
from providers.dialects import DIALECTS
from providers.errors import UnsupportedRequest
from providers.fidelity import Fidelity
from tests.claude.wire import make_call, sent, sent_body
from tests.harness.speakers import SPEAKERS

Json = dict[str, Any]
OTHERS = [name for name in DIALECTS if name != "anthropic"]
SCHEMA = {"type": "object", "properties": {"p": {"type": "string"}}}
READ = {"name": "Read", "description": "Reads.", "input_schema": SCHEMA}
GREP = {"name": "Grep", "input_schema": SCHEMA}
LATER = {"name": "Later", "input_schema": SCHEMA, "defer_loading": True}
SEARCH = {"type": "web_search_20260318", "name": "web_search"}
ASK = {"role": "user", "content": "Hello"}
ANSWER = {"role": "assistant", "content": "Yes?"}


def reference(name: Any) -> Json:
    return {"type": "tool_reference", "name": name}


def adds(tool: Any) -> Json:
    return {"type": "tool_addition", "tool": reference(tool) if isinstance(tool, str) else tool}


def removes(tool: Any) -> Json:
    return {"type": "tool_removal", "tool": reference(tool) if isinstance(tool, str) else tool}


def defines(definition: Any) -> Json:
    return adds({"type": "tool_definition", "definition": definition})


def system(*blocks: Json) -> Json:
    return {"role": "system", "content": list(blocks)}


def body_of(*blocks: Json, tools: list[Json] | None = None, **fields: Any) -> Json:
    listed = [READ, GREP, LATER] if tools is None else tools
    return {"tools": listed, "messages": [ASK, ANSWER, ASK, system(*blocks)], **fields}


def names(dialect: str, body: Json) -> list[str]:
    before = copy.deepcopy(body)
    out = sent_body(make_call(dialect, body))
    assert body == before
    return SPEAKERS[dialect].tool_names(out) if "tools" in out else []


@pytest.mark.parametrize("dialect", OTHERS)
@pytest.mark.parametrize(
    ("blocks", "offered"),
    [
        ([adds("Later")], ["Read", "Grep", "Later"]),
        ([removes("Read")], ["Grep"]),
        ([removes("Read"), adds("Later")], ["Grep", "Later"]),
        ([removes("Read"), adds("Read")], ["Grep", "Read"]),
        ([adds("Later"), removes("Later")], ["Read", "Grep"]),
        ([adds("Read")], ["Read", "Grep"]),
        ([removes("Later")], ["Read", "Grep"]),
        ([removes("Read"), removes("Grep")], []),
        ([defines({"name": "New", "input_schema": SCHEMA})], ["Read", "Grep", "New"]),
        ([defines({"name": "New", "input_schema": SCHEMA}), removes("New")], ["Read", "Grep"]),
        ([removes({"type": "mcp_toolset_reference", "server_name": "s"})], ["Read", "Grep"]),
        ([removes("web_search")], ["Read", "Grep"]),
    ],
    ids=lambda value: " ".join(value) if value and isinstance(value[0], str) else None,
)
def test_the_tools_are_those_at_the_end(dialect: str, blocks: list[Json], offered: list[str]) -> None:
    body = body_of(*blocks, tools=[READ, GREP, LATER, SEARCH])
    assert names(dialect, body) == offered


@pytest.mark.parametrize("dialect", OTHERS)
def test_a_withdrawn_tool_is_not_offered_because_it_was_called(dialect: str) -> None:
    calls = [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "Later", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "1"}]},
    ]
    body = {"tools": [READ, LATER], "messages": [ASK, system(adds("Later")), *calls, system(removes("Later"))]}
    assert names(dialect, body) == ["Read"]


@pytest.mark.parametrize("dialect", OTHERS)
def test_a_sentence_stands_at_the_place(dialect: str) -> None:
    call = make_call(dialect, body_of({"type": "text", "text": "Mind."}, removes("Read"), adds("Later")))
    written = json.dumps(sent_body(call))
    for sentence in ("Mind.", "The tool Read is no longer available.", "The tool Later is available from here on."):
        assert sentence in written
    assert written.index("Yes?") < written.index("Mind.") < written.index("The tool Read")
    assert Fidelity.TOOL_CHANGE_RESTATED in call.notes
    assert Fidelity.SERVER_BLOCK_AS_TEXT not in call.notes
    assert Fidelity.TOOL_DEFERRED not in call.notes


@pytest.mark.parametrize("dialect", OTHERS)
def test_a_definition_by_value_is_sent_and_its_long_name_undone(dialect: str) -> None:
    long = "mcp__" + "n" * 100
    made = {"name": long, "description": "Makes.", "input_schema": SCHEMA}
    body = body_of(defines({**READ, "description": "Reads anew."}), defines(made))
    written = json.dumps(sent_body(make_call(dialect, body)))
    assert "Reads anew." in written
    assert '"Reads."' not in written
    assert "Makes." in written
    if dialect == "openai_chat":
        (upstream,) = (name for name in names(dialect, body) if name.startswith("mcp__"))
        assert renamed_tools(make_call(dialect, body), 64) == {upstream: long}


@pytest.mark.parametrize("dialect", OTHERS)
@pytest.mark.parametrize(
    ("block", "says"),
    [
        (adds("Nothing"), "messages.3.content.0.tool: there is no such tool in `tools` or in the messages before."),
        (removes("Nothing"), "messages.3.content.0.tool: there is no such tool in `tools` or in the messages before."),
        (adds("web_search"), "messages.3.content.0.tool: this provider cannot run the tool."),
        (defines(SEARCH), "messages.3.content.0.tool: this provider cannot run the tool."),
        (
            adds({"type": "mcp_tool_reference", "server_name": "s", "name": "x"}),
            "messages.3.content.0: this provider cannot be offered the tools of MCP servers.",
        ),
        (
            adds({"type": "tool_reference"}),
            "messages.3.content.0.tool: a reference with the name of a tool is required.",
        ),
        (adds(None), "messages.3.content.0.tool: a reference with the name of a tool is required."),
        (removes({"type": "tool_definition", "definition": READ}), "messages.3.content.0.tool: a reference"),
        (defines(None), "messages.3.content.0.tool: a reference with the name of a tool is required."),
    ],
)
def test_what_cannot_be_expressed_is_refused(dialect: str, block: Json, says: str) -> None:
    with pytest.raises(UnsupportedRequest) as refused:
        sent(make_call(dialect, body_of(block, tools=[READ, SEARCH])))
    assert refused.value.message.startswith(says)


@pytest.mark.parametrize("dialect", OTHERS)
def test_a_choice_of_a_withdrawn_tool_is_refused(dialect: str) -> None:
    with pytest.raises(UnsupportedRequest) as refused:
        sent(make_call(dialect, body_of(removes("Read"), tool_choice={"type": "tool", "name": "Read"})))
    assert refused.value.message == "tool_choice.name: the conversation has withdrawn this tool."


@pytest.mark.parametrize("dialect", OTHERS)
def test_only_system_messages_change_tools(dialect: str) -> None:
    body = {"tools": [READ], "messages": [{"role": "user", "content": [removes("Read")]}]}
    with pytest.raises(UnsupportedRequest) as refused:
        sent(make_call(dialect, body))
    assert refused.value.message == "Only system messages may add or remove tools."


def test_what_is_refused_elsewhere_is_still_counted() -> None:
    """The estimate is made before anybody knows who will answer."""
    body = body_of(adds({"type": "mcp_tool_reference", "server_name": "s", "name": "x"}), adds(None), removes("Read"))
    assert [tool.name for tool in offered_tools(body)] == ["Grep"]


@pytest.mark.parametrize("dialect", OTHERS)
def test_a_compaction_stands_for_the_changes_before_it(dialect: str) -> None:
    compaction = {"type": "compaction", "content": "Before.", "tool_changes": [removes("Read"), adds("Later")]}
    messages = [{"role": "assistant", "content": [compaction]}, ASK]
    assert names(dialect, {"tools": [READ, GREP, LATER], "messages": messages}) == ["Grep", "Later"]


@pytest.mark.parametrize("dialect", OTHERS)
def test_a_longer_conversation_begins_with_the_bytes_of_the_shorter(dialect: str) -> None:
    """As long as no tool changes; an addition leaves the tools before it where they are."""
    shorter = body_of(adds("Later"))
    longer = {**shorter, "messages": [*shorter["messages"], ANSWER, ASK]}
    first, second = (sent(make_call(dialect, body)).body.rstrip(b"]}") for body in (shorter, longer))
    assert second.startswith(first)
    without = sent(make_call(dialect, body_of({"type": "text", "text": "x"}))).body
    assert first.startswith(without[: without.index(b"Grep")])


@pytest.mark.parametrize("dialect", OTHERS)
@pytest.mark.parametrize("odd", [{"type": ["tool_removal"]}, {"type": {}}, {"type": None, "tool": {}}, {}])
def test_odd_blocks_are_survived(dialect: str, odd: Json) -> None:
    assert names(dialect, body_of(odd, removes("Read"))) == ["Grep"]


def test_a_claude_server_gets_the_blocks_as_they_are() -> None:
    body = body_of(removes("Read"), adds("Later"))
    assert sent_body(make_call("anthropic", body, model="claude-opus-5-5"))["messages"] == body["messages"]
