"""Edits the events of a continuation: its text, without what it repeats, lands in the block that is open. Sans-IO."""

from __future__ import annotations

import re

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

LONGEST = 8000
"""Characters of the earlier text that are compared; a longer repetition is rare and stays in the answer."""
_SURE = 12
"""A match of so many characters is no coincidence."""
_LAST_WORD = re.compile(r"\w+\Z")
_LETTER = re.compile(r"[^\W\d_]")
_THINKING = frozenset({"thinking", "redacted_thinking"})
_ENDS = (ToolCallStarted, ToolArgumentsDelta, MessageFinished, StreamFailed)


class Overlap:
    """Takes the continuation piece by piece, as it streams, and returns what is new in it.

    Removes a repetition of a dozen characters or more, and a shorter one of complete words where the earlier text ends
    in a word and the new text begins with that word again. `exact` says that the model wrote directly behind the
    earlier text, so that a short match is a coincidence. Whitespace on both sides of the seam is written once.
    """

    __slots__ = ("_before", "_exact", "_held", "_settled")

    def __init__(self, before: str, *, exact: bool) -> None:
        self._before = before[-LONGEST:]
        self._exact = exact
        self._held = ""
        self._settled = False

    def feed(self, text: str) -> str:
        """Returns what is new; "" while it may still turn out to be a repetition."""
        if self._settled:
            return text
        self._held += text
        stripped = self._held.lstrip()
        if not stripped:
            return ""
        found = self._before.find(stripped)
        if found >= 0 and found + len(stripped) < len(self._before):
            return ""
        return self.settle()

    def settle(self) -> str:
        """Returns what is new in the text held back, once no more text follows."""
        if self._settled:
            return ""
        self._settled = True
        held, self._held = self._held, ""
        stripped = held.lstrip()
        repeated = self._repeated(stripped, directly=stripped == held)
        if repeated:
            return stripped[repeated:]
        blank = self._before[len(self._before.rstrip()) :]
        shared = 0
        while shared < min(len(blank), len(held) - len(stripped)) and blank[shared] == held[shared]:
            shared += 1
        return held[shared:]

    def _repeated(self, stripped: str, *, directly: bool) -> int:
        """Returns how many characters at the start of `stripped` repeat the end of the earlier text."""
        before = self._before
        length = next((n for n in range(min(len(stripped), len(before)), 0, -1) if before.endswith(stripped[:n])), 0)
        if length >= _SURE:
            return length
        last = _LAST_WORD.search(before)
        if self._exact or not directly or last is None or length < 2 or not _LETTER.search(stripped[:length]):
            return 0
        start = len(before) - length
        return length if start == 0 or not (before[start - 1].isalnum() and before[start].isalnum()) else 0


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
