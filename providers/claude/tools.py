"""The tools of a Claude request that another provider's model can be offered, and names that are too long there.

Tools that Anthropic runs itself are left out, and so are deferred ones until the conversation has loaded them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from providers.claude.blocks import Block, blocks_of


class Tool(msgspec.Struct, frozen=True):
    """A tool that the client runs. `schema` is the JSON schema of its input, repaired where it is not an object's."""

    name: str
    description: str | None
    schema: dict[str, Any]


def offered_tools(body: dict[str, Any]) -> list[Tool]:
    """The client's own tools in their order; deferred ones only when the conversation has loaded them."""
    listed = [tool for tool in _list(body.get("tools")) if isinstance(tool, dict) and is_client_tool(tool)]
    loaded: frozenset[str] = frozenset()
    if any(tool.get("defer_loading") for tool in listed):
        loaded = loaded_names(body)
    return [
        Tool(tool["name"], _text(tool.get("description")), _schema(tool.get("input_schema")))
        for tool in listed
        if not tool.get("defer_loading") or tool["name"] in loaded
    ]


def is_client_tool(tool: Block) -> bool:
    """Whether the client runs a tool: server tools carry a dated `type` such as web_search_20250305 and no schema."""
    named = isinstance(tool.get("name"), str) and bool(tool["name"])
    return named and (tool.get("type") in (None, "custom") or isinstance(tool.get("input_schema"), dict))


def loaded_names(body: dict[str, Any]) -> frozenset[str]:
    """Names in tool_reference blocks, of tools that were called before, and of the one that must be called now."""
    choice = body.get("tool_choice")
    names = [choice.get("name")] if isinstance(choice, dict) else []
    for message in _list(body.get("messages")):
        if isinstance(message, dict):
            for block in _deep(blocks_of(message.get("content"))):
                if block.get("type") == "tool_reference":
                    names.append(block.get("tool_name"))
                elif block.get("type") == "tool_use":
                    names.append(block.get("name"))
    return frozenset(name for name in names if isinstance(name, str))


def upstream_name(name: str, limit: int) -> str:
    """The tool's name at the provider: unchanged, or cut with a hash of the full name at the end.

    Claude takes 128 characters, most servers 64, and the names of MCP tools are long.
    """
    if len(name) <= limit:
        return name
    return f"{name[: limit - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def renamed_tools(body: dict[str, Any], limit: int) -> dict[str, str]:
    """Upstream name -> the client's name, for the tools that go out under another name."""
    tools = body.get("tools")
    names = [tool.get("name") for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    return {upstream_name(name, limit): name for name in names if isinstance(name, str) and len(name) > limit}


def _deep(blocks: list[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block
        content = block.get("content")
        if isinstance(content, dict):
            content = content.get("tool_references")
        if isinstance(content, list):
            yield from (inner for inner in content if isinstance(inner, dict))


def _schema(schema: Any) -> dict[str, Any]:
    """The schema as strict servers want it: no $schema, and `type: object` where it is missing."""
    if not isinstance(schema, dict):
        return {"type": "object", "properties": {}}
    cleaned = {key: value for key, value in schema.items() if key != "$schema"}
    cleaned.setdefault("type", "object")
    if cleaned["type"] == "object":
        cleaned.setdefault("properties", {})
    return cleaned


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
