"""The edit of an answer that goes on with another one's text: its text lands in the block that is open. Pure."""

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


class Joint:
    """A stream edit: thinking before the text is left out, the first text is plain text without what it repeats.

    From the end of that text on everything passes as it comes.
    """

    __slots__ = ("_dropped", "_native", "_over", "_overlap")

    def __init__(self, overlap: Overlap) -> None:
        self._overlap = overlap
        self._dropped: int | None = None
        self._native: int | None = None
        self._over = False

    def feed(self, events: list[Event]) -> list[Event]:
        """The events to go on with."""
        if self._over:
            return events
        out: list[Event] = []
        for event in events:
            if self._over:
                out.append(event)
            else:
                out += self._joined(event)
        return out

    def _joined(self, event: Event) -> list[Event]:
        if isinstance(event, TextDelta):
            return _said(self._overlap.feed(event.text))
        if isinstance(event, ThinkingDelta | ThinkingSignature):
            return []
        if isinstance(event, NativeBlockStarted):
            return self._started(event)
        if isinstance(event, NativeBlockDelta) and event.index == self._native:
            return _said(self._overlap.feed(_text(msgspec.json.decode(event.raw)["delta"])))
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
            return _said(self._overlap.feed(_text(msgspec.json.decode(event.raw)["content_block"])))
        return [*self._ended(), event]

    def _ended(self) -> list[Event]:
        self._over = True
        return _said(self._overlap.settle())


def _said(text: str) -> list[Event]:
    return [TextDelta(text)] if text else []


def _text(holder: dict[str, object]) -> str:
    return str(holder.get("text") or "")
