"""Short words for the events that the encoder's tests are made of, and for what becomes of them."""

from __future__ import annotations

import json
from typing import Any

from providers.events import (
    Event,
    MessageFinished,
    MessageStarted,
    NativeBlockDelta,
    NativeBlockStarted,
    NativeBlockStopped,
    TextDelta,
    ThinkingDelta,
    ThinkingSignature,
    ToolArgumentsDelta,
    ToolCallStarted,
)
from streaming.encoding.encoder import Encoder
from streaming.ingress.claude.frames import SseSink
from tests.claude.claude_stream import ParsedStream, check_stream
from tests.claude.parsed_stream import DELTA_FIELDS


def encoder(input_estimate: int = 50) -> Encoder:
    return Encoder(SseSink(), "msg_ours", "our-model", input_estimate)


def whole(*events: Event, stop_reason: str | None = "end_turn") -> ParsedStream:
    """The stream of one answer, judged."""
    made = encoder()
    body = made.feed([MessageStarted(), *events, *([MessageFinished(stop_reason)] if stop_reason else [])])
    return check_stream(body + made.finish())


def outline(stream: ParsedStream) -> list[str]:
    """The blocks as `kind:delta|delta`, a signature in brackets."""
    shown = []
    for block in stream.blocks:
        deltas = [
            f"[{delta['signature']}]" if delta["type"] == "signature_delta" else str(delta[DELTA_FIELDS[delta["type"]]])
            for delta in block.deltas
        ]
        shown.append(f"{block.start.get('name', block.type)}:{'|'.join(deltas)}")
    return shown


def call(key: int, name: str) -> ToolCallStarted:
    return ToolCallStarted(key, f"toolu_{name}", name)


def args(key: int, text: str) -> ToolArgumentsDelta:
    return ToolArgumentsDelta(key, text)


T, K, S = TextDelta, ThinkingDelta, ThinkingSignature


def native(index: int, kind: str, **block: Any) -> NativeBlockStarted:
    event = {"type": "content_block_start", "index": index, "content_block": {"type": kind, **block}}
    return NativeBlockStarted(index, kind, json.dumps(event).encode())


def native_delta(index: int, **delta: Any) -> NativeBlockDelta:
    event = {"type": "content_block_delta", "index": index, "delta": delta}
    return NativeBlockDelta(index, json.dumps(event).encode())


def native_text(index: int, text: str) -> NativeBlockDelta:
    return native_delta(index, type="text_delta", text=text)


def native_stop(index: int) -> NativeBlockStopped:
    return NativeBlockStopped(index, json.dumps({"type": "content_block_stop", "index": index}).encode())
