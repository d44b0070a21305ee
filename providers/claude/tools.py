"""The tools of a Claude request that another provider's model can be offered, and names that are too long there.

Tools that Anthropic runs itself are left out, and so are deferred ones until the conversation has loaded them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from providers.claude.blocks import Block, blocks_of
from providers.claude.history.item import KnownItem, read_once
from providers.claude.tool_changes import ToolChange, change_blocks, change_of, refused, tool_changes

if TYPE_CHECKING:
    from providers.dialects.contract import Call


class Tool(msgspec.Struct, frozen=True):
    """A tool that the client runs. `schema` is the JSON schema of its input, repaired where it is not an object's."""

    name: str
    description: str | None
    schema: dict[str, Any]


def offered_tools(body: dict[str, Any]) -> list[Tool]:
    """The client's own tools in their order; deferred ones only when the conversation has loaded them.

    Those that the conversation adds come after them, those that it withdraws are left out.
    """
    listed = [tool for tool in _list(body.get("tools")) if isinstance(tool, dict) and is_client_tool(tool)]
    changes = tool_changes(body)
    if not listed and not changes:
        return []
    if changes:
        return [_tool(tool) for tool in _changed(body, listed, changes)]
    loaded: frozenset[str] = frozenset()
    if any(tool.get("defer_loading") for tool in listed):
        loaded = loaded_names(body)
    return [_tool(tool) for tool in listed if not tool.get("defer_loading") or tool["name"] in loaded]


def check_tool_changes(body: dict[str, Any]) -> None:
    """Raises UnsupportedRequest for a change that is malformed, or that another provider cannot be told.

    Claude refuses one of a tool that it does not know as well; none is dropped while the answer says that all is well.
    """
    blocks = change_blocks(body)
    known = _known(body) if blocks else {}
    withdrawn: dict[str, bool] = {}
    for place, block in blocks:
        change = change_of(block)
        if change is None:
            raise refused(f"{place}.tool", "a reference with the name of a tool is required.")
        if change.is_remote:
            if change.adds:
                raise refused(place, "this provider cannot be offered the tools of MCP servers.")
            continue
        if change.definition is not None:
            known[change.name] = change.definition
        if change.name not in known:
            raise refused(f"{place}.tool", "there is no such tool in `tools` or in the messages before.")
        if change.adds and not is_client_tool(known[change.name]):
            raise refused(f"{place}.tool", "this provider cannot run the tool.")
        withdrawn[change.name] = not change.adds
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") == "tool" and withdrawn.get(str(choice.get("name"))):
        raise refused("tool_choice.name", "the conversation has withdrawn this tool.")


def _changed(body: dict[str, Any], listed: list[Block], changes: list[ToolChange]) -> list[Block]:
    """The tools at the end of a conversation that changes them."""
    known = _known(body)
    loaded = loaded_names(body) - {change.name for change in changes}
    offered = {tool["name"]: tool for tool in listed if not tool.get("defer_loading") or tool["name"] in loaded}
    for change in changes:
        if change.definition is not None:
            known[change.name] = change.definition
        tool = known.get(change.name)
        if not change.adds:
            offered.pop(change.name, None)
        elif tool is not None and is_client_tool(tool) and (change.definition or change.name not in offered):
            offered[change.name] = tool
    return list(offered.values())


def _known(body: dict[str, Any]) -> dict[Any, Block]:
    tools = (tool for tool in _list(body.get("tools")) if isinstance(tool, dict))
    return {tool["name"]: tool for tool in tools if isinstance(tool.get("name"), str)}


@read_once
def _tool(tool: Block) -> Tool:
    schema = _schema(tool.get("input_schema"))
    if type(tool) is KnownItem:
        schema = KnownItem(schema, msgspec.json.encode(schema) + b",")
    return Tool(tool["name"], _text(tool.get("description")), schema)


def shown_name(tool: Block) -> str:
    """Returns what names a tool among the fields of a body; only texts of the client's are repeated."""
    found = (tool.get("name"), tool.get("type"))
    return next((f"tools.{text}" for text in found if isinstance(text, str) and text), "tools")


@read_once
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
                elif block.get("type") == "tool_addition":
                    tool = block.get("tool")
                    names.append(tool.get("name") if isinstance(tool, dict) else None)
    return frozenset(name for name in names if isinstance(name, str))


def upstream_name(name: str, limit: int) -> str:
    """The tool's name at the provider: unchanged, or cut with a hash of the full name at the end.

    Claude takes 128 characters, most servers 64, and the names of MCP tools are long.
    """
    if len(name) <= limit:
        return name
    return f"{name[: limit - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def called_name(name: str) -> str:
    """The name of a tool that a model calls, without what gpt-oss's format (Harmony) leaves around it.

    It writes `to=functions.Bash<|channel|>commentary`, and servers cut that differently
    (https://github.com/ggml-org/llama.cpp/pull/15181, 2025-08-09). No name that Claude takes has a dot or a bar.
    """
    if "<|" in name:
        name = name.partition("<|")[0].strip() or name
    return name.removeprefix("functions.") or name


def renamed_tools(call: Call, limit: int) -> dict[str, str]:
    """Upstream name -> the client's name, for the tools that go out under another name."""
    if call.texts_only:
        return {}
    return {upstream_name(name, limit): name for name in tool_names(call.body) if len(name) > limit}


def tool_names(body: dict[str, Any]) -> list[str]:
    """The names of all tools, of those that the conversation defines, too."""
    names = [tool.get("name") for tool in _list(body.get("tools")) if isinstance(tool, dict)]
    names += [change.name for change in tool_changes(body) if change.definition is not None]
    return [name for name in names if isinstance(name, str) and name]


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
