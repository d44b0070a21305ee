"""The answer in one piece: the exact shape of a Claude message, and every field of a Claude upstream in it."""

from __future__ import annotations

from typing import Any

import pytest

from providers.events import Event, MessageFinished, MessageStarted, Tokens, TokensReported
from streaming.encoding.encoder import Encoder
from streaming.ingress.claude.message import MessageFold
from tests.claude.encoding import K, S, T, args, call, native, native_delta, native_stop


def folded(*events: Event) -> dict[str, Any]:
    fold = MessageFold()
    encoder = Encoder(fold, "msg_ours", "our-model", 50)
    assert encoder.feed(events) == b""
    assert encoder.finish() == b""
    assert encoder.finished
    return fold.message()


def block(*events: Event) -> dict[str, Any]:
    """The one block that the events fold into."""
    (only,) = folded(*events, MessageFinished("end_turn"))["content"]
    assert isinstance(only, dict)
    return only


def test_the_shape_of_a_message() -> None:
    tokens = Tokens(input=20, cache_read=10, output=7)
    events: list[Event] = [
        K("Hm"),
        K("."),
        S("sig"),
        T("Hel"),
        T("lo"),
        call(0, "f"),
        args(0, '{"a":'),
        args(0, " [1]}"),
    ]
    assert folded(*events, MessageFinished("tool_use"), TokensReported(tokens)) == {
        "id": "msg_ours",
        "type": "message",
        "role": "assistant",
        "model": "our-model",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "sig"},
            {"type": "text", "text": "Hello"},
            {"type": "tool_use", "id": "toolu_f", "name": "f", "input": {"a": [1]}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 20,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 10,
            "output_tokens": 7,
        },
    }


def test_a_message_without_content() -> None:
    assert folded(MessageFinished("end_turn"))["content"] == []


@pytest.mark.parametrize(
    ("text", "tool_input"),
    [
        ("", {}),
        ("{}", {}),
        ('{"a":', {"__unparsedToolInput": '{"a":'}),
        ("[1]", {"__unparsedToolInput": "[1]"}),
        ("null", {}),
        ('{"a":"\\ud83d"}', {"a": "\ufffd"}),
        ('{"a":123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
    ],
)
def test_tool_input_is_an_object_whatever_the_upstream_wrote(text: str, tool_input: dict[str, Any]) -> None:
    """Of an answer that was cut; no other one ends with arguments that are none."""
    message = folded(call(0, "f"), args(0, text), MessageFinished("max_tokens"))
    assert message["content"][0]["input"] == tool_input


def test_a_refusal_says_why() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "No."}
    message = folded(T("I"), MessageFinished("refusal", stop_details=details))
    assert (message["stop_reason"], message["stop_details"]) == ("refusal", details)


def test_native_fields_survive_in_blocks() -> None:
    start = native(0, "hologram", beams=[1], caption=None, title="A ", angle=2)
    deltas = [
        native_delta(0, type="hologram_delta", caption="x", title="b", angle=3),
        native_delta(0, type="hologram_delta", caption="y", note="new"),
        native_delta(0, type="hologram_delta", beams="not a list"),
    ]
    assert block(start, *deltas, native_stop(0)) == {
        "type": "hologram",
        "beams": [1],
        "caption": "xy",
        "title": "A b",
        "note": "new",
        "angle": 2,
    }


def test_native_citations_are_listed() -> None:
    cited = [native_delta(0, type="citations_delta", citation={"cited_text": text}) for text in "ab"]
    text = native_delta(0, type="text_delta", text="Grass")
    kinds: list[dict[str, Any]] = [{}, {"citations": None}, {"citations": []}]
    for before in kinds:
        folded_block = block(native(0, "text", text="", **before), text, *cited, native_stop(0))
        assert folded_block["citations"] == [{"cited_text": "a"}, {"cited_text": "b"}]


def test_native_input_is_parsed_and_one_that_came_whole_is_kept() -> None:
    start = native(0, "server_tool_use", id="srvtoolu_1", name="web_search", input={})
    piece = native_delta(0, type="input_json_delta", partial_json='{"query": "x"}')
    assert block(start, piece, native_stop(0))["input"] == {"query": "x"}
    inline = native(0, "tool_use", id="toolu_1", name="f", input={"a": 1})
    assert block(inline, native_stop(0))["input"] == {"a": 1}


def test_a_native_end_is_laid_over_the_message() -> None:
    theirs = {"id": "msg_theirs", "container": {"id": "c1"}, "shiny": 1}
    usage = {"input_tokens": 9, "output_tokens": 1, "service_tier": "standard", "cache_read_input_tokens": 4}
    end = {
        "type": "message_delta",
        "delta": {"stop_reason": "pause_turn", "stop_sequence": None, "container": None, "aura": "blue"},
        "usage": {"output_tokens": 5, "cache_read_input_tokens": None, "server_tool_use": {"web_search_requests": 1}},
        "context_management": {"applied_edits": []},
    }
    message = folded(MessageStarted(native={**theirs, "usage": usage}), MessageFinished("pause_turn", native=end))
    assert message["usage"] == {**usage, "output_tokens": 5, "server_tool_use": {"web_search_requests": 1}}
    assert message["container"] == {"id": "c1"}
    assert (message["id"], message["shiny"], message["aura"], message["stop_reason"]) == (
        "msg_theirs",
        1,
        "blue",
        "pause_turn",
    )
    assert message["context_management"] == {"applied_edits": []}
