"""The ids of tool calls: no two alike in a conversation, whatever a provider calls them.

Some servers count anew in every answer (`call_0`, each time): Claude Code takes the second call for the first one, and
runs in circles (https://github.com/NVIDIA-NeMo/Switchyard/issues/502, 2026-08-20). The client gets a repeated id with
a mark in front: `px2_<origin>_<random>_<id>`. The id itself says what the server called it, so any worker can undo it
in the next turn. Only the model that gave the id gets it back as it was; others get the one that the client has.

Claude ("`tool_use` ids must be unique", https://github.com/anthropics/claude-code/issues/28515, 2026-02-25), OpenAI's
Responses ("Duplicate function_call_output for call_id", https://github.com/NousResearch/hermes-agent/issues/102629,
2026-09-04) and DeepSeek ("Duplicate value for 'tool_call_id'",
https://github.com/craft-ai-agents/craft-agents-oss/issues/630, 2026-04-29) refuse a history with two equal ids.
"""

from __future__ import annotations

import re
import secrets
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from providers.claude.blocks import Block
from providers.claude.history.item import read_once
from providers.claude.signatures import origin_of
from providers.fidelity import Fidelity, Notes

if TYPE_CHECKING:
    from providers.dialects.contract import Call

MARK = "px2_"
_MARKED = re.compile(rf"{MARK}([0-9a-f]{{8}})_[0-9a-f]{{6}}_(.+)", re.DOTALL)
_LONGEST = 256


class CallIds:
    """The ids of one answer's calls, unlike each other and unlike those of the conversation.

    They are read at once: an answer outlives its request's body.
    """

    __slots__ = ("_earlier", "_model", "_notes", "_provider", "_taken")

    def __init__(self, call: Call) -> None:
        self._earlier = () if call.texts_only else _ids_in(call.body.get("messages"))
        self._taken: set[str] = set()
        self._provider, self._model, self._notes = call.provider, call.model, call.notes

    def __len__(self) -> int:
        """How many calls the answer has so far."""
        return len(self._taken)

    def free(self, wanted: str | None) -> str:
        """`wanted` where no call has it yet, marked where an earlier turn's has it, else a new one.

        `wanted` is an id that a client accepts, or None where there is none.
        """
        if not wanted or wanted in self._taken:
            wanted = _new_id()
        elif wanted in self._earlier:
            self._notes.add(Fidelity.CALL_ID_CHANGED)
            marked = f"{MARK}{origin_of(self._provider, self._model)}_{secrets.token_hex(3)}_{wanted}"
            wanted = marked if len(marked) <= _LONGEST and marked not in self._earlier else _new_id()
        self._taken.add(wanted)
        return wanted


def own_id(call_id: str, origin: str) -> str:
    """The id as the model with this origin gave it; unchanged where it was not marked, or for another model."""
    if not call_id.startswith(MARK):
        return call_id
    found = _MARKED.fullmatch(call_id)
    return found[2] if found is not None and found[1] == origin else call_id


def renamed_calls(calls: Iterable[Block], taken: dict[str, int]) -> dict[int, str]:
    """New ids for the calls whose ids are already `taken`, by the block's identity; `taken` gets the ids of all.

    It has the number that was last put behind an id, so that a thousand equal ones are not counted up from two each.

    A client may have sent them: its history may be older than the marks, or another gateway's. The same history gets
    the same ids each time.
    """
    changed: dict[int, str] = {}
    for call in calls:
        wanted: str = call["id"]
        free = wanted
        if wanted in taken:
            number = taken[wanted]
            while free in taken:
                number += 1
                free = f"{wanted}_{number}"
            taken[wanted] = number
            changed[id(call)] = free
        taken[free] = 1
    return changed


def with_distinct_ids(messages: Any, origin: str | None, notes: Notes) -> Any:
    """A history for a Claude server: no two calls have one id, and a model that is no Claude gets its own ids back.

    `origin` is that model, None for Claude. The same object if nothing changes; no message in it is changed.
    """
    ids = [call["id"] for message in _listed(messages) for call in _calls_of(message)]
    own = origin is not None and any(own_id(call_id, origin) != call_id for call_id in ids)
    if len(set(ids)) == len(ids) and not own:
        return messages
    if len(set(ids)) < len(ids):
        notes.add(Fidelity.CALL_ID_CHANGED)
    taken: dict[str, int] = {}
    waiting: dict[str, deque[str]] = {}
    answered = False
    changed = []
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list):
            calls = _calls_of(message)
            if answered and calls:
                waiting = {}
            answered = not calls and message.get("role") != "assistant"
            new = renamed_calls(calls, taken)
            for call in calls:
                sent = new.get(id(call)) or (call["id"] if origin is None else own_id(call["id"], origin))
                waiting.setdefault(call["id"], deque()).append(sent)
                new[id(call)] = sent
            message = {**message, "content": [_respelled(block, new, waiting) for block in content]}
        changed.append(message)
    return changed


def _respelled(block: Any, new: dict[int, str], waiting: dict[str, deque[str]]) -> Any:
    """A block with the id that its call has now; the results of two calls with one id come in the calls' order."""
    if id(block) in new:
        return {**block, "id": new[id(block)]}
    answered = block.get("tool_use_id") if isinstance(block, dict) and block.get("type") == "tool_result" else None
    sent = waiting.get(answered) if isinstance(answered, str) else None
    return {**block, "tool_use_id": sent.popleft()} if sent else block


def _ids_in(messages: Any) -> Sequence[Any]:
    """The ids of the calls of a conversation; few answers look one up."""
    found: list[Any] = []
    for message in _listed(messages):
        if isinstance(message, dict) and message.get("role") == "assistant":
            found += _ids_of(message)
    return found


@read_once
def _ids_of(message: dict[str, Any]) -> tuple[Any, ...]:
    blocks = _listed(message.get("content"))
    return tuple([block.get("id") for block in blocks if type(block) is dict and block.get("type") == "tool_use"])


def _calls_of(message: Any) -> list[Block]:
    """The calls in a message."""
    if not isinstance(message, dict) or message.get("role") != "assistant":
        return []
    return [
        block
        for block in _listed(message.get("content"))
        if isinstance(block, dict) and block.get("type") == "tool_use" and isinstance(block.get("id"), str)
    ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _new_id() -> str:
    return f"toolu_{secrets.token_hex(12)}"
