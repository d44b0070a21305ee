"""The top-level cache_control, for servers without automatic caching: it goes where Claude's own server would put it.

https://platform.claude.com/docs/en/build-with-claude/prompt-caching: on the last block that can have one; four marks at
most; nothing to do where that block has one already.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from providers.fidelity import Fidelity, Notes

_MOST = 4
_UNMARKED = frozenset({"thinking", "redacted_thinking", "tool_addition", "tool_removal"})


def move_to_last_block(body: dict[str, Any], mark: dict[str, Any], notes: Notes) -> None:
    """Marks the last block of the conversation; notes what became of the mark."""
    messages = body.get("messages")
    place = _last_block(messages) if isinstance(messages, list) else None
    if place is None or not isinstance(messages, list) or _marks(body) >= _MOST:
        notes.add(Fidelity.CACHE_CONTROL_DROPPED)
        return
    number, index = place
    message = messages[number]
    content = message["content"]
    if isinstance(content, str):
        blocks: list[Any] = [{"type": "text", "text": content}]
    else:
        blocks = [*content]
        if blocks[index].get("cache_control"):
            return
    blocks[index] = {**blocks[index], "cache_control": mark}
    body["messages"] = [*messages[:number], {**message, "content": blocks}, *messages[number + 1 :]]
    notes.add(Fidelity.CACHE_CONTROL_MOVED)


def _last_block(messages: list[Any]) -> tuple[int, int] | None:
    """The message's and the block's number; 0 for a string, which is one block."""
    for number in range(len(messages) - 1, -1, -1):
        message = messages[number]
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
            continue
        content = message.get("content")
        if isinstance(content, str) and content:
            return number, 0
        if isinstance(content, list):
            for index in range(len(content) - 1, -1, -1):
                if _can_be_marked(content[index]):
                    return number, index
    return None


def _can_be_marked(block: Any) -> bool:
    if not isinstance(block, dict) or block.get("type") in _UNMARKED:
        return False
    return block.get("type") != "text" or bool(block.get("text"))


def _marks(body: dict[str, Any]) -> int:
    """How many marks the request has."""
    return sum(1 for block in _blocks(body) if block.get("cache_control"))


def _blocks(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    lists = [body.get("tools"), body.get("system")]
    messages = body.get("messages")
    if isinstance(messages, list):
        lists += [message.get("content") for message in messages if isinstance(message, dict)]
    for blocks in lists:
        for block in blocks if isinstance(blocks, list) else ():
            if isinstance(block, dict):
                yield block
                if block.get("type") == "tool_result" and isinstance(block.get("content"), list):
                    yield from (part for part in block["content"] if isinstance(part, dict))
