"""What a client makes of a Claude stream: its blocks put together, its usage, how it ended. It judges nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

DELTA_FIELDS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": "partial_json",
}


@dataclass
class Block:
    """One content block, put together from its deltas; `json` is its input as it came."""

    start: dict[str, Any]
    deltas: list[dict[str, Any]] = field(default_factory=list)
    closed: bool = False

    @property
    def type(self) -> str:
        return str(self.start["type"])

    def joined(self, delta_type: str) -> str:
        """The strings of all deltas of one type, one after the other."""
        name = DELTA_FIELDS[delta_type]
        return "".join(delta[name] for delta in self.deltas if delta["type"] == delta_type)

    @property
    def text(self) -> str:
        return str(self.start.get("text", "")) + self.joined("text_delta")

    @property
    def thinking(self) -> str:
        return str(self.start.get("thinking", "")) + self.joined("thinking_delta")

    @property
    def signature(self) -> str:
        return str(self.start.get("signature", "")) + self.joined("signature_delta")

    @property
    def json(self) -> str:
        return self.joined("input_json_delta")


@dataclass(frozen=True)
class ToolCall:
    """A tool call as a client sees it."""

    id: str
    name: str
    input: Any


@dataclass
class ParsedStream:
    """What a client makes of a stream. `events` are the JSON payloads in order, pings among them; `error` is the
    error object of an error event: its type and message."""

    events: list[dict[str, Any]] = field(default_factory=list)
    message: dict[str, Any] | None = None
    blocks: list[Block] = field(default_factory=list)
    usage: dict[str, Any] = field(default_factory=dict)
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    complete: bool = False

    @property
    def text(self) -> str:
        return "".join(block.text for block in self.blocks if block.type == "text")

    @property
    def thinking(self) -> str:
        return "".join(block.thinking for block in self.blocks if block.type == "thinking")

    @property
    def tool_calls(self) -> list[ToolCall]:
        return [
            ToolCall(block.start["id"], block.start["name"], json.loads(block.json or "{}"))
            for block in self.blocks
            if block.type == "tool_use"
        ]

    @property
    def types(self) -> list[str]:
        """The events' types in order."""
        return [event["type"] for event in self.events]
