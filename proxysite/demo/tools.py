"""Chooses the tools to call: those that the user asks for, with valid arguments. Pure."""

from __future__ import annotations

import re
from typing import Any

from proxysite.demo.conversation import Conversation, Tool
from proxysite.demo.schema import example

_VERB = re.compile(r"\b(?:use|run|call|execute|invoke)\b", re.IGNORECASE)
_RUN = re.compile(r"\b(?:run|execute)\b", re.IGNORECASE)
_TWO = re.compile(r"\b(?:two|both|twice|parallel)\b", re.IGNORECASE)
_COMMAND = re.compile(
    r"\b(?:run|execute|call|use)\s+(?P<command>\S.*?)(?:\s+(?:with|in|using|via|through)\s+(?:the\s+)?bash\b|\s+and\s+"
    r"(?:report|tell|say|show|summari[sz]e)\b|[.!?]?\s*$)",
    re.IGNORECASE | re.DOTALL,
)
_QUOTED = re.compile(r"`([^`]+)`")
_LISTED = re.compile(r"\b(?:bash|commands?|parallel)\s*:\s*(?P<command>\S.*)", re.IGNORECASE | re.DOTALL)
_AT_ONCE = re.compile(r"\s+(?:in parallel|both|at once)$", re.IGNORECASE)
_COMMON_WORDS = frozenset(
    {"get", "set", "list", "fetch", "find", "search", "do", "make", "the", "mcp", "current", "tool"}
)

Wanted = tuple[str, dict[str, Any]]
"""A tool's name and the arguments to call it with."""


def calls(conversation: Conversation, choice: Any, eager: bool, parallel: bool) -> list[Wanted]:
    """The calls to make, at most two. `choice` is the request's tool_choice, `parallel` whether two are allowed."""
    tools = conversation.tools
    if not tools or conversation.results or choice == "none":
        return []
    chosen = _forced(tools, choice) or _asked_for(conversation)
    if not chosen and (eager or choice == "required"):
        chosen = [_preferred(tools)]
    if not chosen:
        return []
    wanted = _two(chosen, conversation, eager) if parallel else [(chosen[0], 0)]
    return [(tool.name, _arguments(tool, conversation.prompt, variant)) for tool, variant in wanted]


def _forced(tools: tuple[Tool, ...], choice: Any) -> list[Tool]:
    name = (choice.get("function") or {}).get("name") if isinstance(choice, dict) else None
    return [tool for tool in tools if tool.name == name]


def _asked_for(conversation: Conversation) -> list[Tool]:
    """The tools that the user names, else the one that `run`, `use` or `call` implies."""
    prompt, tools = conversation.prompt, conversation.tools
    named = [tool for tool in tools if _names(prompt, tool.name)]
    if named or not _VERB.search(prompt):
        return named
    bash = [tool for tool in tools if tool.name == "Bash"]
    if bash:
        # An agent's tools have names like Read: "how do I use a list?" does not ask for one.
        return bash if _RUN.search(prompt) else []
    return [tools[0]]


def _names(prompt: str, name: str) -> bool:
    """Whether a prompt names a tool: a distinctive name anywhere, a common word (Read) only as the name of a tool."""
    word = re.escape(name)
    if re.search(r"[_\d-]|[a-z][A-Z]", name) and re.search(rf"\b{word}\b", prompt, re.IGNORECASE):
        return True
    if re.search(rf"\b(?:with|use|using|call|calling|via|through|run)\s+(?:the\s+)?[\"'`]?{word}\b", prompt):
        return True
    if re.search(rf"\b{word}[\"'`]?\s+tool\b", prompt, re.IGNORECASE):
        return True
    distinctive = [part for part in name.lower().split("_") if part not in _COMMON_WORDS] if "_" in name else []
    return bool(distinctive) and all(
        re.search(rf"\b{re.escape(part)}\b", prompt, re.IGNORECASE) for part in distinctive
    )


def _preferred(tools: tuple[Tool, ...]) -> Tool:
    return next((tool for tool in tools if tool.name == "Bash"), tools[0])


def _two(chosen: list[Tool], conversation: Conversation, eager: bool) -> list[tuple[Tool, int]]:
    if len(chosen) > 1:
        return [(chosen[0], 0), (chosen[1], 0)]
    if not eager and not _TWO.search(conversation.prompt):
        return [(chosen[0], 0)]
    others = [tool for tool in conversation.tools if tool is not chosen[0]]
    if others and chosen[0].name != "Bash":
        return [(chosen[0], 0), (others[0], 0)]
    return [(chosen[0], 0), (chosen[0], 1)]


def _arguments(tool: Tool, prompt: str, variant: int) -> dict[str, Any]:
    if tool.name == "Bash":
        command = _command(prompt, variant)
        return {"command": command, "description": f"Run {command.split()[0]}"}
    made = example(tool.schema, prompt, variant)
    return made if isinstance(made, dict) else {}


def _command(prompt: str, variant: int) -> str:
    """The command in "Run echo hi with Bash and report."; "echo hi and echo ho" are two."""
    commands: list[str] = _QUOTED.findall(prompt)
    found = None if commands else _LISTED.search(prompt) or _COMMAND.search(prompt)
    if found:
        commands = re.split(r"\s+and\s+", _AT_ONCE.sub("", found["command"].rstrip(".!? ").strip("\"'")))
    commands = [command for command in map(str.strip, commands) if command] or ["echo demo"]
    if variant < len(commands):
        return commands[variant]
    return f"echo demo {variant + 1}"
