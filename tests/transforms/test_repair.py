"""Tool calls come with arguments that are one JSON object, whatever the model wrote; good ones stay as they are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.errors import ErrorKind, UpstreamError
from providers.events import (
    Event,
    MessageFinished,
    StreamFailed,
    TextDelta,
    ThinkingDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
)
from providers.fidelity import Fidelity
from providers.transforms import json_object, repair_arguments
from providers.transforms.json_object import UNPARSED, repaired, written
from streaming.encoding.tool_calls import HELD_BACK_LIMIT
from tests.claude.wire import make_call
from tests.transforms.cutting import apart, cut_at, edits_of, sizes, streamed, through

CHAIN = [{"name": "enhancetool"}]
CALLED = MessageFinished("tool_use")
CODE = 'if name == "a" and other != \'b\':\n    print({"x": [1, 2]}, "\\\\n")  # {"error_type": "no"},\n' * 300


def started(key: int = 0) -> ToolCallStarted:
    return ToolCallStarted(key, f"call_{key}", "Write")


def enhanced(*events: Event) -> tuple[list[Event], list[str]]:
    """What becomes of an answer, and what was noted; the same whether it comes whole or in single characters."""
    call = make_call("openai_chat")
    whole = through(edits_of(CHAIN, call), [list(events)])
    assert through(edits_of(CHAIN, make_call("openai_chat")), apart(events)) == whole
    return whole, list(call.notes)


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ('{"path":"/a",}', {"path": "/a"}),
        ('{"lines":[1,2,],}', {"lines": [1, 2]}),
        ('{"path":"/a"', {"path": "/a"}),
        ('{"lines":[1,2', {"lines": [1, 2]}),
        ('{"path":"/a"}}', {"path": "/a"}),
        ('```json\n{"path":"/a"}\n```', {"path": "/a"}),
        ('{"text":"a\nb"}', {"text": "a\nb"}),
        ('"{\\"path\\":\\"/a\\"}"', {"path": "/a"}),
        ('[{"path":"/a"}]', {"path": "/a"}),
        ("{'path': '/a', 'all': True}", {"path": "/a", "all": True}),
        ('{path: "/a"}', {"path": "/a"}),
        ('{"path":"/a" "all":true}', {"path": "/a", "all": True}),
        ('{"path":"/a', {"path": "/a"}),
        ('{"a":1}{"a":2}', {"a": 1}),
        ("no arguments", {UNPARSED: "no arguments"}),
        ("null", {}),
        ("[]", {UNPARSED: "[]"}),
        ("[" * 100_000, {UNPARSED: "[" * 100_000}),
        ('{"n":123456789012345678901234567890}', {"n": 123456789012345678901234567890}),
    ],
    ids=range(19),
)
def test_what_was_meant(arguments: str, meant: dict[str, Any]) -> None:
    assert repaired(arguments) == meant
    assert json.loads(written(repaired(arguments))) == meant


@pytest.mark.parametrize("break_it", [lambda t: t[:-1], lambda t: t[:-1] + ",}", lambda t: f"Sure:\n{t}\nDone."])
def test_a_small_slip_does_not_touch_a_long_text(break_it: Any) -> None:
    meant = {"file_path": "/a", "content": CODE}
    assert repaired(break_it(json.dumps(meant))) == meant


def test_what_is_too_long_to_guess_at_stays_readable() -> None:
    text = "{'a': '" + "x" * json_object.GUESSED_AT_MOST + "'}"
    assert repaired(text) == {UNPARSED: text}


@pytest.mark.parametrize("arguments", ['{"path": "/a" }', "{}", ""])
def test_good_arguments_stay_as_they_are(arguments: str) -> None:
    events: list[Event] = [started(), *([ToolArgumentsDelta(0, arguments)] if arguments else []), CALLED]
    assert enhanced(*events) == (events, [])


def test_bad_arguments_are_repaired_and_noted() -> None:
    events, notes = enhanced(started(), ToolArgumentsDelta(0, '{"path":"/a",}'), CALLED)
    assert events == [started(), ToolArgumentsDelta(0, '{"path":"/a"}'), CALLED]
    assert notes == [Fidelity.ARGUMENTS_REPAIRED]


def test_parallel_calls_are_kept_apart() -> None:
    events, _ = enhanced(
        started(0),
        ToolArgumentsDelta(0, '{"path":'),
        started(1),
        ToolArgumentsDelta(1, '{"path":"/b"'),
        ToolArgumentsDelta(0, '"/a",}'),
        CALLED,
    )
    assert [tool.input for tool in streamed(events).tool_calls] == [{"path": "/a"}, {"path": "/b"}]


def test_a_call_cut_off_by_the_limit_is_not_completed() -> None:
    half: list[Event] = [started(), ToolArgumentsDelta(0, '{"content":"half a fi'), MessageFinished("max_tokens")]
    assert enhanced(*half) == (half, [])


def test_a_whole_call_does_not_wait_for_what_follows() -> None:
    (edit,) = edits_of(CHAIN)
    arguments = ToolArgumentsDelta(0, '{"path":"/a"}')
    assert edit.feed([started(0), arguments]) == [started(0)]
    assert edit.feed([started(1)]) == [arguments, started(1)]
    assert edit.feed([ToolArgumentsDelta(0, "}")]) == []


def test_text_amid_a_call_waits_for_its_end() -> None:
    events, _ = enhanced(
        started(), ToolArgumentsDelta(0, '{"path":'), TextDelta("hm"), ToolArgumentsDelta(0, '"/a"}'), CALLED
    )
    parsed = streamed(events)
    assert [tool.input for tool in parsed.tool_calls] == [{"path": "/a"}]
    assert parsed.text == "hm"


def test_a_failed_answer_says_nothing_more() -> None:
    failed = StreamFailed(UpstreamError(ErrorKind.TRUNCATED, "over"))
    assert enhanced(started(), ToolArgumentsDelta(0, '{"a":'), failed)[0] == [started(), failed]


def test_much_text_amid_a_call_costs_no_arguments() -> None:
    (edit,) = edits_of(CHAIN)
    edit.feed([started(), ToolArgumentsDelta(0, '{"path":')])
    given = [event for _ in range(30) for event in edit.feed([TextDelta("x" * 100_000)])]
    before = [type(event) for event in given].index(ToolArgumentsDelta)
    assert sum(len(event.text) for event in given[:before] if isinstance(event, TextDelta)) < HELD_BACK_LIMIT


def test_a_call_that_is_held_is_not_complete() -> None:
    (edit,) = edits_of(CHAIN)
    assert edit.feed([ToolCallStarted(0, "call_0", "Write", complete=True)]) == [started()]


def test_endless_arguments_are_not_held() -> None:
    (edit,) = edits_of(CHAIN)
    piece = ToolArgumentsDelta(0, "x" * 100_000)
    edit.feed([started()])
    given = [event for _ in range(30) for event in edit.feed([piece])]
    assert sum(len(event.json) for event in given if isinstance(event, ToolArgumentsDelta)) == 3_000_000
    assert repair_arguments.HELD_AT_MOST < 3_000_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4), st.data())
def test_any_object_comes_through_unchanged(value: dict[str, Any], data: st.DataObject) -> None:
    arguments = json.dumps(value)
    call = make_call("openai_chat")
    events: list[Event] = [ThinkingDelta("hm"), started(), ToolArgumentsDelta(0, arguments), CALLED]
    assert through(edits_of(CHAIN, call), cut_at(events, sizes(data))) == events
    assert not call.notes


@given(st.text("{}[]\",:\\\n'ab01 tn/#u`", max_size=40))
def test_whatever_a_model_writes_becomes_an_object(text: str) -> None:
    for read in (repaired(text), repaired('{"a":' + text), repaired('{"a":"' + text)):
        assert isinstance(json.loads(written(read)), dict)
