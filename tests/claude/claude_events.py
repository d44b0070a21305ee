"""A Claude upstream's events, and the bytes of an answer made of them."""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]
USAGE = {"input_tokens": 9, "output_tokens": 1}
STOP = {"type": "message_stop"}


def start(index: int, kind: str, **fields: Any) -> Json:
    empty: Json = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}}.get(kind, {"input": {}})
    return {"type": "content_block_start", "index": index, "content_block": {"type": kind, **empty, **fields}}


def tool(index: int, name: str) -> Json:
    return start(index, "tool_use", id=f"toolu_{name}", name=name)


def delta(index: int, kind: str, **fields: Any) -> Json:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def text(index: int, piece: str) -> Json:
    return delta(index, "text_delta", text=piece)


def thinking(index: int, piece: str) -> Json:
    return delta(index, "thinking_delta", thinking=piece)


def signature(index: int, value: str) -> Json:
    return delta(index, "signature_delta", signature=value)


def args(index: int, piece: str) -> Json:
    return delta(index, "input_json_delta", partial_json=piece)


def stop(index: int) -> Json:
    return {"type": "content_block_stop", "index": index}


def body(*events: Json, reason: str = "tool_use") -> bytes:
    """A whole answer of these block events."""
    end = {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": USAGE}
    return stream(opening(), *events, end, STOP)


def opening(**message: Any) -> Json:
    """A message_start."""
    return {"type": "message_start", "message": {"id": "msg_1", "model": "m", "content": [], "usage": USAGE} | message}


def stream(*events: Json) -> bytes:
    """The bytes of these events alone."""
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)
