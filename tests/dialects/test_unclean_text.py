"""Text that is not quite text (halves of a surrogate pair, bytes that are no UTF-8) is joined or replaced, and the
answer goes on: in every dialect."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from providers.dialects import DIALECTS
from providers.errors import ErrorKind
from providers.events import StreamFailed
from streaming.encoding.encoder import Encoder
from streaming.ingress.claude.message import MessageFold
from tests.claude.claude_events import body, start, stop, text, thinking
from tests.claude.claude_stream import ParsedStream, check_stream
from tests.claude.wire import TYPES, claude_stream, decode, make_call

# Places of the pieces in the bodies below: strings that json.dumps leaves alone.
PIECES = ("(one)", "(two)")


def sse(*documents: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(document).encode() + b"\n\n" for document in documents)


def claude(one: str, two: str, kind: str) -> bytes:
    make = text if kind == "text" else thinking
    return body(start(0, kind), make(0, one), make(0, two), stop(0), reason="end_turn")


def chat(one: str, two: str, kind: str) -> bytes:
    field = "content" if kind == "text" else "reasoning_content"
    chunks = [{"choices": [{"delta": {field: piece}}]} for piece in (one, two)]
    return sse(*chunks, {"choices": [{"delta": {}, "finish_reason": "stop"}]}) + b"data: [DONE]\n\n"


def responses(one: str, two: str, kind: str) -> bytes:
    name = "response.output_text.delta" if kind == "text" else "response.reasoning_summary_text.delta"
    end = {"type": "response.completed", "response": {"status": "completed"}}
    return sse(*({"type": name, "output_index": 0, "delta": piece} for piece in (one, two)), end)


def gemini(one: str, two: str, kind: str) -> bytes:
    parts = [{"text": piece} | ({} if kind == "text" else {"thought": True}) for piece in (one, two)]
    chunks: list[dict[str, Any]] = [{"candidates": [{"content": {"parts": [part]}}]} for part in parts]
    return sse(*chunks, {"candidates": [{"finishReason": "STOP"}]})


def ollama(one: str, two: str, kind: str) -> bytes:
    field = "content" if kind == "text" else "thinking"
    lines = [{"message": {field: piece}} for piece in (one, two)]
    return b"".join(json.dumps(line).encode() + b"\n" for line in (*lines, {"done": True, "done_reason": "stop"}))


BODIES: dict[str, Callable[[str, str, str], bytes]] = {
    "anthropic": claude,
    "openai_chat": chat,
    "openai_responses": responses,
    "gemini": gemini,
    "ollama": ollama,
}


def relayed(dialect: str, one: bytes, two: bytes, kind: str = "text") -> ParsedStream:
    """What a client gets of an answer in two pieces, which are put into its JSON as they are."""
    sent = BODIES[dialect](*PIECES, kind)
    sent = sent.replace(PIECES[0].encode(), one).replace(PIECES[1].encode(), two)
    content_type = TYPES["ndjson" if dialect == "ollama" else "sse"]
    whole = claude_stream(decode(make_call(dialect), [sent], content_type))
    assert whole == claude_stream(
        decode(make_call(dialect), [sent[at : at + 1] for at in range(len(sent))], content_type)
    )
    return check_stream(whole)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", ["text", "thinking"])
@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        # https://github.com/elie222/rakazo/issues/416 (2026-08-30): an emoji cut into its escaped halves.
        (rb"Hi \ud83d", rb"\ude00 there", "Hi \U0001f600 there"),
        (rb"\ud83d", rb"\udc80", "\U0001f480"),
        # No other half.
        (rb"Hi \ud83d", rb" there", "Hi \ufffd there"),
        (rb"Hi", rb"\ude00 there", "Hi\ufffd there"),
        (rb"a\ud83db", rb"c\ude00d", "a\ufffdbc\ufffdd"),
        (rb"Hi ", rb"there \ud83d", "Hi there \ufffd"),
        (rb"\ud83d", rb"\ud83d\ude00", "\ufffd\U0001f600"),
        # A character cut into its bytes.
        (b"\xe4\xbd", b"\xa0!", "\u4f60!"),
        (b"a\xf0\x9f", b"\x98\x80", "a\U0001f600"),
        # Bytes that are none.
        (b"a\xffb", b"c", "a\ufffdbc"),
        (b"a\xe4", b"bc", "a\ufffdbc"),
        (b"a", b"b\xe4\xbd", "ab\ufffd"),
    ],
)
def test_halves_are_joined_or_replaced(dialect: str, kind: str, one: bytes, two: bytes, expected: str) -> None:
    made = relayed(dialect, one, two, kind)
    assert (made.text if kind == "text" else made.thinking) == expected
    assert made.stop_reason == "end_turn"


def test_halves_inside_arguments() -> None:
    call = {"index": 0, "id": "call_1", "function": {"name": "f", "arguments": ""}}
    chunks = [{"choices": [{"delta": {"tool_calls": [call]}}]}]
    for piece in ('{"a":"(one)', '(two)"}'):
        chunks.append({"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}}]})
    sent = sse(*chunks, {"choices": [{"delta": {}, "finish_reason": "tool_calls"}]})
    sent = sent.replace(b"(one)", rb"\ud83d").replace(b"(two)", rb"\ude00")
    events = decode(make_call("openai_chat"), [sent])
    assert check_stream(claude_stream(events)).tool_calls[0].input == {"a": "\U0001f600"}


@pytest.mark.parametrize("half", [rb"\ud83d", b"\xe4"])
def test_arguments_ids_and_names_that_are_no_text(half: bytes) -> None:
    """The same in places that are no piece of a longer text."""
    part = {
        "functionCall": {"id": "c(one)", "name": "f(one)", "args": {"a(one)": ["b(one)"]}},
        "thoughtSignature": "(one)",
    }
    google = sse({"responseId": "(one)", "candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]})
    tool = {"function": {"name": "f(one)", "arguments": {"a(one)": ["b(one)"]}}}
    local = json.dumps({"message": {"tool_calls": [tool]}, "done": True}).encode() + b"\n"
    for dialect, sent in (("gemini", google), ("ollama", local)):
        events = decode(make_call(dialect), [sent.replace(b"(one)", half)])
        (made,) = check_stream(claude_stream(events)).tool_calls
        assert (made.name, made.input) == ("f\ufffd", {"a\ufffd": ["b\ufffd"]})


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_error_whose_words_are_no_text(dialect: str) -> None:
    sent = b'{"error":{"type":"overloaded_error","message":"Busy \\ud83d\xff"}}'
    sent = sent + b"\n" if dialect == "ollama" else b"data: " + sent + b"\n\n"
    last = decode(make_call(dialect), [sent])[-1]
    assert isinstance(last, StreamFailed)
    assert (last.error.kind, last.error.message) == (ErrorKind.OVERLOADED, "Busy \ufffd\ufffd")


def test_a_whole_message_of_a_claude_upstream() -> None:
    sent = b'{"type":"message","content":[{"type":"text","text":"a\\ud83d\xff"}],"stop_reason":"end_turn"}'
    fold = MessageFold()
    made = Encoder(fold, "msg_ours", "our-model", 50)
    made.feed(decode(make_call("anthropic"), [sent], "application/json"))
    made.finish()
    assert fold.message()["content"] == [{"type": "text", "text": "a\ufffd\ufffd"}]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_no_json_is_still_malformed(dialect: str) -> None:
    sent = b'{"a": \\ud83d}'
    sent = sent + b"\n" if dialect == "ollama" else b"data: " + sent + b"\n\n"
    last = decode(make_call(dialect), [sent + b"data: {}\n\n"])[-1]
    assert isinstance(last, StreamFailed)
    assert last.error.kind is ErrorKind.MALFORMED
