"""The Claude Messages API, the upstream's side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.harness.script import Reply
from tests.harness.speakers.parts import Call, Part, Text, Thinking, sse


def claude_event(kind: str, **fields: Any) -> bytes:
    """One event of Claude's stream."""
    return sse({"type": kind, **fields}, kind)


def claude_start(input_tokens: int = 20, cache_read: int = 10, cache_write: int = 5, id: str = "msg_up") -> bytes:
    """message_start; the counts are disjoint, as Claude counts."""
    usage = {
        "input_tokens": input_tokens,
        "cache_read_input_tokens": cache_read,
        "cache_creation_input_tokens": cache_write,
        "output_tokens": 1,
    }
    message = {"id": id, "type": "message", "role": "assistant", "model": "claude-up", "content": []}
    return claude_event(
        "message_start", message={**message, "stop_reason": None, "stop_sequence": None, "usage": usage}
    )


def claude_block(index: int, block: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    """A whole content block with its deltas."""
    return b"".join(
        [
            claude_event("content_block_start", index=index, content_block=block),
            *(claude_event("content_block_delta", index=index, delta=delta) for delta in deltas),
            claude_event("content_block_stop", index=index),
        ]
    )


def claude_text(index: int, *texts: str) -> bytes:
    """A whole text block."""
    return claude_block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": t} for t in texts))


def claude_thinking(index: int, text: str, signature: str) -> bytes:
    """A whole thinking block."""
    return claude_block(
        index,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": text},
        {"type": "signature_delta", "signature": signature},
    )


def claude_tool(index: int, id: str, name: str, *fragments: str) -> bytes:
    """A whole tool_use block whose input comes in fragments."""
    return claude_block(
        index,
        {"type": "tool_use", "id": id, "name": name, "input": {}},
        *({"type": "input_json_delta", "partial_json": fragment} for fragment in fragments),
    )


def claude_end(stop_reason: str = "end_turn", output_tokens: int = 7) -> bytes:
    """message_delta and message_stop."""
    return claude_event(
        "message_delta",
        delta={"stop_reason": stop_reason, "stop_sequence": None},
        usage={"output_tokens": output_tokens},
    ) + claude_event("message_stop")


def claude_answer(text: str = "Hello there") -> Reply:
    """A whole short answer: 20 fresh, 10 cached and 5 written tokens in, 7 out."""
    return Reply([claude_start(), claude_text(0, text), claude_end()])


class ClaudeSpeaker:
    """Claude itself; thinking is signed."""

    content_type = "text/event-stream"
    prefix = ""
    counts = (20, 10, 7)

    def whole(self, parts: Sequence[Part], finish: str = "") -> list[bytes]:
        """A block for each part."""
        sent = [claude_start()]
        for index, part in enumerate(parts):
            match part:
                case Thinking(text):
                    sent.append(claude_thinking(index, text, "c2lnbmF0dXJl"))
                case Text(pieces):
                    sent.append(claude_text(index, *pieces))
                case Call(name, pieces, id):
                    # Claude begins with an empty fragment, also where no other follows.
                    sent.append(claude_tool(index, id or f"toolu_up_{index}", name, "", *pieces))
        calls = any(isinstance(part, Call) for part in parts)
        return [*sent, claude_end("max_tokens" if finish == "length" else "tool_use" if calls else "end_turn")]

    def opening(self, text: str) -> bytes:
        """message_start and an open text block."""
        start = claude_event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        return claude_start() + start + self.more(text)

    def more(self, text: str) -> bytes:
        """A text_delta."""
        return claude_event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})

    def closing(self) -> bytes:
        """The block's stop and the end."""
        return claude_event("content_block_stop", index=0) + claude_end()

    def failure(self, message: str) -> bytes:
        """An error event."""
        return claude_event("error", error={"type": "overloaded_error", "message": message})

    def refusal(self, status: int, message: str, code: str) -> Any:
        """Claude's error object."""
        return {"type": "error", "error": {"type": code or "some_error", "message": message}}

    def overflow(self) -> tuple[str, str]:
        """The words that its clients act on."""
        return "prompt is too long: 130001 tokens > 128000 maximum", "invalid_request_error"

    def tool_names(self, body: Any) -> list[str]:
        """All tools."""
        return [tool["name"] for tool in body["tools"]]

    def results(self, body: Any) -> list[str]:
        """The tool_result blocks."""
        blocks = [b for entry in body["messages"] if isinstance(entry["content"], list) for b in entry["content"]]
        return [json.dumps(block["content"]) for block in blocks if block["type"] == "tool_result"]
