"""Tools that a conversation offers and withdraws on its way, by blocks of its system messages.

https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages (betas
mid-conversation-tool-changes-2026-07-01 and, for definitions by value, inline-tools-2026-09-15). Other providers have
one list of tools: they get the one at the end of the conversation, and a sentence at the place of each change.
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.claude.blocks import Block, is_tool_change
from providers.claude.history.item import read_once
from providers.errors import UnsupportedRequest
from usage.sentence import Sentence

_REMOTE = frozenset({"mcp_tool_reference", "mcp_toolset_reference"})


class ToolChange(msgspec.Struct, frozen=True):
    """The tool `name` is offered or withdrawn; `definition` is given by value. `is_remote`: it is an MCP server's."""

    adds: bool
    name: str
    definition: Block | None = None
    is_remote: bool = False


def tool_changes(body: dict[str, Any]) -> list[ToolChange]:
    """The changes in their order, without those that are malformed."""
    if not (blocks := change_blocks(body)):
        return []
    return [change for _, block in blocks if (change := change_of(block)) is not None]


def change_blocks(body: dict[str, Any]) -> list[tuple[str, Block]]:
    """The blocks with their places: of system messages, and those that a compaction stands for."""
    messages = body.get("messages")
    found = []
    for number, message in enumerate(messages if isinstance(messages, list) else ()):
        # Most conversations change no tool, and a long one is looked through several times.
        if isinstance(message, dict) and type(message.get("content")) is list:
            for place, block in _changes_of(message):
                found.append((f"messages.{number}.{place}", block))
    return found


@read_once
def _changes_of(message: dict[str, Any]) -> tuple[tuple[str, Block], ...]:
    """The blocks of one message that change tools, with their places in it."""
    content = message["content"]
    if not content:
        return ()
    if message.get("role") == "system":
        place, blocks = "content", content
    else:
        first = content[0]
        if not isinstance(first, dict) or first.get("type") != "compaction":
            return ()
        place, blocks = "content.0.tool_changes", _list(first.get("tool_changes"))
    changes = [(number, block) for number, block in enumerate(blocks) if isinstance(block, dict)]
    return tuple((f"{place}.{number}", block) for number, block in changes if is_tool_change(block))


def change_of(block: Block) -> ToolChange | None:
    """What a block changes; None where that cannot be read."""
    adds = block["type"] == "tool_addition"
    tool = block.get("tool")
    if not isinstance(tool, dict):
        return None
    kind = tool.get("type")
    if not isinstance(kind, str):
        return None
    if kind in _REMOTE:
        return ToolChange(adds, "", is_remote=True)
    if kind not in ("tool_reference", "tool_definition") or (kind == "tool_definition" and not adds):
        return None
    definition = tool.get("definition") if kind == "tool_definition" else None
    named = tool if kind == "tool_reference" else definition
    name = named.get("name") if isinstance(named, dict) else None
    return ToolChange(adds, name, definition) if isinstance(name, str) and name else None


def refused(place: str, why: str) -> UnsupportedRequest:
    """The refusal of a change."""
    return UnsupportedRequest(Sentence("{place}: {why}", code="tool_change_refused", place=place, why=why))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
