"""Blocks that overlap, one after the other: Claude has one block open at a time, and some servers that imitate it do
not. The first that started streams, the others wait for its end.

https://github.com/langchain-ai/langchain/pull/37025 (2026-04-27), https://github.com/Wei-Shaw/sub2api/pull/4302
(2026-07-14). Claude itself may put blocks into message_start, where a program of its called a tool:
https://github.com/vercel/ai/pull/14512 (2026-04-16).
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.dialects.anthropic.answer.blocks import Blocks, Delta, Malformed
from providers.dialects.anthropic.answer.whole_blocks import is_block
from providers.dialects.contract import Call
from providers.events import Event, Ping

WAITING_AT_MOST = 16 * 1024 * 1024
"""Bytes of the blocks that wait."""
_PATIENCE = 8
"""Deltas of text that wait for thinking without a word of it: its stop was forgotten. More of it is another block."""
_STARTED_BY = {"text_delta": "text", "citations_delta": "text", "thinking_delta": "thinking"}
_EMPTY = {"text": {"type": "text", "text": ""}, "thinking": {"type": "thinking", "thinking": "", "signature": ""}}
_encode = msgspec.json.Encoder().encode


class _Waiting:
    """A block that started while another one was open."""

    __slots__ = ("deltas", "index", "kind", "start", "stop")

    def __init__(self, index: int, kind: str, start: bytes) -> None:
        self.index = index
        self.kind = kind
        self.start = start
        self.deltas: list[tuple[Delta, bytes]] = []
        self.stop: bytes | None = None


class SerialBlocks(Blocks):
    """The blocks of one answer in the order of their starts; a delta for none of them starts one, if it can."""

    __slots__ = ("_given", "_size", "_waiting")

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._waiting: list[_Waiting] = []
        self._size = 0
        self._given: dict[int, dict[str, Any]] = {}  # the blocks of message_start by their places

    def give(self, content: Any) -> None:
        """The content of message_start: it is sent unless its blocks are streamed as well."""
        if isinstance(content, list):
            self._given = {place: block for place, block in enumerate(content) if is_block(block)}

    def start(self, index: int, kind: str, data: bytes) -> list[Event]:
        """The events of a content_block_start. Raises Malformed."""
        events = self._given_before(index, msgspec.json.decode(data)["content_block"]) if self._given else []
        return [*events, *self._start(index, kind, data)]

    def _start(self, index: int, kind: str, data: bytes) -> list[Event]:
        if not self._waiting and (index == self._index or self._is_done()):
            return super().start(index, kind, data)
        self._unanswered = 0
        self._waiting.append(_Waiting(index, kind, data))
        return self._held(data)

    def stop(self, index: int, data: bytes) -> list[Event]:
        """The events of a content_block_stop. Raises Malformed."""
        if index == self._index:
            return [*super().stop(index, data), *self._advance()]
        waiting = self._waiting_at(index)
        if waiting is not None:
            waiting.stop = data
        return [Ping()]

    def finish(self, *, cut: bool = False) -> list[Event]:
        """What the open block lacks of its end, and all that waited for it. Raises Malformed."""
        events = [*self._all_given(), *super().finish(cut=cut)]
        while self._waiting:
            events += self._advance(cut=cut)
            events += super().finish(cut=cut)
        return events

    def _elsewhere(self, index: int, delta: Delta, data: bytes) -> list[Event]:
        if self._given:
            return [*self._given_at(index), *self.delta(index, delta, data)]
        waiting = self._waiting_at(index)
        if waiting is None:
            return self._implied(index, delta, data)
        waiting.deltas.append((delta, data))
        self._unanswered += 1
        if self._unanswered > _PATIENCE and self._kind == "thinking" and self._waiting[0].kind == "text":
            return [*self.settle(), *self._advance()]
        return self._held(data)

    def _implied(self, index: int, delta: Delta, data: bytes) -> list[Event]:
        """A delta for a block that is over or never began. Only a call cannot be started by it."""
        if delta.type == "input_json_delta" and (delta.partial_json or "").strip():
            raise Malformed("arguments of a tool call that is not open")
        kind = _STARTED_BY.get(delta.type)
        if kind is None or not (delta.text or delta.thinking or delta.type == "citations_delta"):
            return []
        start = {"type": "content_block_start", "index": index, "content_block": _EMPTY[kind]}
        return [*self.start(index, kind, _encode(start)), *self.delta(index, delta, data)]

    def _is_done(self) -> bool:
        """Whether nothing is open that could get more."""
        call = self._call
        if call is not None:
            return call.stop is not None or call.text.has_object()
        return self._index == -1 or (self._kind == "thinking" and self._is_filled)

    def _advance(self, *, cut: bool = False) -> list[Event]:
        """The events of the blocks whose turn it is; the last one stays open if its end has not come."""
        events: list[Event] = []
        while self._waiting and self._is_done():
            events += self.settle(cut=cut)
            block = self._waiting.pop(0)
            events += super().start(block.index, block.kind, block.start)
            for delta, data in block.deltas:
                events += self.delta(block.index, delta, data)
            if block.stop is not None:
                events += super().stop(block.index, block.stop)
        if not self._waiting:
            self._size = 0
        return events

    def _given_before(self, index: int, block: dict[str, Any]) -> list[Event]:
        """The blocks of message_start that come before one that starts: all of them, unless it is one of them."""
        same = self._given.get(index)
        if same is not None and (same["type"], same.get("id")) == (block.get("type"), block.get("id")):
            del self._given[index]
            return self._all_given(before=index)
        return self._all_given()

    def _given_at(self, index: int) -> list[Event]:
        """The block of message_start that a delta belongs to, with those before it; all of them if it is none."""
        if index not in self._given:
            return self._all_given()
        block = self._given.pop(index)
        events = self._all_given(before=index)
        later, self._given = self._given, {}
        events += self.whole(index, block, ends=False)
        self._given = later
        return events

    def _all_given(self, before: int | None = None) -> list[Event]:
        given, self._given = self._given, {}
        events: list[Event] = []
        later: dict[int, dict[str, Any]] = {}
        for place, block in given.items():
            if before is not None and place > before:
                later[place] = block
            else:
                events += self.whole(place, block)
        self._given = later
        return events

    def _waiting_at(self, index: int) -> _Waiting | None:
        found = (block for block in reversed(self._waiting) if block.index == index and block.stop is None)
        return next(found, None)

    def _held(self, data: bytes) -> list[Event]:
        self._size += len(data)
        if self._size > WAITING_AT_MOST:
            raise Malformed(f"more than {WAITING_AT_MOST} bytes of blocks that wait for another one's end")
        return [Ping()]
