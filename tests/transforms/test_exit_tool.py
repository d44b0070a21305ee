"""A model that must call a tool may leave through ExitTool: its argument is the answer's text, as it comes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.dialects.contract import Call
from providers.events import Event, MessageFinished, TextDelta, ToolArgumentsDelta, ToolCallStarted
from providers.transforms import compile_chain
from providers.transforms.json_text import StringValue
from tests.claude.wire import make_call, sent_body
from tests.transforms.cutting import apart, cut_at, edits_of, sizes, streamed, through

CHAIN = [{"name": "tooluse"}]
READ = {"name": "Read", "input_schema": {"type": "object", "properties": {}}}
REQUEST: dict[str, Any] = {
    "system": "Be brief.",
    "tools": [READ],
    "messages": [{"role": "user", "content": "Hi"}],
    "max_tokens": 100,
}
CALLED = MessageFinished("tool_use")


def edited(**fields: Any) -> dict[str, Any]:
    return compile_chain(CHAIN).edited({**REQUEST, **fields})


def call() -> Call:
    return make_call("openai_chat", edited())


def edited_events(*events: Event) -> list[Event]:
    """What becomes of an answer, the same whether it comes whole or in single characters."""
    whole = through(edits_of(CHAIN, call()), [list(events)])
    assert through(edits_of(CHAIN, call()), apart(events)) == whole
    return whole


def exits(arguments: str, key: int = 0) -> list[Event]:
    return [ToolCallStarted(key, f"call_{key}", "ExitTool"), ToolArgumentsDelta(key, arguments)]


def test_a_call_is_demanded_and_a_way_out_offered() -> None:
    body = sent_body(call())
    assert body["tool_choice"] == "required"
    assert [tool["function"]["name"] for tool in body["tools"]] == ["Read", "ExitTool"]
    assert "ExitTool" in str(body["messages"][0])
    assert REQUEST["tools"] == [READ]


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": []},
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"tool_choice": {"type": "none"}},
        {"tool_choice": {"type": "any"}},
        {"tool_choice": {"type": "tool", "name": "Read"}},
        {"tools": [READ, {**READ, "name": "ExitTool"}]},
    ],
)
def test_what_the_client_chose_stands(fields: dict[str, Any]) -> None:
    request = {**REQUEST, **fields}
    assert compile_chain(CHAIN).edited(request) is request
    events: list[Event] = [*exits('{"response":"mine"}'), CALLED]
    assert through(edits_of(CHAIN, make_call("openai_chat", request)), [events]) == events


def test_one_call_at_a_time_stays_asked_for() -> None:
    wanted = {"type": "auto", "disable_parallel_tool_use": True}
    assert edited(tool_choice=wanted)["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('{"response":"All done."}', "All done."),
        (' { "response" : "a\\n\\"b\\" \\\\ \\u00e9 \\ud83d\\ude42 \\/" } ', 'a\n"b" \\ é 🙂 /'),
        ('{"response":"half \\ud83d here"}', "half \ufffd here"),
        ('{"response":"half \\ud83d"}', "half \ufffd"),
        ('{"response":"half \\ude42"}', "half \ufffd"),
        ('{"response":"a\nb"}', "a\nb"),
        ('{"response":"a\\u12"}', "a\\u12"),
        ('{"response":"cut o', "cut o"),
        ('{"response":"cut \\', "cut "),
        ('{"note":1,"response":"late"}', "late"),
        ('{"response":["no text"]}', '{"response":["no text"]}'),
        ("just words", "just words"),
        ('{"response":""}', ""),
        ("", ""),
    ],
)
def test_the_argument_is_the_answer(arguments: str, text: str) -> None:
    events = edited_events(*exits(arguments), CALLED)
    assert events == [*([TextDelta(text)] if text else []), MessageFinished("end_turn")]


def test_the_text_streams() -> None:
    (edit,) = edits_of(CHAIN, call())
    assert edit.feed(exits('{"resp')) == []
    assert edit.feed([ToolArgumentsDelta(0, 'onse":"one ')]) == [TextDelta("one ")]
    assert edit.feed([ToolArgumentsDelta(0, "two\\")]) == [TextDelta("two")]
    assert edit.feed([ToolArgumentsDelta(0, 'n"}')]) == [TextDelta("\n")]


def test_beside_a_real_call_the_text_comes_last() -> None:
    events = edited_events(
        ToolCallStarted(0, "call_r", "Read"),
        ToolArgumentsDelta(0, '{"path":'),
        *exits('{"response":"Reading."}', key=1),
        ToolArgumentsDelta(0, '"/a"}'),
        CALLED,
    )
    parsed = streamed(events)
    assert [(tool.name, tool.input) for tool in parsed.tool_calls] == [("Read", {"path": "/a"})]
    assert (parsed.text, parsed.stop_reason) == ("Reading.", "tool_use")


def test_a_real_call_alone_is_left_alone() -> None:
    events: list[Event] = [ToolCallStarted(0, "call_r", "Read"), ToolArgumentsDelta(0, "{}"), CALLED]
    assert edited_events(*events) == events


def test_an_answer_that_hit_its_limit_says_so() -> None:
    assert edited_events(*exits('{"response":"and th'), MessageFinished("max_tokens"))[-1] == MessageFinished(
        "max_tokens"
    )


@given(st.text(max_size=30), st.data())
def test_any_text_comes_through(text: str, data: st.DataObject) -> None:
    for ascii_only in (True, False):
        arguments = json.dumps({"response": text}, ensure_ascii=ascii_only)
        events = through(edits_of(CHAIN, call()), cut_at([*exits(arguments), CALLED], sizes(data)))
        assert events == [*([TextDelta(text)] if text else []), MessageFinished("end_turn")]
        streamed(events)


@given(st.lists(st.sampled_from(["\\", "u", "d8", "3d", "de", "42", '"', "n", "x", "00"]), max_size=14), st.data())
def test_broken_escapes_read_the_same_however_they_are_cut(parts: list[str], data: st.DataObject) -> None:
    text = '{"response":"' + "".join(parts)
    whole = StringValue("response")
    expected = whole.feed(text) + whole.close()
    value, read, rest = StringValue("response"), "", text
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        read += value.feed(rest[:size])
        rest = rest[size:]
    assert read + value.close() == expected
    expected.encode()
