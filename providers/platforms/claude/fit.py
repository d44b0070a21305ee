"""Makes a request one that a Claude server with a list of its own takes, by the server's plan.

A body can hold megabytes of conversation: what holds nothing that the plan names stays the bytes that it is.
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.claude.blocks import Block, text_block, text_of
from providers.claude.client_json import decode
from providers.claude.known_models import support_for
from providers.claude.system import restate_system
from providers.claude.tools import shown_name
from providers.client_fields.tool_choice import fit_choice
from providers.dialects.contract import Call
from providers.fidelity import Fidelity, Notes
from providers.platforms.claude.marks import move_to_last_block
from providers.platforms.claude.plan import Dropped, Plan

_decode_raw = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_SYSTEM = b'"role":"system"'
_LONG = frozenset({"messages", "system", "tools"})


def fit(body: bytes, plan: Plan, call: Call) -> dict[str, Any]:
    """The body's fields as the server takes them; what is lost goes into the call's notes."""
    raw = _decode_raw(body)
    marked = "cache_control" in raw and "cache_control" in plan.moved_fields
    needles = _needles(plan)
    texts = {name: bytes(value) for name, value in raw.items() if name in _LONG}
    # A system message may become a part of the system prompt.
    opened = marked or _SYSTEM in texts.get("messages", b"")
    fields: dict[str, Any] = {}
    for name, value in raw.items():
        text = texts.get(name)
        stays = text is not None and not opened and not any(needle in text for needle in needles)
        fields[name] = value if stays else decode(value)
    _fit(fields, plan, call)
    return fields


def _needles(plan: Plan) -> list[bytes]:
    """What a list holds as JSON, at least, when the plan has anything to do in it."""
    names = {*plan.tools, *plan.server_tools, *plan.messages, *plan.cache_control, *plan.blocks} - {"role=system"}
    return [f'"{name.partition("=")[2] or name}'.encode() for name in names]


def _fit(body: dict[str, Any], plan: Plan, call: Call) -> None:
    notes = call.notes
    _drop(body, plan.fields, notes, "")
    if "output_format" in plan.moved_fields:
        _move_format(body)
    _fit_inside(body, "output_config", plan.output_config, notes)
    _fit_thinking(body, plan.thinking, notes)
    _fit_edits(body, plan.edits, notes)
    _fit_tools(body, plan, notes)
    if isinstance(body.get("system"), list):
        body["system"] = [_block(block, plan, notes) for block in body["system"]]
    if isinstance(body.get("messages"), list):
        _fit_messages(body, plan, call)
    if "cache_control" in plan.moved_fields:
        mark = body.pop("cache_control", None)
        if isinstance(mark, dict):
            move_to_last_block(body, _without(mark, plan.cache_control, notes, "cache_control."), notes)


def _fit_messages(body: dict[str, Any], plan: Plan, call: Call) -> None:
    support = support_for(call.model)
    if plan.restates_system or support is None or not support.system_messages:
        restate_system(body, call.notes, misplaced_only=False)
    body["messages"] = [_message(message, plan, call.notes) for message in body["messages"]]


def _drop(fields: dict[str, Any], dropped: Dropped, notes: Notes, place: str) -> None:
    for name in dropped.keys() & fields.keys():
        if fields.pop(name) is not None:
            _note(dropped[name], notes, f"{place}{name}")


def _without(fields: dict[str, Any], dropped: Dropped, notes: Notes, place: str) -> dict[str, Any]:
    """The fields without those dropped; the same object when there is none. `place` is the path up to a name."""
    if dropped.keys().isdisjoint(fields):
        return fields
    kept = {**fields}
    _drop(kept, dropped, notes, place)
    return kept


def _note(code: Fidelity | None, notes: Notes, path: str) -> None:
    if code is not None:
        notes.add(code, path)


def _move_format(body: dict[str, Any]) -> None:
    wanted = body.pop("output_format", None)
    config = body.get("output_config")
    config = config if isinstance(config, dict) else {}
    if wanted is not None and "format" not in config:
        body["output_config"] = {**config, "format": wanted}


def _fit_inside(body: dict[str, Any], name: str, dropped: Dropped, notes: Notes) -> None:
    inner = body.get(name)
    if not isinstance(inner, dict):
        return
    kept = _without(inner, dropped, notes, f"{name}.")
    if kept:
        body[name] = kept
    elif inner:
        del body[name]


def _fit_thinking(body: dict[str, Any], dropped: Dropped, notes: Notes) -> None:
    thinking = body.get("thinking")
    if isinstance(thinking, dict):
        values = {name: code for name, code in dropped.items() if _is_value(thinking, name)}
        fields = {**dropped, **{name.partition("=")[0]: code for name, code in values.items()}}
        body["thinking"] = _without(thinking, fields, notes, "thinking.")


def _is_value(fields: dict[str, Any], name: str) -> bool:
    field, is_value, value = name.partition("=")
    return bool(is_value) and fields.get(field) == value


def _fit_edits(body: dict[str, Any], dropped: Dropped, notes: Notes) -> None:
    management = body.get("context_management")
    edits = management.get("edits") if isinstance(management, dict) else None
    if not isinstance(management, dict) or not isinstance(edits, list):
        return
    kept = [edit for edit in edits if _beginning(edit, dropped) is None]
    if len(kept) == len(edits):
        return
    notes.add(Fidelity.FIELD_DROPPED, "context_management.edits")
    if kept:
        body["context_management"] = {**management, "edits": kept}
    else:
        del body["context_management"]


def _beginning(item: Any, beginnings: Dropped) -> str | None:
    """Which of the beginnings an item's type has."""
    kind = item.get("type") if isinstance(item, dict) else None
    if not isinstance(kind, str):
        return None
    return next((start for start in beginnings if kind.startswith(start)), None)


def _fit_tools(body: dict[str, Any], plan: Plan, notes: Notes) -> None:
    tools = body.get("tools")
    if not isinstance(tools, list):
        return
    kept: list[Any] = []
    for tool in tools:
        start = _beginning(tool, plan.server_tools)
        if start is not None:
            _note(plan.server_tools[start], notes, shown_name(tool))
        elif isinstance(tool, dict):
            kept.append(_block(_without(tool, plan.tools, notes, "tools."), plan, notes))
        else:
            kept.append(tool)
    body["tools"] = kept
    if len(kept) < len(tools):
        fit_choice(body, kept, notes)


def _message(message: Any, plan: Plan, notes: Notes) -> Any:
    if not isinstance(message, dict):
        return message
    message = _without(message, plan.messages, notes, "messages.")
    content = message.get("content")
    if not isinstance(content, list):
        return message
    blocks = [_block(block, plan, notes) for block in content]
    if all(new is old for new, old in zip(blocks, content, strict=True)):
        return message
    return {**message, "content": blocks}


def _block(block: Any, plan: Plan, notes: Notes) -> Any:
    """A block, or a tool, as the server takes it; the same object when nothing is changed."""
    if not isinstance(block, dict):
        return block
    kind = block.get("type")
    if kind == "tool_reference" and "type=tool_reference" in plan.blocks:
        notes.add(Fidelity.TOOL_REFERENCE_AS_TEXT)
        return _as_text(block)
    mark = block.get("cache_control")
    if isinstance(mark, dict):
        kept = _without(mark, plan.cache_control, notes, "cache_control.")
        if kept is not mark:
            block = {**block, "cache_control": kept}
    if "caller" in block and "caller" in plan.blocks and kind in ("tool_use", "server_tool_use"):
        block = {name: value for name, value in block.items() if name != "caller"}
    content = block.get("content")
    if kind == "tool_result" and isinstance(content, list):
        inner = [_block(part, plan, notes) for part in content]
        if any(new is not old for new, old in zip(inner, content, strict=True)):
            block = {**block, "content": inner}
    return block


def _as_text(block: Block) -> Block:
    return text_block(text_of(block) or "Loaded a tool")
