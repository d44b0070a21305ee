"""A tool call leaves with a JSON object for its arguments, or the answer ends in an error: in every dialect, in both
forms of an answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from providers.dialects.contract import Call
from providers.errors import ErrorKind
from providers.events import Event
from providers.fidelity import Fidelity
from providers.framing.arguments import ArgumentText
from streaming.encoding.encoder import Encoder
from streaming.ingress.claude.frames import SseSink
from streaming.ingress.claude.message import MessageFold
from tests.claude.claude_events import args, body, stop, tool
from tests.claude.claude_stream import check_stream
from tests.claude.wire import TYPES, decode, make_call


def claude(pieces: Sequence[str], reason: str) -> bytes:
    deltas = [args(0, piece) for piece in pieces]
    return body(tool(0, "f"), *deltas, stop(0), reason=reason)


def chat(pieces: Sequence[str], reason: str) -> bytes:
    calls: list[dict[str, Any]] = [{"index": 0, "id": "call_1", "function": {"name": "f", "arguments": ""}}]
    calls += [{"index": 0, "function": {"arguments": piece}} for piece in pieces]
    chunks: list[Any] = [{"choices": [{"delta": {"tool_calls": [call]}}]} for call in calls]
    finish = "length" if reason == "max_tokens" else "tool_calls"
    chunks.append({"choices": [{"delta": {}, "finish_reason": finish}]})
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"


def responses(pieces: Sequence[str], reason: str) -> bytes:
    item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": ""}
    status = "incomplete" if reason == "max_tokens" else "completed"
    events: list[dict[str, Any]] = [
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        *({"type": "response.function_call_arguments.delta", "output_index": 0, "delta": piece} for piece in pieces),
        {"type": f"response.{status}", "response": {"status": status, "output": []}},
    ]
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)


def ollama(pieces: Sequence[str], reason: str) -> bytes:
    call = {"function": {"name": "f", "arguments": "".join(pieces)}}
    line = {
        "message": {"tool_calls": [call]},
        "done": True,
        "done_reason": "length" if reason == "max_tokens" else "stop",
    }
    return json.dumps(line).encode() + b"\n"


DIALECTS: dict[str, Callable[[Sequence[str], str], bytes]] = {
    "anthropic": claude,
    "openai_chat": chat,
    "openai_responses": responses,
    "ollama": ollama,
}
a_dialect = pytest.mark.parametrize("dialect", DIALECTS)
a_form = pytest.mark.parametrize("form", ["streamed", "one message"])


def answer(dialect: str, pieces: Sequence[str], form: str, reason: str = "tool_use") -> tuple[list[Any], Encoder, Call]:
    """The inputs of the calls that a client gets."""
    call = make_call(dialect)
    events: list[Event] = decode(call, [DIALECTS[dialect](pieces, reason)], TYPES["sse"])
    sink = SseSink() if form == "streamed" else MessageFold()
    made = Encoder(sink, "msg_ours", "our-model", 50)
    sent = made.feed(events)
    sent += made.finish() if made.failed is None else made.fail("api_error", made.failed.message, "req_1")
    if isinstance(sink, MessageFold):
        return [block["input"] for block in sink.message()["content"]], made, call
    stream = check_stream(sent, complete=made.failed is None, parsable_tools=made.failed is None)
    return [call.input for call in stream.tool_calls] if made.failed is None else [], made, call


@a_dialect
@a_form
@pytest.mark.parametrize(
    ("pieces", "inputs"),
    [
        # https://github.com/microsoft/autogen/pull/7549 (2026-04-07), https://github.com/openai/openai-agents-js/pull/712
        (["{}", '{"a":', "1}"], [{"a": 1}]),
        (['{}{"a":1}'], [{"a": 1}]),
        (["{", "}", '{"a":1}'], [{"a": 1}]),
        # A missing brace, or two.
        (['{"a":1'], [{"a": 1}]),
        (['{"a":{"b":[1', ",2"], [{"a": {"b": [1, 2]}}]),
        # https://github.com/64bit/async-openai/pull/329 (2025-02-04)
        (['{"a":1}', '{"a":1}'], [{"a": 1}]),
        (['{"a": 1}\n', '{"a":1}', '{"a":1}'], [{"a": 1}]),
        # Two calls under one index.
        (['{"a":1}{"b":', "2}"], [{"a": 1}, {"b": 2}]),
        # Text around the object, line breaks in its strings, an object in a string or a list.
        (['{"a":1}', "</tool_call>"], [{"a": 1}]),
        (['{"a":1}}'], [{"a": 1}]),
        (['{"a":"x\ny\\n', '\tz"}'], [{"a": "x\ny\n\tz"}]),
        (['"{\\"a\\"', ':1}"'], [{"a": 1}]),
        (['[{"a":1}]'], [{"a": 1}]),
    ],
)  # fmt: skip
def test_what_costs_nothing_is_put_right(dialect: str, form: str, pieces: list[str], inputs: list[Any]) -> None:
    found, made, call = answer(dialect, pieces, form)
    assert (found, made.stop_reason, made.failed) == (inputs, "tool_use", None)
    assert made.arguments_repaired or Fidelity.ARGUMENTS_REPAIRED in call.notes


@pytest.mark.parametrize("dialect", ["anthropic", "openai_chat", "openai_responses"])
@a_form
def test_null_before_the_arguments_is_none(dialect: str, form: str) -> None:
    assert answer(dialect, ["null", '{"a":1}'], form)[0] == [{"a": 1}]


@a_dialect
@a_form
@pytest.mark.parametrize("text", ['{"a":1}', "{}", "", ' {"a": {"b": "}"}}', '{"a":"\\ud83d"}', '{"a":"\\\\","b":[]}'])
def test_a_good_text_passes_unnoted(dialect: str, form: str, text: str) -> None:
    found, made, call = answer(dialect, list(text), form)
    assert found == [json.loads(text or "{}")] or "\\ud83d" in text
    assert (len(found), made.stop_reason, made.failed, made.arguments_repaired) == (1, "tool_use", None, False)
    assert not call.notes


@a_dialect
@a_form
@pytest.mark.parametrize(
    "text", ['{"a":"half', "{a:1}", '{"a":[1}', "{{}]", "{]", '{"a":1}{"b":', "[1]", "ls -la", '{"a":1,']
)
def test_what_stays_no_object_is_no_tool_call(dialect: str, form: str, text: str) -> None:
    _, made, _ = answer(dialect, [text], form)
    assert made.failed is not None
    assert made.failed.kind is ErrorKind.MALFORMED
    assert "whose arguments are no JSON object" in made.failed.message
    assert not made.finished


@a_dialect
@a_form
@pytest.mark.parametrize("text", ['{"a":"half', '{"a":1', '{"a":1,'])
def test_an_answer_that_reached_its_limit_keeps_what_came(dialect: str, form: str, text: str) -> None:
    """Completing it could write half a file."""
    call = make_call(dialect)
    made = Encoder(MessageFold(), "msg_ours", "our-model", 50)
    events = decode(call, [DIALECTS[dialect]([text], "max_tokens")])
    assert made.feed(events) == b""
    made.finish()
    assert (made.stop_reason, made.failed, made.arguments_repaired) == ("max_tokens", None, False)
    stream = Encoder(SseSink(), "msg_ours", "our-model", 50)
    sent = check_stream(stream.feed(events) + stream.finish(), parsable_tools=False)
    assert [block.json for block in sent.blocks] == [text]


@pytest.mark.parametrize("given", ['{"a":1}', [{"a": 1}]])
def test_input_of_a_claude_upstream_that_is_the_text_of_an_object(given: Any) -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": given}
    document = {"type": "message", "content": [call], "stop_reason": "tool_use"}
    made = Encoder(MessageFold(), "msg_ours", "our-model", 50)
    made.feed(decode(make_call("anthropic"), [json.dumps(document).encode()], "application/json"))
    made.finish()
    assert made.stop_reason == "tool_use"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_a_text_is_read_the_same_however_it_is_cut(size: int) -> None:
    text = '{}{"a\\"}": "}\\\\", "b": [{"c": "\n"}, []]} {"d": 1} {"d": 1}'
    reader = ArgumentText()
    sent = "".join(reader.feed(text[at : at + size]) for at in range(0, len(text), size))
    last, others = reader.finish(cut=False)
    assert (sent + last).strip() == '{"a\\"}": "}\\\\", "b": [{"c": "\\n"}, []]}'
    assert others == ['{"d": 1}']


def test_more_arguments_for_a_call_that_is_over_are_no_object() -> None:
    made = Encoder(SseSink(), "msg_ours", "our-model", 50)
    body = chat(["{}"], "tool_use").replace(b"data: [DONE]\n\n", b"")
    second = {"index": 1, "id": "call_2", "function": {"name": "g", "arguments": '{"b":1}'}}
    late = {"index": 0, "function": {"arguments": '{"a":1}'}}
    body = body[: body.rindex(b"data:")]
    for call in (second, late):
        body += b"data: " + json.dumps({"choices": [{"delta": {"tool_calls": [call]}}]}).encode() + b"\n\n"
    made.feed(decode(make_call("openai_chat"), [body + b"data: [DONE]\n\n"]))
    assert made.failed is not None
