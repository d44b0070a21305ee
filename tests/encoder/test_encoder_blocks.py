"""The encoder's blocks: orders of events that upstreams really send, and the blocks that each must become."""

from __future__ import annotations

import pytest

from providers.events import (
    Event,
    MessageFinished,
    MessageStarted,
    ToolCallStarted,
)
from streaming.encoding.tool_calls import EARLY_LIMIT
from tests.claude.claude_stream import check_stream, read_events
from tests.claude.encoding import (
    K,
    S,
    T,
    args,
    call,
    encoder,
    native,
    native_delta,
    native_stop,
    native_text,
    outline,
    whole,
)

ORDERS: dict[str, tuple[list[Event], list[str]]] = {
    "nothing": ([], []),
    "text": ([T("Hel"), T("lo")], ["text:Hel|lo"]),
    "empty text opens nothing": ([T(""), K(""), T("a")], ["text:a"]),
    "thinking, signature, text": ([K("a"), K("b"), S("s"), T("c")], ["thinking:a|b|[s]", "text:c"]),
    "thinking without a signature": ([K("a"), T("b")], ["thinking:a|[]", "text:b"]),
    "a signature alone": ([S("s"), T("a")], ["thinking:[s]", "text:a"]),
    "a signature inside text": ([T("a"), S("s"), T("b")], ["text:a", "thinking:[s]", "text:b"]),
    "an empty signature closes thinking": ([K("a"), S(""), K("b")], ["thinking:a|[]", "thinking:b|[]"]),
    "an empty signature alone": ([S(""), T("a")], ["text:a"]),
    "thinking and text in turn": (
        [K("a"), T("b"), K("c"), T("d")],
        ["thinking:a|[]", "text:b", "thinking:c|[]", "text:d"],
    ),
    "a call": ([call(0, "f"), args(0, '{"a"'), args(0, ":1}")], ['f:{"a"|:1}']),
    "a call without arguments": ([call(0, "f")], ["f:"]),
    "empty fragments only": ([call(0, "f"), args(0, ""), args(0, "")], ["f:"]),
    "text around a call": ([T("a"), call(0, "f"), args(0, "{}"), T("b")], ["text:a", "f:{}", "text:b"]),
    "calls one after the other": (
        [call(0, "f"), args(0, '{"a"'), args(0, ":1}"), call(1, "g"), args(1, "{"), args(1, "}")],
        ['f:{"a"|:1}', "g:{|}"],
    ),
    "calls whose fragments interleave": (
        [call(0, "f"), call(1, "g"), args(0, "{"), args(1, '{"b"'), args(0, "}"), args(1, ":2}"), call(2, "h")],
        ["f:{|}", 'g:{"b":2}', "h:"],
    ),
    "calls announced together, text last": (
        [call(0, "f"), call(1, "g"), args(1, "{}"), args(0, "{}"), T("a")],
        ["f:{}", "g:{}", "text:a"],
    ),
    "a call announced twice": ([call(0, "f"), call(0, "again"), args(0, "{}"), call(0, "f")], ["f:{}"]),
    "arguments before their call": ([args(0, '{"a"'), T("x"), call(0, "f"), args(0, ":1}")], ["text:x", 'f:{"a"|:1}']),
    "arguments of no call": ([args(7, "{}"), T("x")], ["text:x"]),
    "arguments after the call's block": ([call(0, "f"), args(0, "{}"), T("x"), args(0, "{}")], ["f:{}", "text:x"]),
    "keys in any order": ([call(9, "f"), args(9, "{}"), call(2, "g"), args(2, "{}")], ["f:{}", "g:{}"]),
    "content after the finish": ([T("a"), MessageFinished("end_turn"), T("b")], ["text:a|b"]),
    "a native block between ours": (
        [T("a"), native(0, "text", text=""), native_text(0, "b"), native_stop(0), T("c")],
        ["text:a", "text:b", "text:c"],
    ),
    "a native block that is never stopped": (
        [native(0, "text", text=""), native_text(0, "a"), native(1, "text", text=""), native_text(1, "b"), K("c")],
        ["text:a", "text:b", "thinking:c|[]"],
    ),
    "native thinking cut before its signature": (
        [native(0, "thinking", thinking=""), native_delta(0, type="thinking_delta", thinking="a"), T("b")],
        ["thinking:a|[]", "text:b"],
    ),
    "native thinking cut after its signature": (
        [native(0, "thinking", thinking=""), native_delta(0, type="signature_delta", signature="s"), T("b")],
        ["thinking:[s]", "text:b"],
    ),
    "an empty native text block": ([native(0, "text", text=""), native_stop(0), T("a")], ["text:a"]),
    "an empty native text block in the way": ([native(0, "text", text=""), T("a")], ["text:a"]),
    "deltas and stops of native blocks that are not open": (
        [
            native_text(0, "?"),
            native_stop(0),
            native(1, "text", text=""),
            native_stop(0),
            native_text(1, "a"),
            native_text(0, "?"),
        ],
        ["text:a"],
    ),
    "a call in the middle of a native block": (
        [native(0, "text", text=""), native_text(0, "a"), call(0, "f"), native_text(0, "?"), native_stop(0)],
        ["text:a", "f:"],
    ),
}


@pytest.mark.parametrize(("events", "blocks"), ORDERS.values(), ids=ORDERS.keys())
def test_orders_of_events(events: list[Event], blocks: list[str]) -> None:
    assert outline(whole(*events)) == blocks


def test_a_native_text_block_that_starts_with_its_text_is_kept() -> None:
    start = native(0, "text", text="whole")
    assert whole(start, native_stop(0)).text == "whole"
    assert whole(start, T(" and more")).text == "whole and more"


def test_the_second_of_two_calls_streams_once_the_first_is_whole() -> None:
    made = encoder()
    made.feed([MessageStarted(), call(0, "f"), args(0, '{"a":1}')])
    assert [event["type"] for event in read_events(made.feed([call(1, "g")]))] == [
        "content_block_stop",
        "content_block_start",
    ]
    assert b'"partial_json":"{"' in made.feed([args(1, "{")])


def test_calls_that_waited_go_out_as_soon_as_they_are_whole() -> None:
    made = encoder()
    made.feed([call(0, "f"), call(1, "g"), args(1, "{}"), args(0, "{}")])
    sent = read_events(made.feed([call(2, "h"), args(2, "{")]))
    assert [event["content_block"]["name"] for event in sent if "content_block" in event] == ["g", "h"]
    assert sent[-1]["delta"]["partial_json"] == "{"


def test_a_call_without_arguments_has_one_empty_delta() -> None:
    (block,) = whole(call(0, "f"), args(0, "")).blocks
    assert block.deltas == [{"type": "input_json_delta", "partial_json": ""}]


def test_arguments_without_a_call_are_kept_within_bounds() -> None:
    stream = whole(args(0, " " * EARLY_LIMIT), args(1, " " * EARLY_LIMIT), call(0, "f"), args(0, "{}"), call(1, "g"))
    assert [len(block.json) for block in stream.blocks] == [EARLY_LIMIT + 2, 0]


def test_arguments_that_are_no_object_go_out_as_they_came_if_the_answer_was_cut() -> None:
    made = encoder()
    events: list[Event] = [call(0, "f"), args(0, "1"), call(1, "g"), args(1, '{"a":'), args(0, "2")]
    body = made.feed([*events, MessageFinished("max_tokens")])
    stream = check_stream(body + made.finish(), parsable_tools=False)
    assert [block.json for block in stream.blocks] == ["12", '{"a":']


def test_tool_ids_become_ones_that_clients_accept() -> None:
    events = [ToolCallStarted(key, given, "f") for key, given in enumerate(["a:0", "a_0", "a_0", "", "ok-1"])]
    assert [tool.id for tool in whole(*events).tool_calls] == ["a_0", "a_0_2", "a_0_3", "toolu", "ok-1"]
