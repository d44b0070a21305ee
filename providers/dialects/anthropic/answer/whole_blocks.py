"""A block that comes in one piece, as the start and the deltas that a stream of it would have had."""

from __future__ import annotations

from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode


def is_block(block: Any) -> bool:
    """Whether it is a content block of any type."""
    return isinstance(block, dict) and isinstance(block.get("type"), str) and bool(block["type"])


def taken_apart(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A block as Claude starts it, and the deltas that fill it; types without deltas start whole, as from Claude."""
    deltas: list[dict[str, Any]] = []
    match block:
        case {"type": "text", "text": str(text)}:
            opened = {**block, "text": ""}
            if text:
                deltas.append({"type": "text_delta", "text": text})
            if isinstance(block.get("citations"), list):
                opened["citations"] = []
                deltas += ({"type": "citations_delta", "citation": citation} for citation in block["citations"])
            return opened, deltas
        case {"type": "thinking", "thinking": str(thinking)}:
            if thinking:
                deltas.append({"type": "thinking_delta", "thinking": thinking})
            deltas.append({"type": "signature_delta", "signature": block.get("signature") or ""})
            return {**block, "thinking": "", "signature": ""}, deltas
        case {"type": "tool_use" | "server_tool_use" | "mcp_tool_use", "input": dict(tool_input)}:
            deltas.append({"type": "input_json_delta", "partial_json": _encode(tool_input).decode()})
            return {**block, "input": {}}, deltas
    return block, deltas
