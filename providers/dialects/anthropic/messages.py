"""The history as Claude takes it, whoever wrote it: another model's turns would fail the whole request.

What Claude refuses with a 400, and where that was seen:
* thinking that it did not sign: `Invalid signature in thinking block`; thinking as the last block of a message
  (anthropics/claude-code#11517, 2025-11);
* texts without a visible character: `text content blocks must contain non-whitespace text`
  (anthropics/claude-code#23440, 2026-02; anomalyco/opencode#31259, 2026-07), and messages without a block;
* an id or a name of a call with other characters than letters, digits, "_" and "-" (`String should match pattern`), and
  an input that is no object (farion1231/cc-switch#1181, 2026-02; earendil-works/pi#198, 2025-12);
* a call without its result in the next message, a result without its call, and a result behind other blocks:
  `tool_use ids were found without tool_result blocks immediately after`
  (https://platform.claude.com/docs/en/agents-and-tools/tool-use/handle-tool-calls, 2026-11).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any

from providers.claude.blocks import Block, blocks_of, text_block
from providers.claude.client_json import Embedded
from providers.claude.signatures import is_claudes
from providers.claude.turns import NO_RESULT
from providers.fidelity import Fidelity, Notes

_THINKING = ("thinking", "redacted_thinking")
_is_spelled = re.compile(r"[a-zA-Z0-9_-]+").fullmatch
_UNSPELLED = re.compile(r"[^a-zA-Z0-9_-]")
_LONGEST_NAME = 128
_ORPHAN = "(The result of a tool call that is not in this conversation:)"


def mend_history(body: dict[str, Any], notes: Notes) -> None:
    """Replaces `messages` where Claude would refuse them; no message is changed in place."""
    history = body.get("messages")
    if isinstance(history, list) and not _is_sound(history):
        body["messages"] = _paired(_cleaned(history, notes), notes) or history


def begins_without_thinking(history: Any) -> bool:
    """Whether the tool loop that the conversation is in was begun by a turn without thinking.

    While thinking is enabled with a budget, Claude refuses that: "Expected `thinking` or `redacted_thinking`, but found
    `tool_use`" (router-for-me/CLIProxyAPI#1078, mastra-ai/mastra#7799). Adaptive thinking allows it.
    """
    first: Any = None
    for number, message in enumerate(reversed(history if isinstance(history, list) else [])):
        role = message.get("role") if isinstance(message, dict) else None
        if role == "assistant":
            if number == 0:
                return False
            first = message
        elif role == "user" and not _holds_result(message):
            break
    if first is None:
        return False
    content = first.get("content")
    beginning = content[0] if isinstance(content, list) and content else None
    return not isinstance(beginning, dict) or beginning.get("type") not in _THINKING


def _is_sound(history: list[Any]) -> bool:
    """Whether Claude takes the history as it is: one quick pass, and the only one for nearly every request.

    What is not of the usual shape is looked at again, slowly.
    """
    waiting: list[str] = []
    try:
        for number, message in enumerate(history, 1):
            role, content = message["role"], message["content"]
            if role == "assistant":
                ends = _read_answer(content, waiting)
                if ends is None or (ends in _THINKING and _follows(history, number) != "assistant"):
                    return False
            elif role == "user":
                if not _are_sound_results(content, waiting):
                    return False
                waiting = []
            elif waiting:
                return False
    except (KeyError, TypeError, AttributeError):
        return False
    return not waiting


def _follows(history: list[Any], number: int) -> Any:
    """The role of a message; an answer at the end may end as it likes."""
    return _role(history[number]) if number < len(history) else "assistant"


def _read_answer(content: Any, waiting: list[str]) -> str | None:
    """The type of the last block, None for a message that Claude refuses; `waiting` gets the ids of its calls."""
    kind = "text" if content else None
    for block in content if type(content) is list else ():
        kind = block["type"]
        if kind == "tool_use":
            call_id = block["id"]
            if not call_id or type(block["input"]) is not dict or not _is_spelled(call_id + block["name"]):
                return None
            waiting.append(call_id)
        elif kind == "text":
            text = block["text"]
            if not text or text.isspace():
                return None
        elif kind == "thinking" and not is_claudes(block):
            return None
    return kind


def _are_sound_results(content: Any, waiting: list[str]) -> bool:
    """Whether a user message begins with exactly the results that are waited for."""
    if not isinstance(content, list):
        return not waiting
    count = len(waiting)
    for block in content[count:]:
        if block["type"] == "tool_result":
            return False
    if not count:
        return True
    first = [block["tool_use_id"] for block in content[:count] if block["type"] == "tool_result"]
    return first == waiting or (len(first) == count and set(first) == set(waiting))


def _cleaned(history: list[Any], notes: Notes) -> list[Any]:
    """The history without what Claude refuses in a single message."""
    ids: dict[Any, str] = {}
    embedded = Embedded()
    made = []
    for number, message in enumerate(history):
        content = message.get("content") if isinstance(message, dict) else None
        if _role(message) == "assistant":
            if isinstance(content, list):
                following = history[number + 1] if number + 1 < len(history) else None
                blocks = _answer(
                    content, notes, ids, embedded, thinking_may_end=following is None or _role(following) == "assistant"
                )
                if blocks:
                    made.append({**message, "content": blocks})
            elif content:
                made.append(message)
            continue
        if isinstance(content, list) and ids:
            message = {**message, "content": [_with_new_id(block, ids) for block in content]}
        made.append(message)
    return made


def _answer(
    content: list[Any], notes: Notes, ids: dict[Any, str], embedded: Embedded, *, thinking_may_end: bool
) -> list[Any]:
    blocks: list[Any] = []
    for block in content:
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "thinking" and not is_claudes(block):
            notes.add(Fidelity.THINKING_DROPPED)
        elif kind == "text" and not str(block.get("text") or "").strip():
            continue
        elif kind == "tool_use":
            blocks.append(_spelled(block, notes, ids, embedded))
        else:
            blocks.append(block)
    while blocks and not thinking_may_end and isinstance(blocks[-1], dict) and blocks[-1].get("type") in _THINKING:
        notes.add(Fidelity.THINKING_DROPPED)
        blocks.pop()
    return blocks


def _spelled(block: Block, notes: Notes, ids: dict[Any, str], embedded: Embedded) -> Block:
    """A call whose id, name and input Claude takes; the same call is spelled the same each time."""
    call_id, name = block.get("id"), str(block.get("name") or "tool")
    if not isinstance(call_id, str) or not _is_spelled(call_id):
        notes.add(Fidelity.CALL_ID_CHANGED)
        made = f"toolu_{hashlib.sha256(f'{call_id}'.encode()).hexdigest()[:24]}"
        if isinstance(call_id, str):
            ids[call_id] = made
        block = {**block, "id": made}
    if not _is_spelled(name) or block.get("name") != name:
        notes.add(Fidelity.TOOL_RENAMED)
        block = {**block, "name": _UNSPELLED.sub("_", name[:_LONGEST_NAME])}
    if not isinstance(block.get("input"), dict):
        notes.add(Fidelity.ARGUMENTS_REPAIRED)
        block = {**block, "input": _input(block.get("input"), embedded)}
    return block


def _input(given: Any, embedded: Embedded) -> dict[str, Any]:
    if isinstance(given, str):
        given = embedded.value(given) if given else {}
    if isinstance(given, dict):
        return given
    return {} if given is None else {"value": given}


def _with_new_id(block: Any, ids: dict[Any, str]) -> Any:
    answered = block.get("tool_use_id") if isinstance(block, dict) and block.get("type") == "tool_result" else None
    return {**block, "tool_use_id": ids[answered]} if isinstance(answered, str) and answered in ids else block


def _paired(history: list[Any], notes: Notes) -> list[Any]:
    """The history with exactly one result for each call, at the beginning of the message after it."""
    made: list[Any] = []
    start = 0
    while start < len(history):
        calls: list[str] = []
        while start < len(history) and _role(history[start]) == "assistant":
            made.append(history[start])
            calls += _calls(history[start])
            start += 1
        end = start
        while end < len(history) and _role(history[end]) != "assistant":
            end += 1
        made += _with_results(history[start:end], calls, notes)
        start = end
    return made


def _with_results(run: list[Any], calls: list[str], notes: Notes) -> list[Any]:
    first = run[0] if run else None
    alone = not any(map(_holds_result, run[1:]))
    if alone and (not calls or _role(first) == "user") and _has_results(_content(first), calls):
        return run
    found: dict[Any, Block] = {}
    wanted = frozenset(calls)
    rest = []
    for message in run:
        content = _content(message)
        blocks = [_taken(block, wanted, found, notes) for block in content] if isinstance(content, list) else None
        kept = None if blocks is None else [block for part in blocks for block in part]
        if kept is None:
            rest.append(message)
        elif kept:
            rest.append({**message, "content": kept})
    results = [found.get(call) or _made_up(call, notes) for call in calls]
    if not results:
        return rest
    if rest and _role(rest[0]) == "user":
        return [{**rest[0], "content": [*results, *blocks_of(_content(rest[0]))]}, *rest[1:]]
    return [{"role": "user", "content": results}, *rest]


def _has_results(content: Any, calls: list[str]) -> bool:
    blocks = content if isinstance(content, list) else []
    try:
        return _are_sound_results(blocks, calls)
    except (KeyError, TypeError, AttributeError):
        return not calls and not any(map(_is_result, blocks))


def _taken(block: Any, calls: frozenset[str], found: dict[Any, Block], notes: Notes) -> list[Any]:
    """What stays of a block in its place: a result that is waited for goes elsewhere, any other becomes text."""
    if not _is_result(block):
        return [block]
    answered = block.get("tool_use_id")
    if isinstance(answered, str) and answered in calls and answered not in found:
        found[answered] = block
        return []
    notes.add(Fidelity.RESULT_ORPHANED)
    return [text_block(_ORPHAN), *blocks_of(block.get("content"))]


def _made_up(call_id: str, notes: Notes) -> Block:
    notes.add(Fidelity.RESULT_MADE_UP)
    return {"type": "tool_result", "tool_use_id": call_id, "content": NO_RESULT}


def _calls(message: Any) -> Iterable[str]:
    content = _content(message)
    blocks = content if isinstance(content, list) else []
    return [block["id"] for block in blocks if isinstance(block, dict) and block.get("type") == "tool_use"]


def _holds_result(message: Any) -> bool:
    content = _content(message)
    return isinstance(content, list) and any(map(_is_result, content))


def _is_result(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "tool_result"


def _content(message: Any) -> Any:
    return message.get("content") if isinstance(message, dict) else None


def _role(message: Any) -> Any:
    return message.get("role") if isinstance(message, dict) else None
