"""Content blocks of a Claude request: one shape for every form of content, and the text that is in a block.

A string is the same as one text block. Nothing here raises on invalid input: what cannot be read is left out.
"""

from __future__ import annotations

from typing import Any

Block = dict[str, Any]

# Claude Code's first system block: it changes with every conversation and would spoil every prefix cache.
_BILLING = "x-anthropic-billing-header:"
TOOL_CHANGES = frozenset({"tool_addition", "tool_removal"})
"""Blocks of system messages that offer or withdraw a tool."""
_NO_TEXT = frozenset({"thinking", "redacted_thinking", "tool_use", "server_tool_use", "mcp_tool_use", "image"})


def blocks_of(content: Any) -> list[Block]:
    """Content (a string, a list of blocks, one block) as a list of blocks without the empty texts.

    Empty texts carry nothing, and half of the servers refuse them.
    """
    if isinstance(content, str):
        return [text_block(content)] if content else []
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        return []
    blocks = []
    for item in content:
        block = text_block(item) if isinstance(item, str) else item
        if isinstance(block, dict):
            kind = block.get("type", "")
            if block.get("text") if kind == "text" else isinstance(kind, str):
                blocks.append(block)
    return blocks


def holds_texts_only(body: dict[str, Any]) -> bool:
    """Whether a request offers no tools and all its messages are strings: then nobody need look for blocks in them."""
    messages = body.get("messages")
    if "tools" in body or not isinstance(messages, list):
        return False
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("content"), str):
            return False
    return True


def text_block(text: str) -> Block:
    """Returns a text block."""
    return {"type": "text", "text": text}


def system_blocks(body: dict[str, Any]) -> list[Block]:
    """The system prompt's blocks without Claude Code's billing header."""
    return [block for block in blocks_of(body.get("system")) if not is_billing(block)]


def system_text(body: dict[str, Any]) -> str:
    """The texts of the system prompt's blocks as one."""
    system = body.get("system")
    if isinstance(system, str):
        return "" if system.startswith(_BILLING) else system
    return joined_text(system_blocks(body))


def text_of(block: Block) -> str | None:
    """The text that a block can be sent as, or None for one that has none: media, calls, thinking, opaque data."""
    kind = block.get("type")
    if kind == "text" and isinstance(text := block.get("text"), str):
        return text or None
    if kind in _NO_TEXT:
        return None
    if kind == "tool_reference":
        name = block.get("tool_name")
        return f"Loaded tool {name}" if isinstance(name, str) and name else None
    if kind == "document":
        return _document_text(block)
    if kind in TOOL_CHANGES:
        return _change_text(block)
    if kind == "search_result":
        return _lines(block.get("title"), block.get("source"), joined_text(blocks_of(block.get("content"))))
    text = block.get("text")
    if isinstance(text, str):
        return text or None
    return joined_text(blocks_of(block.get("content"))) or None


def joined_text(blocks: list[Block]) -> str:
    """The texts of some blocks as paragraphs of one."""
    return "\n\n".join(texts_of(blocks))


def texts_of(blocks: list[Block]) -> list[str]:
    """The texts of some blocks, of those that have one."""
    return [text for block in blocks if (text := text_of(block)) is not None]


def _document_text(block: Block) -> str | None:
    source = block.get("source")
    if not isinstance(source, dict):
        return None
    if source.get("type") == "text":
        text = source.get("data")
    elif source.get("type") == "content":
        text = joined_text(blocks_of(source.get("content")))
    else:
        return None
    return _lines(block.get("title"), block.get("context"), text)


def _change_text(block: Block) -> str | None:
    """What a tool's addition or withdrawal says at its place; the list of tools says the rest."""
    tool = block.get("tool")
    named = tool.get("definition", tool) if isinstance(tool, dict) else None
    name = named.get("name") if isinstance(named, dict) else None
    if not isinstance(name, str) or not name:
        return None
    change = "is available from here on" if block["type"] == "tool_addition" else "is no longer available"
    return f"The tool {name} {change}."


def _lines(*parts: Any) -> str | None:
    return "\n".join(part for part in parts if isinstance(part, str) and part) or None


def is_tool_change(block: Block) -> bool:
    """Whether a block offers or withdraws a tool."""
    kind = block.get("type")
    return kind == "tool_addition" or kind == "tool_removal"


def is_billing(block: Block) -> bool:
    """Whether a system block is Claude Code's billing header."""
    text = block.get("text")
    return isinstance(text, str) and text.startswith(_BILLING)
