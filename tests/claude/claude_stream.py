"""The judge of every Claude stream in the tests, and a reader of it: it knows the rules and nothing of our code.

R1-R14 are the rules of the stream as clients need it: frames, one message_start, one open block, fitting deltas,
parsable tool input, signed thinking, no empty text, unique tool ids, a legal and fitting stop reason, a last word.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tests.claude.parsed_stream import DELTA_FIELDS, Block, ParsedStream, ToolCall

__all__ = ["ParsedStream", "ToolCall", "check_stream", "read_events"]

STOP_REASONS = {
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
    "compaction",
}
_INSTEAD_OF_TOOL_USE = {"max_tokens", "refusal", "pause_turn", "model_context_window_exceeded"}
# What may stand in a block of a known type; blocks of other types take any delta.
_DELTAS = {
    "text": {"text_delta", "citations_delta"},
    "thinking": {"thinking_delta", "signature_delta"},
    "redacted_thinking": set[str](),
    "tool_use": {"input_json_delta"},
    "server_tool_use": {"input_json_delta"},
    "mcp_tool_use": {"input_json_delta"},
}
_ALL_DELTAS = set[str]().union(*_DELTAS.values())
_TOOL_ID = re.compile(r"[a-zA-Z0-9_-]+")
_FRAME = re.compile(r"event: ([^\n]+)\ndata: ([^\n]+)")


def check_stream(
    raw: bytes, *, complete: bool = True, parsable_tools: bool = True, new_words: bool = False
) -> ParsedStream:
    """Read a whole body and judge it. Raises AssertionError that begins with the number of the broken rule.

    `complete=False` also takes a stream that ends with an error event or was cut between two events;
    `parsable_tools=False` one whose upstream wrote tool arguments that are no JSON object, and `new_words=True` stop
    reasons and types of deltas that Claude may have one day.
    """
    judge = _Judge(parsable_tools, new_words)
    for event in _frames(raw, complete):
        judge.event(event)
    if complete:
        _rule("R12", judge.parsed.error is None, f"the stream ends with an error: {judge.parsed.error}")
        _rule("R11", judge.parsed.complete, "the stream ends without message_stop")
    return judge.parsed


def read_events(raw: bytes) -> list[dict[str, Any]]:
    """The JSON payloads of a body of well-formed frames, unjudged."""
    return [json.loads(match[2]) for match in _FRAME.finditer(raw.decode())]


def _rule(rule: str, holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(f"{rule}: {what}")


def _frames(raw: bytes, complete: bool) -> list[dict[str, Any]]:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise AssertionError(f"R1: not UTF-8: {error}") from error
    _rule("R1", "\r" not in text, "a carriage return")
    frames = text.split("\n\n")
    _rule("R1", frames.pop() == "", "no blank line after the last event")
    _rule("R1", bool(frames) or not complete, "no event at all")
    events = []
    for frame in frames:
        if frame.startswith(":") and "\n" not in frame:
            continue
        _rule("R11", "[DONE]" not in frame.split("\n")[-1][:14], "a [DONE] line")
        match = _FRAME.fullmatch(frame)
        if match is None:
            raise AssertionError(f"R1: not one event line and one data line: {frame!r}")
        try:
            event = json.loads(match[2])
        except ValueError as error:
            raise AssertionError(f"R1: the data line is no JSON: {match[2]!r}") from error
        _rule("R1", isinstance(event, dict), "the data is no JSON object")
        _rule("R1", event.get("type") == match[1], f"event line {match[1]!r} with type {event.get('type')!r}")
        events.append(event)
    return events


class _Judge:
    def __init__(self, parsable_tools: bool, new_words: bool) -> None:
        self.parsed = ParsedStream()
        self._new_words = new_words
        self._parsable_tools = parsable_tools
        self._open: Block | None = None
        self._stopping = False

    def event(self, event: dict[str, Any]) -> None:
        parsed, kind = self.parsed, event["type"]
        _rule("R12", parsed.error is None, f"{kind} after an error")
        _rule("R11", not parsed.complete, f"{kind} after message_stop")
        parsed.events.append(event)
        if kind in {"ping", "error"}:
            if kind == "error":
                self._error(event)
            return
        if kind == "message_start":
            self._message_start(event)
            return
        _rule("R2", parsed.message is not None, f"{kind} before message_start")
        handler = getattr(self, f"_{kind}", None)
        if handler is not None:
            handler(event)

    def _error(self, event: dict[str, Any]) -> None:
        error = event.get("error")
        _rule("R12", isinstance(error, dict), "an error event without an error object")
        assert isinstance(error, dict)
        for name in ("type", "message"):
            _rule("R12", isinstance(error.get(name), str), f"an error without its {name}")
        _rule("R12", isinstance(event.get("request_id"), str), "an error event without request_id")
        self.parsed.error = error

    def _message_start(self, event: dict[str, Any]) -> None:
        _rule("R2", self.parsed.message is None, "a second message_start")
        message = event.get("message")
        _rule("R2", isinstance(message, dict), "message_start without a message")
        assert isinstance(message, dict)
        fixed: dict[str, Any] = {
            "type": "message",
            "role": "assistant",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }
        for name, value in fixed.items():
            _rule("R2", name in message and message[name] == value, f"message_start's {name} is not {value!r}")
        _rule("R9", bool(message.get("id")) and isinstance(message["id"], str), "a message without an id")
        _rule("R2", bool(message.get("model")) and isinstance(message["model"], str), "a message without a model")
        self._usage(message.get("usage"), {"input_tokens", "output_tokens"})
        self.parsed.message = message
        self.parsed.usage = dict(message["usage"])

    def _content_block_start(self, event: dict[str, Any]) -> None:
        parsed, block = self.parsed, event.get("content_block")
        _rule("R10", not self._stopping, "a block after message_delta")
        _rule("R3", self._open is None, "a block starts while another is open")
        _rule("R3", event.get("index") == len(parsed.blocks), f"index {event.get('index')} is not the next one")
        _rule("R4", isinstance(block, dict) and bool(block.get("type")), "a block without a type")
        assert isinstance(block, dict)
        if block["type"] == "tool_use":
            ids = {other.start["id"] for other in parsed.blocks if other.type == "tool_use"}
            _rule("R8", isinstance(block.get("id"), str) and block["id"] not in ids, "a tool id is missing or twice")
            _rule("R8", _TOOL_ID.fullmatch(block["id"]) is not None, f"the tool id {block['id']!r}")
            _rule("R8", isinstance(block.get("name"), str) and bool(block["name"]), "a tool without a name")
            _rule("R5", block.get("input") == {}, "tool input inside content_block_start")
        self._open = Block(block)
        parsed.blocks.append(self._open)

    def _content_block_delta(self, event: dict[str, Any]) -> None:
        block, delta = self._opened(event), event.get("delta")
        _rule("R4", isinstance(delta, dict) and bool(delta.get("type")), "a delta without a type")
        assert isinstance(delta, dict)
        allowed = _DELTAS.get(block.type)
        fits = allowed is None or delta["type"] in allowed or (self._new_words and delta["type"] not in _ALL_DELTAS)
        _rule("R4", fits, f"{delta['type']} in a {block.type} block")
        name = DELTA_FIELDS.get(delta["type"])
        _rule("R4", name is None or isinstance(delta.get(name), str), f"{delta['type']} without its {name}")
        # It could only be the last one: whatever came after it was flagged here.
        signed = bool(block.deltas) and block.deltas[-1]["type"] == "signature_delta"
        _rule("R6", not signed, "a delta after the signature")
        block.deltas.append(delta)

    def _content_block_stop(self, event: dict[str, Any]) -> None:
        block = self._opened(event)
        if block.type == "text":
            _rule("R7", block.text != "", "an empty text block")
        if block.type == "thinking":
            _rule("R6", bool(block.deltas) and block.deltas[-1]["type"] == "signature_delta", "thinking not signed")
        if block.type in {"tool_use", "server_tool_use", "mcp_tool_use"} and self._parsable_tools:
            try:
                value = json.loads(block.json or "{}")
            except ValueError as error:
                raise AssertionError(f"R5: tool input is no JSON: {block.json!r}") from error
            _rule("R5", isinstance(value, dict), f"tool input is no object: {block.json!r}")
        block.closed = True
        self._open = None

    def _opened(self, event: dict[str, Any]) -> Block:
        open_block = self._open
        if open_block is None:
            raise AssertionError(f"R3: {event['type']} while no block is open")
        _rule("R3", event.get("index") == len(self.parsed.blocks) - 1, f"{event['type']} for a block that is not open")
        return open_block

    def _message_delta(self, event: dict[str, Any]) -> None:
        parsed, delta = self.parsed, event.get("delta")
        _rule("R10", self._open is None, "message_delta while a block is open")
        _rule("R13", not self._stopping, "a second message_delta")
        _rule("R10", isinstance(delta, dict), "message_delta without a delta")
        assert isinstance(delta, dict)
        reason = delta.get("stop_reason")
        known = reason in STOP_REASONS or (self._new_words and isinstance(reason, str) and bool(reason))
        _rule("R10", known, f"the stop reason {reason!r}")
        _rule("R10", "stop_sequence" in delta, "message_delta without stop_sequence")
        has_tool = any(block.type == "tool_use" for block in parsed.blocks)
        fits = reason == "tool_use" or reason in _INSTEAD_OF_TOOL_USE if has_tool else reason != "tool_use"
        fits = fits or reason not in STOP_REASONS
        _rule("R10", fits, f"stop_reason {reason} {'with' if has_tool else 'without'} a tool call")
        self._usage(event.get("usage"), {"output_tokens"})
        self._stopping = True
        parsed.usage |= {name: value for name, value in event["usage"].items() if value is not None}
        parsed.stop_reason, parsed.stop_sequence = reason, delta["stop_sequence"]
        parsed.stop_details = delta.get("stop_details")

    def _message_stop(self, event: dict[str, Any]) -> None:
        _rule("R10", self._stopping, "message_stop without message_delta")
        self.parsed.complete = True

    def _usage(self, usage: Any, required: set[str]) -> None:
        _rule("R13", isinstance(usage, dict), "no usage")
        counts = {name: value for name, value in usage.items() if name.endswith("_tokens")}
        for name in sorted(required | counts.keys()):
            value = usage.get(name)
            optional = name not in required and value is None
            _rule("R13", optional or (type(value) is int and value >= 0), f"usage.{name} is {value!r}")
