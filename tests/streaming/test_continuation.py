"""A continued answer: the request that asks for it, and one legal stream out of two."""

from __future__ import annotations

from typing import Any

import pytest

from providers.events import (
    Event,
    MessageFinished,
    MessageStarted,
    Ping,
    Tokens,
    TokensReported,
)
from providers.translation import EditedDecoder
from streaming.attempts.continuation import Continuation, Transcript, continuation
from streaming.attempts.continuation.request import ASK
from streaming.attempts.continuation.splice import Overlap, Splice
from streaming.encoding.encoder import Encoder
from streaming.ingress.claude.frames import SseSink
from tests.claude.claude_stream import ParsedStream, check_stream
from tests.claude.encoding import K, S, T, args, call, native, native_delta, native_stop, native_text, outline

BODY: dict[str, Any] = {"model": "m", "max_tokens": 1000, "messages": [{"role": "user", "content": "Tell."}]}


def text_block(index: int, *texts: str) -> list[Any]:
    """A Claude upstream's complete block of text."""
    return [native(index, "text", text=""), *(native_text(index, text) for text in texts), native_stop(index)]


class Broken:
    """An answer that was interrupted; another attempt continues it."""

    def __init__(self, *events: Event, started: MessageStarted | None = None) -> None:
        self.transcript = Transcript(SseSink())
        self.encoder = Encoder(self.transcript, "msg_ours", "our-model", 50)
        self.raw = self.encoder.feed([started or MessageStarted(tokens=Tokens(input=20)), *events])

    def continued(self, *events: Event, started: MessageStarted | None = None) -> ParsedStream:
        """Returns the complete stream, checked."""
        texts = self.transcript.open_text()
        assert texts is not None
        self.encoder.resume()
        splice = Splice(Overlap("".join(texts), exact=False))
        self.raw += self.encoder.feed(splice.feed([started or MessageStarted(tokens=Tokens(input=30)), *events]))
        return check_stream(self.raw + self.encoder.finish())


END = MessageFinished("end_turn")


@pytest.mark.parametrize(
    "first",
    [
        [T("Half an ")],
        text_block(0, "Half ", "an ")[:-1],
        [K("Hm."), S("sig"), T("Half an ")],
    ],
)
@pytest.mark.parametrize(
    "second",
    [
        [T("ans"), T("wer."), END],
        [K("Hm."), S("sig"), T("answer."), END],
        [Ping(), *text_block(0, "ans", "wer."), END],
    ],
)
def test_the_client_sees_one_block_from_any_two_upstreams(first: list[Event], second: list[Event]) -> None:
    stream = Broken(*first).continued(*second)
    assert (stream.text, stream.stop_reason) == ("Half an answer.", "end_turn")
    assert [block.type for block in stream.blocks][-1:] == ["text"]
    assert sum(block.type == "text" for block in stream.blocks) == 1


def test_a_native_upstreams_thinking_before_the_text_is_left_out() -> None:
    thinking: list[Event] = [
        native(0, "thinking"),
        native_delta(0, type="thinking_delta", thinking="Hm."),
        native_stop(0),
    ]
    stream = Broken(T("Half an ")).continued(*thinking, *text_block(1, "answer."), END)
    assert outline(stream) == ["text:Half an |answer."]


def test_what_follows_the_text_comes_as_it_is() -> None:
    stream = Broken(T("I shall ")).continued(T("look."), call(0, "Read"), args(0, "{}"), MessageFinished("tool_use"))
    assert [block.type for block in stream.blocks] == ["text", "tool_use"]
    assert stream.stop_reason == "tool_use"
    stream = Broken(T("I shall ")).continued(*text_block(0, "look."), *text_block(1, "Second."), END)
    assert outline(stream) == ["text:I shall |look.", "text:Second."]


def test_an_answer_that_was_complete_except_for_its_end() -> None:
    assert Broken(T("All of it.")).continued(END).text == "All of it."
    assert Broken(T("All of it.")).continued(T("All of "), END).text == "All of it.All of "


def test_the_usage_is_one_prompt_and_both_outputs() -> None:
    broken = Broken(T("x" * 40))
    stream = broken.continued(T("y"), TokensReported(Tokens(input=31, output=5)), END)
    assert stream.message is not None
    assert stream.message["usage"]["input_tokens"] == 20
    assert stream.events[-2]["usage"] == {"output_tokens": 15, "input_tokens": 20}
    # The attempt's own counts are its own.
    assert broken.encoder.tokens == Tokens(input=31, output=5)
    assert broken.encoder.estimated().output == 5


def test_the_counts_of_a_claude_upstream_are_not_those_of_the_complete_answer() -> None:
    usage = {"input_tokens": 31, "output_tokens": 5, "server_tool_use": {"web_search_requests": 0}}
    native_end = MessageFinished("end_turn", native={"delta": {"stop_reason": "end_turn"}, "usage": usage})
    start = MessageStarted(
        tokens=Tokens(input=20, cache_read=3), native={"usage": {"input_tokens": 20, "cache_read_input_tokens": 3}}
    )
    stream = Broken(*text_block(0, "x" * 40)[:-1], started=start).continued(
        *text_block(0, "y"), TokensReported(Tokens(input=31, output=5)), native_end
    )
    usage = stream.events[-2]["usage"]
    assert usage.keys() == {"output_tokens", "server_tool_use"}
    # The size of a native delta is a guess.
    assert 15 <= usage["output_tokens"] <= 17


@pytest.mark.parametrize(
    "events",
    [
        [],
        [T(" ")],
        [K("Hm.")],
        [T("Let me see."), call(0, "Read")],
        [call(0, "Read"), args(0, "{}"), T("and then")],
        text_block(0, "Whole."),
        [native(0, "text", text="")],
        [native(0, "server_tool_use"), native_stop(0), T("Found")],
    ],
)
def test_what_cannot_be_continued(events: list[Event]) -> None:
    assert Broken(*events).transcript.open_text() is None


def test_thinking_that_is_over_is_left_out_and_texts_stay_apart() -> None:
    broken = Broken(K("Hm."), S("sig"), *text_block(0, "One."), T("Two"))
    assert broken.transcript.open_text() == ["One.", "Two"]


def test_a_model_with_prefill_gets_the_beginning() -> None:
    asked = Continuation(BODY, ["One.", "Two is \n"]).request(prefill=True)
    assert asked["messages"] == [
        *BODY["messages"],
        {"role": "assistant", "content": [{"type": "text", "text": "One."}, {"type": "text", "text": "Two is"}]},
    ]


def test_a_model_without_prefill_is_asked_for_more() -> None:
    asked = Continuation(BODY, ["x" * 400]).request(prefill=False)
    assert [message["role"] for message in asked["messages"]] == ["user", "assistant", "user"]
    assert asked["messages"][-1]["content"] == ASK
    assert asked["max_tokens"] == 900
    assert BODY["messages"] == [{"role": "user", "content": "Tell."}]


def test_a_model_that_thinks_gets_no_beginning() -> None:
    body = {**BODY, "thinking": {"type": "enabled", "budget_tokens": 950}}
    asked = Continuation(body, ["x" * 400]).request(prefill=True)
    assert asked["messages"][-1]["content"] == ASK
    assert asked["max_tokens"] == 951
    off = {**BODY, "thinking": {"type": "disabled"}}
    assert Continuation(off, ["x"]).request(prefill=True)["messages"][-1]["role"] == "assistant"


def test_a_beginning_of_the_clients_own_stays_the_beginning() -> None:
    body = {**BODY, "messages": [*BODY["messages"], {"role": "assistant", "content": "{"}]}
    asked = Continuation(body, ['"a": ']).request(prefill=True)
    assert asked["messages"][1:] == [{"role": "assistant", "content": [{"type": "text", "text": '{"a":'}]}]


@pytest.mark.parametrize(
    "fields",
    [{"output_config": {"format": {"type": "json_schema"}}}, {"output_format": {"type": "json_schema"}}],
)
def test_an_answer_under_a_schema_is_not_continued(fields: dict[str, Any]) -> None:
    assert continuation(BODY, ["x"]) is not None
    assert continuation({**BODY, "output_config": {"effort": "low"}}, ["x"]) is not None
    assert continuation({**BODY, **fields}, ["x"]) is None
    assert continuation(BODY, None) is None
    assert continuation(None, ["x"]) is None


def test_a_failure_lets_go_of_what_was_held_back() -> None:
    splice = Splice(Overlap("repeat this", exact=False))
    assert splice.feed([T("repeat")]) == []
    assert splice.feed([END]) == [T("repeat"), END]
    assert splice.feed([T("on")]) == [T("on")]


def test_it_is_an_edit_like_any_other() -> None:
    class Fixed:
        def feed(self, data: bytes) -> list[Event]:
            return [T(data.decode())]

        def close(self) -> list[Event]:
            return [END]

    decoder = EditedDecoder(Fixed(), [Splice(Overlap("one two three", exact=False))])
    assert decoder.feed(b"one two three four") == [T(" four")]
    assert decoder.close() == [END]
