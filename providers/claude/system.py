"""System messages inside a conversation, for Claude servers and models that take none, or none at that place.

https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages (2026-11): one follows a user's
turn and precedes an assistant's or ends the conversation; none comes first or follows another. The rest is a 400.
"""

from __future__ import annotations

from typing import Any

from providers.claude.blocks import Block, blocks_of, joined_text, text_block
from providers.fidelity import Fidelity, Notes


def reminder(text: str) -> Block:
    """The text of a system message as a block of a user's."""
    return text_block(f"<system-reminder>\n{text}\n</system-reminder>")


def restate_system(body: dict[str, Any], notes: Notes, *, misplaced_only: bool) -> None:
    """Makes user messages of system messages, in their places; those that come first go into the system prompt.

    One that adds or removes tools stays: the server refuses what cannot be put into words. Nothing inside `body` is
    changed in place.
    """
    messages = body.get("messages")
    if not isinstance(messages, list) or not any(map(_is_system, messages)):
        return
    made: list[Any] = []
    first: list[Block] = []
    late: list[Any] = []
    for number, message in enumerate(messages):
        following = messages[number + 1] if number + 1 < len(messages) else None
        if not _is_system(message) or not _is_text(message):
            made.append(message)
            if not _awaits_results(message):
                made += late
                late = []
        elif misplaced_only and _is_placed(made, following):
            made.append(message)
        else:
            notes.add(Fidelity.SYSTEM_RESTATED)
            blocks = blocks_of(message.get("content"))
            if not made:
                first += blocks
            elif blocks:
                text = _reminder_of(blocks)
                # Nothing may stand between calls and their results.
                (late if _awaits_results(made[-1]) else made).append({"role": "user", "content": [text]})
    body["messages"] = made + late
    if first:
        body["system"] = [*blocks_of(body.get("system")), *first]


def _is_system(message: Any) -> bool:
    return isinstance(message, dict) and message.get("role") == "system"


def _is_text(message: dict[str, Any]) -> bool:
    content = message.get("content")
    if not isinstance(content, list):
        return True
    return all(isinstance(block, str) or (isinstance(block, dict) and block.get("type") == "text") for block in content)


def _reminder_of(blocks: list[Block]) -> Block:
    text = reminder(joined_text(blocks))
    mark = blocks[-1].get("cache_control")
    return {**text, "cache_control": mark} if mark else text


def _is_placed(before: list[Any], following: Any) -> bool:
    if not before or not isinstance(before[-1], dict):
        return False
    if isinstance(following, dict) and following.get("role") != "assistant":
        return False
    role = before[-1].get("role")
    return role == "user" or (role == "assistant" and _ends_with_server_tool(before[-1]))


def _last_block(message: Any) -> Any:
    content = message.get("content") if isinstance(message, dict) else None
    return content[-1] if isinstance(content, list) and content else None


def _ends_with_server_tool(message: Any) -> bool:
    last = _last_block(message)
    kind = last.get("type") if isinstance(last, dict) else None
    return isinstance(kind, str) and kind != "tool_result" and kind.endswith(("_tool_result", "server_tool_use"))


def _awaits_results(message: Any) -> bool:
    if not isinstance(message, dict) or message.get("role") != "assistant":
        return False
    content = message.get("content")
    return isinstance(content, list) and any(
        isinstance(block, dict) and block.get("type") == "tool_use" for block in content
    )
