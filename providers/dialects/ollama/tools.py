"""Tools as Ollama reads them, and the tool choice in words, because there is no field for it."""

from __future__ import annotations

from typing import Any

from providers.claude.tools import Tool, offered_tools
from providers.fidelity import Fidelity, Notes


def tools_to_offer(body: dict[str, Any]) -> list[Tool]:
    """The client's tools; none where none may be called."""
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") == "none":
        return []
    return offered_tools(body)


def choice_in_words(body: dict[str, Any], tools: list[Tool], notes: Notes) -> str | None:
    """What the system prompt adds about which tool to call."""
    choice = body.get("tool_choice")
    if not isinstance(choice, dict) or not tools:
        return None
    if choice.get("disable_parallel_tool_use") is True:
        notes.add(Fidelity.PARALLEL_CONTROL_DROPPED)
    match choice.get("type"):
        case "any":
            notes.add(Fidelity.TOOL_CHOICE_WORDED)
            return "Answer by calling one of your tools, not with text alone."
        case "tool" if any(tool.name == choice.get("name") for tool in tools):
            notes.add(Fidelity.TOOL_CHOICE_WORDED)
            return f"Answer by calling the tool {choice['name']}, not with text alone."
    return None


def function_of(tool: Tool, notes: Notes) -> dict[str, Any]:
    """A tool in OpenAI's shape."""
    function: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    fitted = _fitted(tool.schema)
    if fitted != tool.schema:
        notes.add(Fidelity.TOOL_SCHEMA_SIMPLIFIED, f"tools.{tool.name}")
    function["parameters"] = fitted
    return {"type": "function", "function": function}


def _fitted(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema in the types that Ollama reads it into: it answers 400 to `true` where it wants an object.

    https://github.com/ollama/ollama/blob/main/api/types.go, ToolProperty. What it does not know it skips by itself.
    """
    fitted = dict(schema)
    properties = fitted.get("properties")
    if "properties" in fitted:
        known = properties.items() if isinstance(properties, dict) else ()
        fitted["properties"] = {name: _fitted(value) if isinstance(value, dict) else {} for name, value in known}
    choices = fitted.get("anyOf")
    if "anyOf" in fitted:
        listed = choices if isinstance(choices, list) else []
        fitted["anyOf"] = [_fitted(item) for item in listed if isinstance(item, dict)]
    return fitted
