"""Writes an answer's events in order: thinking, its signature, text, calls.

A signature waits until what follows is known, because the phase of the next message travels in it too.
"""

from __future__ import annotations

from typing import Any

from providers.dialects.contract import Call
from providers.dialects.openai_responses.answer.items import MESSAGE, Items, OutputItem
from providers.dialects.openai_responses.answer.shapes import Item, StreamEvent
from providers.dialects.openai_responses.signatures import Carried, origin, signature_of
from providers.dialects.openai_responses.thinking import carries_thinking
from providers.events import Event, TextDelta, ThinkingDelta, ThinkingSignature

_GAP = "\n\n"


class EventWriter:
    """The content of one answer. `has_text` and `has_content`: whether text, or anything, was sent."""

    __slots__ = ("_carries", "_current", "_open", "_origin", "_part", "_reasoning", "has_content", "has_text", "items")

    def __init__(self, call: Call) -> None:
        self._origin = origin(call)
        self._carries = carries_thinking(call.body)
        self._reasoning: dict[str, Any] | None = None
        self._open: type | None = None
        self._current: OutputItem | None = None
        self._part: int | None = None
        self.items = Items()
        self.has_text = False
        self.has_content = False

    def begin(self, index: int | None, item: Item, events: list[Event]) -> OutputItem:
        """A new item; the signature of the reasoning before it goes first. Raises TooManyItems."""
        self.sign(events, item.phase if item.type == MESSAGE else None)
        return self.items.begin(index, item)

    def item_of(self, event: StreamEvent, kind: str, events: list[Event]) -> OutputItem:
        """The item that an event adds to, a new one where none was announced. Raises TooManyItems."""
        item = self.items.of_event(event, kind)
        return item or self.begin(event.output_index, Item(type=kind, id=event.item_id), events)

    def text(self, item: OutputItem, part: int, text: str, events: list[Event]) -> None:
        """More text of a message; two messages with nothing between are two paragraphs. Raises TooManyItems."""
        if item is not self._current or part != self._part or self._open is not TextDelta:
            if self._open is TextDelta and item is not self._current:
                text = _GAP + text
            item.add_part(part)
            self._open, self._current, self._part = TextDelta, item, part
            self.has_text = self.has_content = True
        events.append(TextDelta(text))

    def thinking(self, item: OutputItem, part: int, text: str, events: list[Event]) -> None:
        """More thinking; each part of a summary is a paragraph of its own. Raises TooManyItems."""
        if item is not self._current or part != self._part or self._open is not ThinkingDelta:
            if self._open is ThinkingDelta:
                text = _GAP + text
            item.add_part(part)
            self._open, self._current, self._part = ThinkingDelta, item, part
            self.has_content = True
        events.append(ThinkingDelta(text))

    def part_begins(self, item: OutputItem) -> None:
        """A new part of this item's summary begins, whatever number its text will have."""
        if item is self._current and self._open is ThinkingDelta:
            self._part = None

    def carry(self, reasoning: dict[str, Any], events: list[Event]) -> None:
        """Puts this reasoning item into the next signature."""
        self.sign(events)
        self._reasoning = reasoning
        self.has_content = True

    def sign(self, events: list[Event], phase: str | None = None) -> None:
        """Sends the signature that waits; with a phase also where there is no reasoning to carry."""
        reasoning, self._reasoning = self._reasoning, None
        if not self._carries:
            phase = None
        if reasoning is None and phase is None:
            return
        events.append(ThinkingSignature(signature_of(Carried(reasoning, phase), self._origin)))
        self.interrupt()

    def interrupt(self) -> None:
        """Something else is sent: what follows is no continuation."""
        self._open = None
        self.has_content = True
