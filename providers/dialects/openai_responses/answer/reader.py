"""Reads one answer: the events of its stream, or the complete response. Nothing is sent twice.

Deltas are what counts. What the many `done` events and the last one repeat is sent only where no delta had it, because
some servers send no others. Calls that the provider runs itself (web searches and the like) are left out.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from providers.claude.call_ids import CallIds
from providers.claude.fields import output_limit
from providers.claude.tools import renamed_tools
from providers.dialects.contract import Call
from providers.dialects.openai_responses.answer.calls import Calls
from providers.dialects.openai_responses.answer.content import Reasoning, Texts
from providers.dialects.openai_responses.answer.items import CALL, KINDS, MESSAGE, REASONING
from providers.dialects.openai_responses.answer.shapes import Item, Response, StreamEvent
from providers.dialects.openai_responses.answer.stop import ended
from providers.dialects.openai_responses.answer.tokens import tokens_of
from providers.dialects.openai_responses.answer.writer import EventWriter
from providers.dialects.openai_responses.tools import NAME_LIMIT
from providers.errors import UpstreamError
from providers.events import Event, MessageStarted, Ping, StreamFailed, TokensReported
from providers.fidelity import Fidelity

BEFORE_THE_START = frozenset(
    {"response.created", "response.in_progress", "response.queued", "response.failed", "response.cancelled"}
    | {"response.done", "keepalive", "ping"}
)
"""Events without content, or that end the answer and begin it themselves if it has content."""
Reader = Callable[[StreamEvent, list[Event]], None]


class Answer:
    """The state of one answer. `on` maps a type of event to its reader; other types mean nothing.

    Readers raise calls.NamelessCall or items.TooManyItems. `is_over` is true after the end or a failure.
    """

    __slots__ = (
        "_calls",
        "_limit",
        "_notes",
        "_reasoning",
        "_response",
        "_texts",
        "_writer",
        "has_started",
        "is_over",
        "on",
    )

    def __init__(self, call: Call) -> None:
        self._writer = EventWriter(call)
        self._limit = output_limit(call)
        self._notes = call.notes
        self._texts = texts = Texts(self._writer)
        self._reasoning = reasoning = Reasoning(self._writer)
        self._calls = calls = Calls(self._writer, renamed_tools(call, NAME_LIMIT), CallIds(call))
        self._response: Response | None = None
        self.has_started = False
        self.is_over = False
        self.on: dict[str, Reader] = {
            "response.created": self._created,
            "response.in_progress": self._created,
            "response.queued": self._created,
            "response.output_item.added": self._added,
            "response.output_item.done": self._item_done,
            "response.content_part.done": texts.part_done,
            "response.output_text.delta": texts.text_delta,
            "response.output_text.done": texts.text_done,
            "response.refusal.delta": texts.refusal_delta,
            "response.refusal.done": texts.refusal_done,
            "response.reasoning_summary_part.added": reasoning.part_added,
            "response.reasoning_summary_part.done": reasoning.summary_done,
            "response.reasoning_summary_text.delta": reasoning.summary_delta,
            "response.reasoning_summary_text.done": reasoning.summary_done,
            "response.reasoning_text.delta": reasoning.content_delta,
            "response.reasoning_text.done": reasoning.content_done,
            "response.function_call_arguments.delta": calls.delta,
            "response.function_call_arguments.done": calls.done,
            "response.completed": self._over,
            "response.incomplete": self._over,
            "response.failed": self._over,
            "response.cancelled": self._over,
            # Not OpenAI's, but seen: Codex's last event, and signs of life.
            "response.done": self._over,
            "keepalive": self._ping,
            "ping": self._ping,
        }

    def start(self, response: Response | None, events: list[Event]) -> None:
        """The beginning, once. It waits for the first item: an error right after `created` still has its own status."""
        if not self.has_started:
            self.has_started = True
            response = self._response or response or Response()
            events.append(MessageStarted(id=response.id or None, model=response.model or None))

    def finish(self, response: Response, events: list[Event]) -> None:
        """The end of the answer, with all that was not sent before."""
        at_limit = response.usage is not None and tokens_of(response.usage).reach(self._limit)
        if response.status in ("completed", "incomplete") or (at_limit and response.status is None):
            self.start(response, events)
            has_text, has_content = self._writer.has_text, self._writer.has_content
            for item in response.output or self._early_output():
                self._last_item(item, has_text, has_content, events)
            self._calls.finish(events)
            if response.output_text and not self._writer.has_text:
                self._texts.send(response.output_text, events)
        self._writer.sign(events)
        if response.usage is not None:
            events.append(TokensReported(tokens_of(response.usage)))
        has_calls = self._calls.any_started
        end = ended(response, has_calls=has_calls, refusal=self._texts.refusal, at_limit=at_limit)
        self.is_over = True
        if isinstance(end, UpstreamError):
            events.append(StreamFailed(end))
            return
        # The first event repeats what was asked for, such as auto; only the last one says what it became.
        tier = response.service_tier
        events.append(msgspec.structs.replace(end, service_tier=tier) if tier else end)

    def _early_output(self) -> list[Item]:
        """The items of a response that was complete when it was announced."""
        return (self._response.output if self._response is not None else None) or []

    def _created(self, event: StreamEvent, events: list[Event]) -> None:
        self._response = event.response or self._response
        events.append(Ping())

    def _ping(self, event: StreamEvent, events: list[Event]) -> None:
        events.append(Ping())

    def _over(self, event: StreamEvent, events: list[Event]) -> None:
        response = event.response or Response()
        if response.usage is None and event.usage is not None:
            response = msgspec.structs.replace(response, usage=event.usage)
        ending = (event.type or "").rpartition(".")[2]
        # The event's name counts: some servers leave an older status in the response.
        status = response.status if ending == "done" else ending
        self.finish(msgspec.structs.replace(response, status=status), events)

    def _added(self, event: StreamEvent, events: list[Event]) -> None:
        item = event.item
        if item is None or item.type not in KINDS:
            return
        known = self._writer.items.announced(event.output_index, item)
        known = known or self._writer.begin(event.output_index, item, events)
        if item.type == CALL:
            self._calls.added(known, item, events)

    def _item_done(self, event: StreamEvent, events: list[Event]) -> None:
        if event.item is not None:
            self._complete_item(event.output_index, event.item, events)

    def _complete_item(self, index: int | None, item: Item, events: list[Event]) -> None:
        if item.type not in KINDS:
            self._notes.add(Fidelity.OUTPUT_DROPPED)
            return
        known = self._writer.items.of_item(index, item) or self._writer.begin(index, item, events)
        if item.type == CALL:
            self._calls.complete(known, item, events)
        elif item.type == MESSAGE:
            self._texts.complete(known, item, events)
        else:
            self._reasoning.complete(known, item, events)

    def _last_item(self, item: Item, has_text: bool, has_content: bool, events: list[Event]) -> None:
        """An item in the last event's list, whose places and ids need not be those of the stream: only what is new."""
        if item.type == CALL:
            known = self._writer.items.called(item.call_id)
            if known is None and self._calls.any_started and not item.call_id:
                return
            self._calls.complete(known or self._writer.begin(None, item, events), item, events)
        elif item.type == MESSAGE and not has_text:
            self._texts.complete(self._writer.begin(None, item, events), item, events)
        elif item.type == REASONING and not has_content:
            self._reasoning.complete(self._writer.begin(None, item, events), item, events)
