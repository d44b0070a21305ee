"""Reads a chat request: the user's last prompt, the tools, and the results of tools."""

from __future__ import annotations

import re
from typing import Any

import msgspec

_REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)


class Tool(msgspec.Struct, frozen=True):
    """A function that the request offers."""

    name: str
    schema: dict[str, Any]


class Conversation(msgspec.Struct, frozen=True):
    """`prompt` is the user's last text without clients' reminders; `results` are the texts of the tools just run."""

    prompt: str
    results: tuple[str, ...]
    tools: tuple[Tool, ...]
    images: int


def read(request: dict[str, Any]) -> Conversation:
    """The conversation of a chat request. Raises ValueError for one without messages."""
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(m, dict) for m in messages):
        raise ValueError("'messages' must be a list of at least one message.")
    turn = _since_last_answer(messages)
    user_messages = [message for message in messages if message.get("role") == "user"]
    last = user_messages[-1] if user_messages else {}
    return Conversation(
        prompt=_prompt(last.get("content")),
        results=tuple(" ".join(_texts(m.get("content"))) for m in turn if m.get("role") == "tool"),
        tools=tuple(_tools(request.get("tools"))),
        images=sum(_part_type(part) == "image_url" for part in _parts(last.get("content"))),
    )


def _since_last_answer(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for index in range(len(messages) - 1, -1, -1):
        if messages[index].get("role") == "assistant":
            return messages[index + 1 :]
    return messages


def _prompt(content: Any) -> str:
    """The last text without the client's reminders; prompts come after them."""
    texts = [text for text in map(_without_reminders, _texts(content)) if text]
    return texts[-1] if texts else ""


def _without_reminders(text: str) -> str:
    before, opened, unclosed = _REMINDER.sub("", text).partition("<system-reminder>")
    # An unclosed reminder, with all parts of the message in one string: the prompt is the last paragraph.
    after = unclosed.rpartition("\n\n")[2] if opened and "\n\n" in unclosed else ""
    return (after or before).strip()


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    texts = [part.get("text") for part in _parts(content) if _part_type(part) == "text"]
    return [text for text in texts if isinstance(text, str)]


def _parts(content: Any) -> list[dict[str, Any]]:
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _part_type(part: dict[str, Any]) -> Any:
    return part.get("type")


def _tools(offered: Any) -> list[Tool]:
    found = []
    for entry in offered if isinstance(offered, list) else []:
        function = entry.get("function") if isinstance(entry, dict) else None
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            schema = function.get("parameters")
            found.append(Tool(function["name"], schema if isinstance(schema, dict) else {}))
    return found
