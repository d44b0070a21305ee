"""Tools and tool choice, and the names that are spelled differently on the other side."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec

from providers.claude.tools import Tool, offered_tools, tool_names
from providers.dialects.contract import Call
from providers.dialects.gemini.schemas import parameters_of
from providers.fidelity import Fidelity

# https://ai.google.dev/api/caching#FunctionDeclaration; newer servers take 128 characters, older ones 64.
_NAME_LIMIT = 64
_GOOD_NAME = re.compile(rf"[a-zA-Z_][a-zA-Z0-9_.-]{{0,{_NAME_LIMIT - 1}}}")
_GOOD_BEGINNING = re.compile(r"[a-zA-Z_]")
_BAD_CHARACTER = re.compile(r"[^a-zA-Z0-9_.-]")


def upstream_name(name: str) -> str:
    """The tool's name on the other side: as it is, or made to fit, with a hash of the whole at the end."""
    if _GOOD_NAME.fullmatch(name):
        return name
    fitting = _BAD_CHARACTER.sub("_", name[:_NAME_LIMIT])
    if not _GOOD_BEGINNING.match(fitting):
        fitting = f"_{fitting}"
    return f"{fitting[: _NAME_LIMIT - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def renamed_tools(call: Call) -> dict[str, str]:
    """Upstream name -> the client's name, for the tools that go out under another name."""
    if call.texts_only:
        return {}
    return {upstream_name(name): name for name in tool_names(call.body) if not _GOOD_NAME.fullmatch(name)}


def tool_fields(call: Call) -> dict[str, Any]:
    """`tools` and `toolConfig`, or nothing when no tool is left to offer."""
    tools = offered_tools(call.body)
    if not tools:
        return {}
    fields: dict[str, Any] = {"tools": [{"functionDeclarations": [_declaration(tool, call) for tool in tools]}]}
    choice = call.body.get("tool_choice")
    config = _calling_config(choice, tools) if isinstance(choice, dict) else None
    given = call.body.get("toolConfig")
    if isinstance(given, dict):  # a transform's: streamFunctionCallArguments, retrievalConfig
        calling = given.get("functionCallingConfig")
        calling = {**(calling if isinstance(calling, dict) else {}), **(config or {})}
        fields["toolConfig"] = {**given, "functionCallingConfig": calling} if calling else given
    elif config is not None:
        fields["toolConfig"] = {"functionCallingConfig": config}
    if isinstance(choice, dict):
        if choice.get("type") == "tool" and config is None:
            call.notes.add(Fidelity.TOOL_CHOICE_DROPPED)
        if choice.get("disable_parallel_tool_use") is True:
            call.notes.add(Fidelity.PARALLEL_CONTROL_DROPPED)
    return fields


def _declaration(tool: Tool, call: Call) -> dict[str, Any]:
    name = upstream_name(tool.name)
    if name != tool.name:
        call.notes.add(Fidelity.TOOL_RENAMED)
    declaration: dict[str, Any] = {"name": name}
    if tool.description is not None:
        declaration["description"] = tool.description
    parameters = parameters_of(msgspec.json.encode(tool.schema))
    if parameters.simplified:
        call.notes.add(Fidelity.TOOL_SCHEMA_SIMPLIFIED, f"tools.{tool.name}")
    if parameters.json:
        declaration["parameters"] = msgspec.Raw(parameters.json)
    return declaration


def _calling_config(choice: dict[str, Any], tools: list[Tool]) -> dict[str, Any] | None:
    # https://ai.google.dev/api/caching#FunctionCallingConfig
    match choice.get("type"):
        case "auto":
            return {"mode": "AUTO"}
        case "any":
            return {"mode": "ANY"}
        case "none":
            return {"mode": "NONE"}
        case "tool" if any(tool.name == choice.get("name") for tool in tools):
            return {"mode": "ANY", "allowedFunctionNames": [upstream_name(choice["name"])]}
    return None
