"""Reasoning items: their summary, or the reasoning itself where a server shows it, and what is to come back of them."""

from __future__ import annotations

from providers.dialects.openai_responses.answer.items import REASONING, OutputItem
from providers.dialects.openai_responses.answer.shapes import Item, StreamEvent
from providers.dialects.openai_responses.answer.writer import Speech
from providers.dialects.openai_responses.signatures import carried_reasoning
from providers.events import Event

_SUMMARY, _CONTENT = "summary", "content"


class Thoughts:
    """Of an item that tells both its summary and its content, only what came first is told: the other repeats it."""

    __slots__ = ("_speech",)

    def __init__(self, speech: Speech) -> None:
        self._speech = speech

    def part_added(self, event: StreamEvent, events: list[Event]) -> None:
        """response.reasoning_summary_part.added"""
        item = self._speech.items.of_event(event, REASONING)
        if item is not None:
            self._speech.part_begins(item)

    def summary_delta(self, event: StreamEvent, events: list[Event]) -> None:
        """response.reasoning_summary_text.delta"""
        if event.delta:
            item = self._speech.item_of(event, REASONING, events)
            self._think(item, _SUMMARY, event.summary_index or 0, event.delta, events)

    def content_delta(self, event: StreamEvent, events: list[Event]) -> None:
        """response.reasoning_text.delta"""
        if event.delta:
            item = self._speech.item_of(event, REASONING, events)
            self._think(item, _CONTENT, event.content_index or 0, event.delta, events)

    def summary_done(self, event: StreamEvent, events: list[Event]) -> None:
        """response.reasoning_summary_text.done and response.reasoning_summary_part.done"""
        text = event.text if event.part is None else event.part.text
        self._late(event, _SUMMARY, event.summary_index, text, events)

    def content_done(self, event: StreamEvent, events: list[Event]) -> None:
        """response.reasoning_text.done"""
        self._late(event, _CONTENT, event.content_index, event.text, events)

    def whole(self, told: OutputItem, item: Item, events: list[Event]) -> None:
        """A reasoning item as it will be."""
        if not told.said:
            source, parts = (_SUMMARY, item.summary) if item.summary else (_CONTENT, item.content)
            for number, part in enumerate(parts or ()):
                if part.text:
                    self._think(told, source, number, part.text, events)
        reasoning = carried_reasoning(item)
        if reasoning is not None:
            self._speech.carry(reasoning, events)

    def _late(self, event: StreamEvent, source: str, part: int | None, text: str | None, events: list[Event]) -> None:
        """A part that is done: told now if no delta told it."""
        if not text:
            return
        item = self._speech.item_of(event, REASONING, events)
        if not item.said or (part is not None and part not in item.said):
            self._think(item, source, part or 0, text, events)

    def _think(self, item: OutputItem, source: str, part: int, text: str, events: list[Event]) -> None:
        if item.source is None:
            item.source = source
        if item.source == source:
            self._speech.thinking(item, part, text, events)
