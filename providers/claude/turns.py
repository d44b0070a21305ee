"""The messages of a Claude request as turns, in which exactly one result follows every tool call at once.

Claude accepts results in any order, between other blocks and spread over messages; most servers want them right after
their calls. A missing result is made up and a result without a call becomes text: other providers refuse both.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec

from providers.claude.blocks import Block, blocks_of, text_block
from providers.claude.call_ids import renamed_calls
from providers.errors import UnsupportedRequest
from providers.fidelity import Fidelity, Notes
from usage.sentence import Sentence

NO_RESULT = "(no result)"


class SystemTurn(msgspec.Struct, frozen=True):
    """A system message in the middle of the conversation; its place matters."""

    blocks: list[Block]


class UserTurn(msgspec.Struct, frozen=True):
    """A user message without its tool results."""

    blocks: list[Block]


class AssistantTurn(msgspec.Struct, frozen=True):
    """Text, thinking and tool_use blocks of the model in their order. Every tool_use has an id and a name."""

    blocks: list[Block]


class ToolResult(msgspec.Struct, frozen=True):
    """The result of the call `call_id` of the tool `name`."""

    call_id: str
    name: str
    blocks: list[Block]
    is_error: bool = False
    cache_control: Any = None


class ResultsTurn(msgspec.Struct, frozen=True):
    """One result for each call of the assistant turn before it, in the order of the calls."""

    results: list[ToolResult]


Turn = SystemTurn | UserTurn | AssistantTurn | ResultsTurn


def turns(messages: Any, notes: Notes) -> Iterator[Turn]:
    """Walk the messages. Turns that hold nothing are left out; assistant messages in a row are one turn.

    What is made up or restated goes into `notes`. No two calls have one id.
    Raises UnsupportedRequest for a message that is not an object or has an unknown role.
    """
    ids: dict[str, int] = {}
    for group in groups(messages):
        yield from turns_of(group, ids, notes)


def groups(messages: Any) -> list[list[Block]]:
    """The messages in groups, which begin wherever the model begins to speak; no turn is in two of them.

    Raises UnsupportedRequest for a message that is not an object or has an unknown role.
    """
    if not isinstance(messages, list):
        raise UnsupportedRequest(Sentence("`messages` is not a list.", code="messages_unreadable"))
    found: list[list[Block]] = []
    last = ""
    for number, message in enumerate(messages):
        if not isinstance(message, dict):
            raise UnsupportedRequest(
                Sentence("messages.{number} is not an object.", code="message_unreadable", number=number)
            )
        role = message.get("role")
        if role not in ("user", "assistant", "system"):
            raise UnsupportedRequest(
                Sentence(
                    "messages.{number}.role is neither user nor assistant nor system.",
                    code="role_unreadable",
                    number=number,
                )
            )
        if not found or (role == "assistant" and last != "assistant"):
            group: list[Block] = []
            found.append(group)
        group.append(message)
        last = role
    return found


def turns_of(group: list[Block], ids: dict[str, int], notes: Notes) -> Iterator[Turn]:
    """The turns of one group. `ids` are those of earlier calls (providers.claude.call_ids.renamed_calls)."""
    spoken = 0
    blocks: list[Block] = []
    while spoken < len(group) and group[spoken]["role"] == "assistant":
        blocks += blocks_of(group[spoken].get("content"))
        spoken += 1
    blocks, calls = _with_valid_calls(blocks)
    renamed = renamed_calls(calls, ids)
    if renamed:
        notes.add(Fidelity.CALL_ID_CHANGED)
    if blocks:
        yield AssistantTurn([_with_id(block, renamed) for block in blocks] if renamed else blocks)
    run = [(message["role"], blocks_of(message.get("content"))) for message in group[spoken:]]
    taken: dict[int, Block] = {}
    if calls:
        taken, results = _results(calls, run, renamed, notes)
        yield ResultsTurn(results)
    for role, others in run:
        if rest := _rest(others, taken, notes):
            yield SystemTurn(rest) if role == "system" else UserTurn(rest)


def _with_valid_calls(blocks: list[Block]) -> tuple[list[Block], list[Block]]:
    """The blocks, and the calls among them. Without a name one is dropped, without an id it always gets the same."""
    valid = []
    calls = []
    for number, block in enumerate(blocks):
        if block.get("type") == "tool_use":
            name = block.get("name")
            if not isinstance(name, str) or not name:
                continue
            if not isinstance(block.get("id"), str) or not block["id"]:
                digest = hashlib.sha256(f"{number}:{name}".encode()).hexdigest()[:24]
                block = {**block, "id": f"toolu_{digest}"}
            calls.append(block)
        valid.append(block)
    return valid, calls


def _with_id(block: Block, renamed: dict[int, str]) -> Block:
    return {**block, "id": renamed[id(block)]} if id(block) in renamed else block


def _results(
    calls: list[Block], run: list[tuple[str, list[Block]]], renamed: dict[int, str], notes: Notes
) -> tuple[dict[int, Block], list[ToolResult]]:
    """The result blocks that were taken, by identity, and the results in the order of the calls."""
    waiting: dict[str, deque[Block]] = {}
    for role, blocks in run:
        for block in blocks if role == "user" else ():
            answered = block.get("tool_use_id") if block.get("type") == "tool_result" else None
            if isinstance(answered, str):
                if (others := waiting.get(answered)) is None:
                    waiting[answered] = deque((block,))
                else:
                    others.append(block)
    taken: dict[int, Block] = {}
    results = []
    for call in calls:
        found = waiting.get(call["id"])
        call_id: str = renamed.get(id(call)) or call["id"]
        if not found:
            notes.add(Fidelity.RESULT_MADE_UP)
            results.append(ToolResult(call_id, call["name"], [text_block(NO_RESULT)]))
            continue
        block = found.popleft()
        taken[id(block)] = block
        results.append(
            ToolResult(
                call_id,
                call["name"],
                blocks_of(block.get("content")),
                is_error=block.get("is_error") is True,
                cache_control=block.get("cache_control"),
            )
        )
    return taken, results


def _rest(blocks: list[Block], taken: dict[int, Block], notes: Notes) -> list[Block]:
    """The blocks without the results that were taken; a result of no call becomes text."""
    rest: list[Block] = []
    for block in blocks:
        if id(block) in taken:
            continue
        if block.get("type") == "tool_result":
            notes.add(Fidelity.RESULT_ORPHANED)
            rest += [text_block("(The result of a tool call that is not in this conversation:)")]
            rest += blocks_of(block.get("content"))
        else:
            rest.append(block)
    return rest
