"""Blocks that overlap, one after the other: Claude has one block open at a time, and some servers that imitate it do
not. The first that started streams, the others wait for its end.

https://github.com/langchain-ai/langchain/pull/37025 (2026-04-27), https://github.com/Wei-Shaw/sub2api/pull/4302
(2026-07-14).
"""

from __future__ import annotations

import msgspec

from providers.dialects.anthropic.answer.blocks import Blocks, Delta, Malformed
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

    __slots__ = ("_size", "_waiting")

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._waiting: list[_Waiting] = []
        self._size = 0

    def start(self, index: int, kind: str, data: bytes) -> list[Event]:
        """The events of a content_block_start. Raises Malformed."""
        if not self._waiting and self._index in (-1, index):
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

    def finish(self) -> list[Event]:
        """What the open block lacks of its end, and all that waited for it. Raises Malformed."""
        events = super().finish()
        while self._waiting:
            events += self._advance()
            events += super().finish()
        return events

    def _elsewhere(self, index: int, delta: Delta, data: bytes) -> list[Event]:
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

    def _advance(self) -> list[Event]:
        """The events of the blocks whose turn it is; the last one stays open if its end has not come."""
        events: list[Event] = []
        while self._waiting and self._index == -1:
            block = self._waiting.pop(0)
            events += super().start(block.index, block.kind, block.start)
            for delta, data in block.deltas:
                events += self.delta(block.index, delta, data)
            if block.stop is not None:
                events += super().stop(block.index, block.stop)
        if not self._waiting:
            self._size = 0
        return events

    def _waiting_at(self, index: int) -> _Waiting | None:
        found = (block for block in reversed(self._waiting) if block.index == index and block.stop is None)
        return next(found, None)

    def _held(self, data: bytes) -> list[Event]:
        self._size += len(data)
        if self._size > WAITING_AT_MOST:
            raise Malformed(f"more than {WAITING_AT_MOST} bytes of blocks that wait for another one's end")
        return [Ping()]
