"""The content of an answer: messages with text and refusals, and reasoning; each part is sent once.

A part comes in deltas, or only when it is done.
"""

from __future__ import annotations

from providers.dialects.openai_responses.answer.items import MESSAGE, REASONING, OutputItem
from providers.dialects.openai_responses.answer.shapes import Item, StreamEvent
from providers.dialects.openai_responses.answer.writer import EventWriter
from providers.dialects.openai_responses.signatures import carried_reasoning
from providers.events import Event

_EXPLANATION_AT_MOST = 2000
_SUMMARY, _CONTENT = "summary", "content"


class Texts:
    """The text of all messages. `refusal` is the model's reason not to answer, shortened."""

    __slots__ = ("_writer", "refusal")

    def __init__(self, writer: EventWriter) -> None:
        self._writer = writer
        self.refusal = ""

    def text_delta(self, event: StreamEvent, events: list[Event]) -> None:
        """response.output_text.delta"""
        if event.delta:
            item = self._writer.item_of(event, MESSAGE, events)
            self._writer.text(item, event.content_index or 0, event.delta, events)

    def refusal_delta(self, event: StreamEvent, events: list[Event]) -> None:
        """response.refusal.delta"""
        if event.delta:
            self._refuse(self._writer.item_of(event, MESSAGE, events), event.content_index or 0, event.delta, events)

    def text_done(self, event: StreamEvent, events: list[Event]) -> None:
        """response.output_text.done"""
        self._late(event, event.text, None, events)

    def refusal_done(self, event: StreamEvent, events: list[Event]) -> None:
        """response.refusal.done"""
        self._late(event, None, event.refusal, events)

    def part_done(self, event: StreamEvent, events: list[Event]) -> None:
        """response.content_part.done, which reasoning items have too"""
        part = event.part
        if part is not None and part.type in ("output_text", "refusal"):
            self._late(event, part.text, part.refusal, events)

    def complete(self, known: OutputItem, item: Item, events: list[Event]) -> None:
        """A complete message."""
        if not known.sent_parts:
            for number, part in enumerate(item.content or ()):
                self._send(known, number, part.text, part.refusal, events)

    def send(self, text: str, events: list[Event]) -> None:
        """A text that no item had."""
        self._writer.text(self._writer.begin(None, Item(type=MESSAGE), events), 0, text, events)

    def _late(self, event: StreamEvent, text: str | None, refusal: str | None, events: list[Event]) -> None:
        """A part that is done: sent now if no delta had it."""
        if not text and not refusal:
            return
        item = self._writer.item_of(event, MESSAGE, events)
        part = event.content_index
        if not item.sent_parts or (part is not None and part not in item.sent_parts):
            self._send(item, part or 0, text, refusal, events)

    def _send(self, item: OutputItem, part: int, text: str | None, refusal: str | None, events: list[Event]) -> None:
        if text:
            self._writer.text(item, part, text, events)
        if refusal:
            self._refuse(item, part, refusal, events)

    def _refuse(self, item: OutputItem, part: int, text: str, events: list[Event]) -> None:
        self.refusal = (self.refusal + text)[:_EXPLANATION_AT_MOST]
        self._writer.text(item, part, text, events)


class Reasoning:
    """Reasoning items: their summary, or the reasoning itself where a server shows it, and what must come back of them.

    Of an item with both summary and content only what came first is sent: the other repeats it.
    """

    __slots__ = ("_writer",)

    def __init__(self, writer: EventWriter) -> None:
        self._writer = writer

    def part_added(self, event: StreamEvent, events: list[Event]) -> None:
        """response.reasoning_summary_part.added"""
        item = self._writer.items.of_event(event, REASONING)
        if item is not None:
            self._writer.part_begins(item)

    def summary_delta(self, event: StreamEvent, events: list[Event]) -> None:
        """response.reasoning_summary_text.delta"""
        if event.delta:
            item = self._writer.item_of(event, REASONING, events)
            self._think(item, _SUMMARY, event.summary_index or 0, event.delta, events)

    def content_delta(self, event: StreamEvent, events: list[Event]) -> None:
        """response.reasoning_text.delta"""
        if event.delta:
            item = self._writer.item_of(event, REASONING, events)
            self._think(item, _CONTENT, event.content_index or 0, event.delta, events)

    def summary_done(self, event: StreamEvent, events: list[Event]) -> None:
        """response.reasoning_summary_text.done and response.reasoning_summary_part.done"""
        text = event.text if event.part is None else event.part.text
        self._late(event, _SUMMARY, event.summary_index, text, events)

    def content_done(self, event: StreamEvent, events: list[Event]) -> None:
        """response.reasoning_text.done"""
        self._late(event, _CONTENT, event.content_index, event.text, events)

    def complete(self, known: OutputItem, item: Item, events: list[Event]) -> None:
        """A complete reasoning item."""
        if not known.sent_parts:
            source, parts = (_SUMMARY, item.summary) if item.summary else (_CONTENT, item.content)
            for number, part in enumerate(parts or ()):
                if part.text:
                    self._think(known, source, number, part.text, events)
        reasoning = carried_reasoning(item)
        if reasoning is not None:
            self._writer.carry(reasoning, events)

    def _late(self, event: StreamEvent, source: str, part: int | None, text: str | None, events: list[Event]) -> None:
        """A part that is done: sent now if no delta had it."""
        if not text:
            return
        item = self._writer.item_of(event, REASONING, events)
        if not item.sent_parts or (part is not None and part not in item.sent_parts):
            self._think(item, source, part or 0, text, events)

    def _think(self, item: OutputItem, source: str, part: int, text: str, events: list[Event]) -> None:
        if item.source is None:
            item.source = source
        if item.source == source:
            self._writer.thinking(item, part, text, events)
