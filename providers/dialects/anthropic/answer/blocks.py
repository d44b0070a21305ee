"""The content blocks of a Claude upstream: verbatim where they are what Claude itself would send, corrected where not.

Servers that imitate Claude leave thinking unsigned, send a tool's input inside its start, or use characters in ids of
calls that Claude refuses. What cannot be corrected (a delta that does not fit its block) raises Malformed.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from providers.claude.call_ids import CallIds
from providers.claude.tools import called_name
from providers.dialects.anthropic.answer.arguments import OpenCall
from providers.dialects.anthropic.answer.whole_blocks import taken_apart
from providers.dialects.contract import Call
from providers.events import Event, NativeBlockDelta, NativeBlockStarted, NativeBlockStopped, Ping
from providers.fidelity import Fidelity
from providers.framing.arguments import NoObject, object_text

HELD_AT_MOST = 1024 * 1024
"""Bytes of citations that may come before the text they belong to."""
_WITH_INPUT = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
_INPUT = frozenset({"input_json_delta"})
# What may stand in a block of a known type; deltas and blocks of types to come are passed on.
_DELTAS = {
    "text": frozenset({"text_delta", "citations_delta"}),
    "thinking": frozenset({"thinking_delta", "signature_delta"}),
    "redacted_thinking": frozenset[str](),
    **dict.fromkeys(_WITH_INPUT, _INPUT),
}
KNOWN = frozenset().union(*_DELTAS.values())
_FIELDS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": "partial_json",
}
_NOT_IN_IDS = re.compile(r"[^a-zA-Z0-9_-]")
_encode = msgspec.json.Encoder().encode


class Malformed(ValueError):
    """Something that Claude's format does not allow; the message describes it."""


class Delta(msgspec.Struct, gc=False):
    """A content_block_delta's `delta`, as far as it is looked at."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    signature: str | None = None


class Blocks:
    """The blocks of one answer, one open at a time. `has_tool_use`: one of them asks the client to run a tool."""

    __slots__ = (
        "_allowed",
        "_call",
        "_early",
        "_early_size",
        "_ids",
        "_index",
        "_is_filled",
        "_kind",
        "_notes",
        "_owed",
        "_signature",
        "_unanswered",
    )

    def __init__(self, call: Call) -> None:
        self._notes = call.notes
        self._ids = CallIds(call)
        self._allowed: frozenset[str] | None = None
        self._owed: dict[str, Any] | None = None  # a delta that the end must bring if none like it came before
        self._is_filled = False  # of a text block, or of a thinking block
        self._early: list[bytes] = []
        self._signature: tuple[str, bytes] | None = None  # of a thinking block, and the delta that brings it
        self._unanswered = 0  # deltas of other blocks since the open one's last
        self._shut()

    def start(self, index: int, kind: str, data: bytes) -> list[Event]:
        """The events of a content_block_start. Raises Malformed."""
        events = self.settle()
        self._index, self._kind = index, kind
        self._allowed = _DELTAS.get(kind)
        if kind in _WITH_INPUT or kind in {"text", "thinking"}:
            event = msgspec.json.decode(data)
            block = self._opened(event["content_block"])
            if block is not event["content_block"]:
                data = _encode({**event, "content_block": block})
        return [*events, NativeBlockStarted(index, kind, data)]

    def delta(self, index: int, delta: Delta, data: bytes) -> list[Event]:
        """The events of a content_block_delta. Raises Malformed."""
        kind = delta.type
        if not kind:
            raise Malformed("a content_block_delta without its index or its type")
        field = _FIELDS.get(kind)
        value = None if field is None else getattr(delta, field)
        if field is not None and value is None:
            raise Malformed(f"a {kind} without its {field}")
        if index != self._index:
            return self._elsewhere(index, delta, data)
        if self._allowed is not None and kind not in self._allowed and kind in KNOWN:
            raise Malformed(f"a {kind} in a block of type {self._kind}")
        if self._kind == "text" and not self._is_filled:
            return self._before_text(kind, value, data)
        if self._kind == "thinking":
            return self._thinking(kind, value or "", data)
        if kind == "input_json_delta" and value:
            if self._call is not None:
                return self._call.delta(index, value, data)
            self._owed = None
        return [NativeBlockDelta(index, data)]

    def _thinking(self, kind: str, value: str, data: bytes) -> list[Event]:
        """A signature waits for the block's end: clients take the last one, and some servers send it in pieces."""
        self._unanswered = 0
        if kind != "signature_delta":
            if self._is_filled:
                raise Malformed("more thinking after its signature")
            return [NativeBlockDelta(self._index, data)]
        self._is_filled, self._owed = True, None
        if self._signature is None:
            self._signature = (value, data)
        else:
            earlier = self._signature[0]
            whole = value if value.startswith(earlier) else earlier + value
            delta = {"type": "signature_delta", "signature": whole}
            self._signature = (whole, _delta_of(self._index, delta).raw)
        return []

    def stop(self, index: int, data: bytes) -> list[Event]:
        """The events of a content_block_stop."""
        if index != self._index:
            return []
        if self._call is not None and not self._call.text.may_end():
            # Whether the call may lack something is seen from what follows: another block, or the reason of the end.
            self._call.stop = data
            return [Ping()]
        return self._end(data, cut=False)

    def whole(self, index: int, block: dict[str, Any], *, ends: bool = True) -> list[Event]:
        """The events of a block that came in one piece; it stays open unless it `ends`. Raises Malformed."""
        opened, deltas = taken_apart(block)
        start = {"type": "content_block_start", "index": index, "content_block": opened}
        events = self.start(index, block["type"], _encode(start))
        for delta in deltas:
            event = {"type": "content_block_delta", "index": index, "delta": delta}
            events += self.delta(index, msgspec.convert(delta, Delta), _encode(event))
        if ends:
            events += self.stop(index, _encode({"type": "content_block_stop", "index": index}))
        return events

    def finish(self, *, cut: bool = False) -> list[Event]:
        """What the answer lacks of its end; of one that was `cut` a call may stay as it is. Raises Malformed."""
        return self.settle(cut=cut)

    def settle(self, *, cut: bool = False) -> list[Event]:
        """What the open block lacks of its end; nothing is open then. Raises Malformed."""
        return self._end(None if self._call is None else self._call.stop, cut=cut)

    def _end(self, stop: bytes | None, *, cut: bool) -> list[Event]:
        index, owed, call, signature = self._index, self._owed, self._call, self._signature
        unsigned = self._kind == "thinking" and not self._is_filled
        self._shut()
        events: list[Event] = [] if signature is None else [NativeBlockDelta(index, signature[1])]
        others: list[str] = []
        if call is not None and (owed is None or not call.text.is_blank()):
            owed = None
            try:
                events, others = call.finish(index, cut=cut)
            except NoObject:
                raise Malformed("a tool call whose arguments are no JSON object") from None
            if call.text.is_repaired:
                self._notes.add(Fidelity.ARGUMENTS_REPAIRED)
        if unsigned and owed is None:
            owed = {"type": "signature_delta", "signature": ""}
        if owed is not None:
            events.append(_delta_of(index, owed))
        if stop is not None:
            events.append(NativeBlockStopped(index, stop))
        if call is not None:
            for arguments in others:
                events += call.copy(index, self._ids.free(None), arguments)
        return events

    def _elsewhere(self, index: int, delta: Delta, data: bytes) -> list[Event]:
        """The events of a delta for a block that is not open."""
        return []

    def _shut(self) -> None:
        self._index, self._kind = -1, ""
        self._allowed = self._owed = None
        self._call: OpenCall | None = None
        self._signature = None
        self._is_filled = False
        self._early.clear()
        self._early_size = 0

    def _before_text(self, kind: str, text: str | None, data: bytes) -> list[Event]:
        """Citations wait for the text, so that a block without any can be left out: it could not be sent back."""
        if kind == "text_delta" and text:
            self._is_filled = True
            events: list[Event] = [NativeBlockDelta(self._index, early) for early in self._early]
            self._early.clear()
            return [*events, NativeBlockDelta(self._index, data)]
        if kind != "text_delta":
            self._early.append(data)
            self._early_size += len(data)
            if self._early_size > HELD_AT_MOST:
                raise Malformed(f"more than {HELD_AT_MOST} bytes of citations without a text")
        return [Ping()]

    def _opened(self, block: dict[str, Any]) -> dict[str, Any]:
        """The block as Claude would start it, the same object if it is."""
        match block["type"]:
            case "text":
                self._is_filled = bool(_text(block, "text"))
                return block if isinstance(block.get("text"), str) else {**block, "text": ""}
            case "thinking":
                signature = _text(block, "signature")
                if signature:
                    self._owed = {"type": "signature_delta", "signature": signature}
                # DeepSeek's start has no signature (2026-05); clients look for both members.
                complete = {**block, "thinking": _text(block, "thinking"), "signature": signature}
                return block if complete == block else complete
            case kind:
                return self._opened_call(block, kind)

    def _opened_call(self, block: dict[str, Any], kind: str) -> dict[str, Any]:
        called, given = block.get("id"), block.get("input", {})
        if not _text(block, "name"):
            raise Malformed(f"a {kind} without its name")
        if called is not None and not isinstance(called, str):
            raise Malformed(f"a {kind} whose id is no text")
        changed: dict[str, Any] = {}
        if kind == "tool_use" and block["name"] != called_name(block["name"]):
            changed["name"] = called_name(block["name"])
        if kind == "tool_use":
            free = self._ids.free(_NOT_IN_IDS.sub("_", called or ""))
            if free != called:
                changed["id"] = free
                self._notes.add(Fidelity.CALL_ID_CHANGED)
        if given != {} or "input" not in block:
            # Clients take a call's input from its deltas alone.
            changed["input"] = {}
            whole = "{}" if given is None else object_text(given)
            if whole is None:
                raise Malformed(f"a {kind} whose input is no object")
            if whole != "{}":
                self._owed = {"type": "input_json_delta", "partial_json": whole}
        opened = {**block, **changed} if changed else block
        if kind == "tool_use":
            self._call = OpenCall(opened)
        return opened


def _delta_of(index: int, delta: dict[str, Any]) -> NativeBlockDelta:
    return NativeBlockDelta(index, _encode({"type": "content_block_delta", "index": index, "delta": delta}))


def _text(block: dict[str, Any], name: str) -> str:
    value = block.get(name)
    if value is not None and not isinstance(value, str):
        raise Malformed(f"a {block['type']} block whose {name} is no text")
    return value or ""
