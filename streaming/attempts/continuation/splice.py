"""Edits the events of a continuation so that its text lands in the block that is open. Sans-IO."""

from __future__ import annotations

import msgspec

from providers.events import (
    Event,
    MessageFinished,
    NativeBlockDelta,
    NativeBlockStarted,
    NativeBlockStopped,
    StreamFailed,
    TextDelta,
    ThinkingDelta,
    ThinkingSignature,
    ToolArgumentsDelta,
    ToolCallStarted,
)
from streaming.attempts.continuation.overlap import Overlap

_THINKING = frozenset({"thinking", "redacted_thinking"})
_ENDS = (ToolCallStarted, ToolArgumentsDelta, MessageFinished, StreamFailed)


class Splice:
    """A stream edit that drops thinking before the text and the part of the first text that repeats the earlier one.

    Everything after the end of that first text passes unchanged.
    """

    __slots__ = ("_dropped", "_native", "_over", "_overlap")

    def __init__(self, overlap: Overlap) -> None:
        self._overlap = overlap
        self._dropped: int | None = None
        self._native: int | None = None
        self._over = False

    def feed(self, events: list[Event]) -> list[Event]:
        """Returns the events that continue the answer."""
        if self._over:
            return events
        out: list[Event] = []
        for event in events:
            if self._over:
                out.append(event)
            else:
                out += self._spliced(event)
        return out

    def _spliced(self, event: Event) -> list[Event]:
        if isinstance(event, TextDelta):
            return _text_events(self._overlap.feed(event.text))
        if isinstance(event, ThinkingDelta | ThinkingSignature):
            return []
        if isinstance(event, NativeBlockStarted):
            return self._started(event)
        if isinstance(event, NativeBlockDelta) and event.index == self._native:
            return _text_events(self._overlap.feed(_text(msgspec.json.decode(event.raw)["delta"])))
        if isinstance(event, NativeBlockStopped) and event.index == self._native:
            return self._ended()
        if isinstance(event, NativeBlockDelta | NativeBlockStopped) and event.index == self._dropped:
            return []
        if isinstance(event, _ENDS):
            return [*self._ended(), event]
        return [event]

    def _started(self, event: NativeBlockStarted) -> list[Event]:
        if event.kind in _THINKING and self._native is None:
            self._dropped = event.index
            return []
        if event.kind == "text" and self._native is None:
            self._native = event.index
            return _text_events(self._overlap.feed(_text(msgspec.json.decode(event.raw)["content_block"])))
        return [*self._ended(), event]

    def _ended(self) -> list[Event]:
        self._over = True
        return _text_events(self._overlap.settle())


def _text_events(text: str) -> list[Event]:
    return [TextDelta(text)] if text else []


def _text(holder: dict[str, object]) -> str:
    return str(holder.get("text") or "")
