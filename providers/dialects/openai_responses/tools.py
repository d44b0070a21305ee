"""Tools and tool choice, and the names and ids that are spelled differently on the other side."""

from __future__ import annotations

import hashlib
from typing import Any

from providers.claude.tools import offered_tools, upstream_name
from providers.dialects.contract import Call
from providers.fidelity import Fidelity, Notes
from providers.schemas import fitted_schemas
from providers.schemas.rules import OPENAI

NAME_LIMIT = 64
_ID_LIMIT = 64
"""Longer ones are refused, and another provider may have made this one."""


def sent_name(name: str, notes: Notes) -> str:
    """The tool's name on the other side."""
    sent = upstream_name(name, NAME_LIMIT)
    if sent != name:
        notes.add(Fidelity.TOOL_RENAMED)
    return sent


def sent_call_id(call_id: str, notes: Notes) -> str:
    """The call's id on the other side; the same for the same id, always."""
    if len(call_id) <= _ID_LIMIT:
        return call_id
    notes.add(Fidelity.CALL_ID_CHANGED)
    return f"call_{hashlib.sha256(call_id.encode()).hexdigest()[:32]}"


def tool_fields(call: Call) -> dict[str, Any]:
    """`tool_choice`, `parallel_tool_calls` and `tools`, or nothing when no tool is left to offer."""
    tools = offered_tools(call.body)
    choice = call.body.get("tool_choice")
    choice = choice if isinstance(choice, dict) else {}
    if not tools:
        if choice.get("type") in ("any", "tool"):
            call.notes.add(Fidelity.TOOL_CHOICE_DROPPED)
        return {}
    fields: dict[str, Any] = {}
    match choice.get("type"):
        case "auto" | "none" as same:
            fields["tool_choice"] = same
        case "any":
            fields["tool_choice"] = "required"
        case "tool" if any(tool.name == choice.get("name") for tool in tools):
            fields["tool_choice"] = {"type": "function", "name": sent_name(choice["name"], call.notes)}
        case "tool":
            call.notes.add(Fidelity.TOOL_CHOICE_DROPPED)
    if choice.get("disable_parallel_tool_use") is True:
        fields["parallel_tool_calls"] = False
    fitting = fitted_schemas([tool.schema for tool in tools], OPENAI)
    if fitting.changed:
        call.notes.add(Fidelity.TOOL_SCHEMA_SIMPLIFIED, *(f"tools.{tools[at].name}" for at in fitting.changed))
    fields["tools"] = [
        {
            "type": "function",
            "name": sent_name(tool.name, call.notes),
            **({} if tool.description is None else {"description": tool.description}),
            "parameters": schema,
            # Left out, it means true here: the schema would be rewritten, and every optional property be required.
            "strict": False,
        }
        for tool, schema in zip(tools, fitting.each, strict=True)
    ]
    return fields
