"""What the encoder leaves as a Claude upstream said it, and the little that it changes."""

from __future__ import annotations

from typing import Any

import pytest

from providers.events import (
    MessageFinished,
    MessageStarted,
    NativeBlockDelta,
    Tokens,
)
from streaming.ingress.claude.frames import with_index
from tests.claude.claude_stream import check_stream, read_events
from tests.claude.encoding import T, encoder, native, native_stop


def test_native_bytes_are_untouched_unless_their_index_moves() -> None:
    odd = (
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\\u00e9","n":1.50}, "x" : null}'
    )
    made = encoder()
    assert odd in made.feed([native(0, "text", text=""), NativeBlockDelta(0, odd)])
    moved = encoder()
    body = moved.feed([T("a"), native(0, "text", text=""), NativeBlockDelta(0, odd)])
    assert odd.replace(b'"index":0', b'"index":1') in body
    lines = encoder().feed([native(0, "hologram"), NativeBlockDelta(0, odd.replace(b", ", b",\r\n"))])
    assert odd.replace(b", ", b",  ") in lines


@pytest.mark.parametrize(
    ("raw", "moved"),
    [
        (b'{"type":"a","index":3,"b":"index\\":3"}', b'{"type":"a","index":12,"b":"index\\":3"}'),
        (b'{ "type" : "a" , "index" : 3 }', b'{ "type" : "a" , "index" : 12 }'),
        (b'{"b":{"index":3,"c":1.50},"index":3}', b'{"b":{"index":3,"c":1.50},"index":12}'),
        (b'{"type":"a","index":3.0}', b'{"type":"a","index":12}'),
    ],
)
def test_an_index_is_moved_without_touching_anything_else(raw: bytes, moved: bytes) -> None:
    assert with_index(raw, 12) == moved


def test_a_native_message_keeps_all_but_the_model() -> None:
    theirs: dict[str, Any] = {
        "id": "msg_theirs",
        "model": "theirs",
        "role": "assistant",
        "type": "message",
        "shiny": [1],
        "content": [],
    }
    theirs |= {"stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 4, "output_tokens": 1, "x": None}}
    (event,) = read_events(encoder().feed([MessageStarted(native=theirs, tokens=Tokens(input=4, output=1))]))
    assert event["message"] == {**theirs, "model": "our-model"}


def test_what_an_imitation_of_claude_leaves_out_is_filled_in() -> None:
    made = encoder()
    start = MessageStarted(
        native={"id": "", "content": [{"type": "text", "text": "?"}], "usage": {"input_tokens": None}}
    )
    end = MessageFinished("end_turn", native={"type": "message_delta", "delta": {"stop_reason": "end_turn"}})
    stream = check_stream(made.feed([start, T("a"), end]) + made.finish())
    assert stream.message is not None
    assert stream.message["id"] == "msg_ours"
    assert stream.usage == {"input_tokens": 50, "output_tokens": 1}


def test_a_claude_upstreams_end_keeps_its_members_and_fits_the_content() -> None:
    delta = {"stop_reason": "end_turn", "stop_sequence": None, "aura": 1}
    finish = MessageFinished("end_turn", native={"type": "message_delta", "delta": delta, "top": 2})
    made = encoder()
    made.feed([MessageStarted(), native(0, "text", text="a"), native_stop(0), finish])
    end = read_events(made.finish())[0]
    assert (end["delta"], end["top"]) == (delta, 2)
    # Servers that imitate Claude say end_turn beside a call, and clients run tools by the stop reason.
    tool = native(0, "tool_use", id="toolu_1", name="f", input={})
    made = encoder()
    made.feed([MessageStarted(), tool, native_stop(0), finish])
    end = read_events(made.finish())[0]
    assert (end["delta"], end["top"]) == ({**delta, "stop_reason": "tool_use"}, 2)
