"""A Claude conversation as input items. The same prefix of a conversation always gives the same items.

Ids of messages and calls are not sent back: nothing is stored over there that they could name.
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.claude.blocks import Block, joined_text, text_of
from providers.claude.media import media_of, nested_media
from providers.claude.prefill import GO_ON, begins_answer, may_go_on
from providers.claude.turns import AssistantTurn, ResultsTurn, SystemTurn, ToolResult, UserTurn, turns
from providers.dialects.contract import Call, has_prefill
from providers.dialects.openai_responses.signatures import origin, read_signature
from providers.dialects.openai_responses.tools import sent_call_id, sent_name
from providers.fidelity import Fidelity

Item = dict[str, Any]


def input_items(call: Call) -> list[Item]:
    """The conversation of a Claude request; raises UnsupportedRequest for media that only Anthropic can read."""
    items: list[Item] = []
    for turn in turns(call.body.get("messages"), call.notes):
        match turn:
            case SystemTurn():
                text = joined_text(turn.blocks)
                if text:
                    # In its place: moving it would cost the prompt cache.
                    items.append(_message("developer", [_text(text)]))
            case UserTurn():
                parts = [part for block in turn.blocks for part in _parts(block)]
                if parts:
                    items.append(_message("user", parts))
            case AssistantTurn():
                items += _AssistantWriter(call).items(turn.blocks)
            case ResultsTurn():
                items += [_result(result, call) for result in turn.results]
    if begins_answer(call.body) and not (may_go_on(call.body) and has_prefill(call.provider, call.model)):
        call.notes.add(Fidelity.PREFILL_RESTATED)
        items.append(_message("user", [_text(GO_ON)]))
    return items


class _AssistantWriter:
    """The items of one answer of the model, in the order in which it made them."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._origin = origin(call)
        self._items: list[Item] = []
        self._waiting: list[Item] = []
        self._texts: list[str] = []
        self._phase: str | None = None

    def items(self, blocks: list[Block]) -> list[Item]:
        """The items. Reasoning that nothing follows is left out: the API refuses it."""
        for block in blocks:
            kind = block.get("type")
            if kind == "thinking" or kind == "redacted_thinking":
                self._thinking(block)
            elif kind == "tool_use":
                self._write_texts()
                self._write(self._function_call(block))
            elif (text := text_of(block)) is not None:
                self._texts.append(text)
        self._write_texts()
        if self._waiting:
            self._call.notes.add(Fidelity.THINKING_DROPPED)
        return self._items

    def _thinking(self, block: Block) -> None:
        carried = read_signature(block, self._origin)
        if carried is None:
            self._call.notes.add(Fidelity.THINKING_DROPPED)
            return
        self._write_texts()
        if carried.reasoning is not None:
            self._waiting.append(carried.reasoning)
        self._phase = carried.phase

    def _write_texts(self) -> None:
        """The text so far as one message: it came as one stream and was cut only by what lay between."""
        if self._texts:
            message = _message("assistant", [{"type": "output_text", "text": "".join(self._texts)}])
            if self._phase is not None:
                message["phase"] = self._phase
            self._write(message)
        self._texts = []
        self._phase = None

    def _write(self, item: Item) -> None:
        self._items += [*self._waiting, item]
        self._waiting = []

    def _function_call(self, block: Block) -> Item:
        given = block.get("input")
        return {
            "type": "function_call",
            "call_id": sent_call_id(block["id"], self._call.notes),
            "name": sent_name(block["name"], self._call.notes),
            "arguments": msgspec.json.encode(given if isinstance(given, dict) else {}).decode(),
        }


def _result(result: ToolResult, call: Call) -> Item:
    """A call's output: a string, or a list of parts where there is something to see."""
    parts = [part for block in result.blocks for part in _parts(block)]
    if result.is_error:
        call.notes.add(Fidelity.RESULT_ERROR_WORDED)
        if not (parts and parts[0].get("text", "").startswith("Error")):
            parts = _marked_as_error(parts)
    output: str | list[Item] = parts
    if all(part["type"] == "input_text" for part in parts):
        output = "\n\n".join(part["text"] for part in parts) or "(no output)"
    return {"type": "function_call_output", "call_id": sent_call_id(result.call_id, call.notes), "output": output}


def _marked_as_error(parts: list[Item]) -> list[Item]:
    if parts and parts[0]["type"] == "input_text":
        return [_text(f"Error: {parts[0]['text']}"), *parts[1:]]
    return [_text("Error: (no output)" if not parts else "Error:"), *parts]


def _message(role: str, parts: list[Item]) -> Item:
    return {"type": "message", "role": role, "content": parts}


def _text(text: str) -> Item:
    return {"type": "input_text", "text": text}


def _parts(block: Block) -> list[Item]:
    """The text and the media of a block."""
    text = text_of(block)
    parts = [] if text is None else [_text(text)]
    for inner in nested_media(block):
        parts += _parts(inner)
    media = media_of(block)
    if media is None:
        return parts
    if media.kind == "image":
        return [*parts, {"type": "input_image", "detail": "auto", "image_url": media.url}]
    # https://platform.openai.com/docs/guides/pdf-files
    if media.inline:
        return [*parts, {"type": "input_file", "filename": media.title or "document.pdf", "file_data": media.url}]
    return [*parts, {"type": "input_file", "file_url": media.url}]
