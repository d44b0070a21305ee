"""Reads in one pass what routing needs of a Claude request's content. Invalid input is ignored."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from providers.claude.fields import output_schema, thinking_of
from providers.claude.history.item import read_once
from providers.client_fields.protocol import refers as refers_to_account

_SUBAGENT_START, _SUBAGENT_END = "<CCR-SUBAGENT-MODEL>", "</CCR-SUBAGENT-MODEL>"
_LONGEST_TAG = 300
_blanks = re.compile(r"\s*").match
_SEARCH_NAMES = frozenset({"web_search", "brave_web_search", "google_search"})
"""Without Claude Code's own WebSearch: every request of it has that one, and its searches use a server tool."""
_OF_ITSELF = frozenset({"text", "thinking", "redacted_thinking", "tool_use"})
"""Blocks that hold nothing but what the client wrote or a model answered."""
_REFERS = "(refers)"
_NO_KINDS: frozenset[str] = frozenset()
_NO_TOOLS: tuple[tuple[str, ...], bool, bool] = ((), False, False)
_REMINDER, _REMINDER_END = "<system-reminder>", "</system-reminder>"
_TAGGED_USER_MESSAGES = 2
_MAX_TEXT = 20_000
"""Characters at the end of the user's last message that are searched."""


class Content(msgspec.Struct, frozen=True):
    """What a request contains; the fields are those of RequestFacts."""

    thinks: bool
    thinking_budget: int
    effort: str
    images: bool
    documents: bool
    web_search: bool
    structured_output: bool
    prefill: bool
    tools: tuple[str, ...]
    subagent_tag: str
    text: str
    refers: bool


def read_content(request: dict[str, Any]) -> Content:
    thinking = thinking_of(request)
    messages = _list(request.get("messages"))
    kinds: frozenset[str] = _NO_KINDS
    for message in messages:
        if not isinstance(message, dict):
            return read_content({**request, "messages": [each for each in messages if isinstance(each, dict)]})
        if type(message.get("content")) is list:
            kinds |= _kinds(message)
    tools, searches, refers = _tools(request["tools"]) if "tools" in request else _NO_TOOLS
    # By position: fields by name take longer.
    return Content(
        thinking.mode == "on",
        thinking.budget or 0,
        thinking.effort or "",
        "image" in kinds,
        "document" in kinds,
        searches,
        output_schema(request) is not None,
        bool(messages) and messages[-1].get("role") == "assistant",
        tools,
        _subagent_tag(request.get("system"), messages),
        _last_user_text(messages),
        refers or _REFERS in kinds,
    )


def without_subagent_tags(request: dict[str, Any]) -> dict[str, Any]:
    """Returns the request without its <CCR-SUBAGENT-MODEL> tags; parts that have none are shared."""
    cleaned = dict(request)
    if "system" in request:
        cleaned["system"] = _untagged(request["system"])
    users = 0
    messages = []
    for message in _list(request.get("messages")):
        if isinstance(message, dict) and message.get("role") == "user" and users < _TAGGED_USER_MESSAGES:
            users += 1
            message = {**message, "content": _untagged(message.get("content"))}
        messages.append(message)
    cleaned["messages"] = messages
    return cleaned


@read_once
def _kinds(message: dict[str, Any]) -> frozenset[str]:
    """Returns the types of all blocks of a message."""
    kinds: set[str] = set()
    _collect(message.get("content"), kinds)
    return frozenset(kinds)


def _collect(content: Any, kinds: set[str]) -> None:
    """Adds the types of all blocks but those of itself, those inside tool results and documents too."""
    if not isinstance(content, list):
        return
    for block in content:
        # Most blocks are texts, so nothing more is looked at in them.
        if isinstance(block, dict) and isinstance(kind := block.get("type"), str) and kind not in _OF_ITSELF:
            kinds.add(kind)
            if kind == "tool_result":
                _collect(block.get("content"), kinds)
                continue
            if refers_to_account(block):
                kinds.add(_REFERS)
            source = block.get("source")
            if isinstance(source, dict):
                _collect(source.get("content"), kinds)


def _tools(tools: Any) -> tuple[tuple[str, ...], bool, bool]:
    """Returns the names of the tools, whether one of them searches the web, by its type or by its name, and whether one
    names a model or a server."""
    names = []
    searches = refers = False
    for tool in _list(tools):
        if isinstance(tool, dict):
            name, tool_searches, tool_refers = _tool(tool)
            if name is not None:
                names.append(name)
            searches = searches or tool_searches
            refers = refers or tool_refers
    return tuple(names), searches, refers


@read_once
def _tool(tool: dict[str, Any]) -> tuple[str | None, bool, bool]:
    name, kind = tool.get("name"), tool.get("type")
    named = name if isinstance(name, str) else None
    searches = named is not None and named.lower() in _SEARCH_NAMES
    searches = searches or (isinstance(kind, str) and kind.startswith("web_search"))
    return named, searches, kind is not None and ("model" in tool or "mcp_server_name" in tool)


def _subagent_tag(system: Any, messages: list[dict[str, Any]]) -> str:
    """Returns what the first tag names, in the system prompt or in the first user messages."""
    found = _first_tag(system) if system else None
    users = 0
    for message in messages:
        if found is not None or users == _TAGGED_USER_MESSAGES:
            break
        if message.get("role") == "user":
            users += 1
            found = _first_tag(message.get("content"))
    return found or ""


def _first_tag(content: Any) -> str | None:
    if isinstance(content, str) and _SUBAGENT_START not in content:
        return None
    for text in _texts(content):
        if _SUBAGENT_START in text and (found := next(_tags(text), None)) is not None:
            return found[2].strip()
    return None


def _tags(text: str) -> Iterator[tuple[int, int, str]]:
    """Where each tag begins and ends, and what it names. A regular expression would hold up all threads meanwhile."""
    at = 0
    while (closing := text.find(_SUBAGENT_END, at)) >= 0:
        start = text.rfind(_SUBAGENT_START, max(at, closing - _LONGEST_TAG - len(_SUBAGENT_START)), closing)
        at = closing + len(_SUBAGENT_END)
        name = text[start + len(_SUBAGENT_START) : closing] if start >= 0 else ""
        if name and "<" not in name:
            yield start, at, name


def _without_tags(text: str) -> str:
    """The text without its tags, and without the blanks behind them."""
    parts, at = [], 0
    for start, end, _ in _tags(text):
        parts.append(text[at:start])
        found = _blanks(text, end)
        at = found.end() if found is not None else end
    return "".join([*parts, text[at:]])


def _last_user_text(messages: list[dict[str, Any]]) -> str:
    """Returns the last text that the user wrote; reminders that Claude Code adds are left out."""
    for message in reversed(messages):
        if message.get("role") == "user":
            content = message.get("content")
            for text in (content,) if isinstance(content, str) else reversed(_texts(content)):
                words = _without_reminders(text).strip() if _REMINDER in text else text
                if words:
                    return words if len(words) <= _MAX_TEXT else words[-_MAX_TEXT:]
    return ""


def _without_reminders(text: str) -> str:
    parts, at = [], 0
    while (opening := text.find(_REMINDER, at)) >= 0:
        parts.append(text[at:opening])
        end = text.find(_REMINDER_END, opening)
        at = len(text) if end < 0 else end + len(_REMINDER_END)
    return "".join([*parts, text[at:]])


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list):
        return []
    return [
        text
        for block in content
        if isinstance(block, dict) and block.get("type") == "text" and isinstance(text := block.get("text"), str)
    ]


def _untagged(content: Any) -> Any:
    if isinstance(content, str):
        return _without_tags(content) if _SUBAGENT_START in content else content
    if not isinstance(content, list):
        return content
    return [
        {**block, "text": _without_tags(block["text"])}
        if isinstance(block, dict) and isinstance(block.get("text"), str) and _SUBAGENT_START in block["text"]
        else block
        for block in content
    ]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
