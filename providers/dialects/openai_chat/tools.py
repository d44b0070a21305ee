"""Tools and tool choice, and the names and ids that are spelled differently on the other side."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from providers.claude.tools import offered_tools
from providers.dialects.openai_chat.profiles import Profile

_SHORT_ID = re.compile(r"[a-zA-Z0-9]{9}")
_ID_LIMIT = 40
"""OpenAI refuses longer ids, and another provider may have made this one."""


def upstream_name(name: str, limit: int) -> str:
    """The tool's name on the other side: as it is, or cut with a hash of the whole at the end."""
    if len(name) <= limit:
        return name
    return f"{name[: limit - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def renamed_tools(body: dict[str, Any], limit: int) -> dict[str, str]:
    """Upstream name -> the client's name, for the tools that go out under another name."""
    tools = body.get("tools")
    names = [tool.get("name") for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    return {upstream_name(name, limit): name for name in names if isinstance(name, str) and len(name) > limit}


def upstream_call_id(call_id: str, profile: Profile) -> str:
    """The call's id on the other side; the same for the same id, always."""
    if profile.short_call_ids:
        # La Plateforme's older models: "must be a-z, A-Z, 0-9, with a length of 9".
        return call_id if _SHORT_ID.fullmatch(call_id) else hashlib.sha256(call_id.encode()).hexdigest()[:9]
    if len(call_id) <= _ID_LIMIT:
        return call_id
    return f"call_{hashlib.sha256(call_id.encode()).hexdigest()[:32]}"


def tool_fields(body: dict[str, Any], profile: Profile) -> dict[str, Any]:
    """`tools`, `tool_choice` and `parallel_tool_calls`, or nothing when no tool is left to offer."""
    tools = offered_tools(body)
    if not tools:
        return {}
    limit = profile.tool_name_limit
    functions: list[dict[str, Any]] = []
    for tool in tools:
        function: dict[str, Any] = {"name": upstream_name(tool.name, limit)}
        if tool.description is not None:
            function["description"] = tool.description
        function["parameters"] = tool.schema
        functions.append({"type": "function", "function": function})
    fields: dict[str, Any] = {"tools": functions}
    choice = body.get("tool_choice")
    if not isinstance(choice, dict):
        return fields
    match choice.get("type"):
        case "auto":
            fields["tool_choice"] = "auto"
        case "any":
            fields["tool_choice"] = "required"
        case "none":
            fields["tool_choice"] = "none"
        case "tool" if any(tool.name == choice.get("name") for tool in tools):
            name = upstream_name(choice["name"], limit)
            fields["tool_choice"] = {"type": "function", "function": {"name": name}}
    if choice.get("disable_parallel_tool_use") is True:
        fields["parallel_tool_calls"] = False
    return fields
