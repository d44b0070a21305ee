"""One answer as it comes: the events of the stream, or the whole response, into ours. Nothing is told twice.

Deltas are what counts. What the many `done` events and the last one repeat is told only where no delta told it, because
some servers send no others. What the provider runs itself (web searches and the like) was not asked for and left out.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from providers.claude.tools import renamed_tools
from providers.dialects.contract import Call
from providers.dialects.openai_responses.answer.calls import Calls
from providers.dialects.openai_responses.answer.items import CALL, KINDS, MESSAGE, REASONING
from providers.dialects.openai_responses.answer.reasoning import Thoughts
from providers.dialects.openai_responses.answer.shapes import Item, Response, StreamEvent
from providers.dialects.openai_responses.answer.stop import ended
from providers.dialects.openai_responses.answer.texts import Texts
from providers.dialects.openai_responses.answer.tokens import tokens_of
from providers.dialects.openai_responses.answer.writer import Speech
from providers.dialects.openai_responses.tools import NAME_LIMIT
from providers.errors import UpstreamError
from providers.events import Event, MessageStarted, Ping, StreamFailed, TokensReported

BEFORE_THE_START = frozenset(
    {"response.created", "response.in_progress", "response.queued", "response.failed", "response.cancelled"}
    | {"response.done", "keepalive", "ping"}
)
"""Events that say nothing yet, or end the answer and begin it themselves if it has content."""
Reader = Callable[[StreamEvent, list[Event]], None]


class Answer:
    """The state of one answer. `on` maps a type of event to what reads it; a type that is not there means nothing.

    Readers raise calls.NamelessCall or items.TooManyItems. `is_over` is true after the end or a failure.
    """

    __slots__ = ("_calls", "_response", "_speech", "_texts", "_thoughts", "has_started", "is_over", "on")

    def __init__(self, call: Call) -> None:
        self._speech = Speech(call)
        self._texts = texts = Texts(self._speech)
        self._thoughts = thoughts = Thoughts(self._speech)
        self._calls = calls = Calls(self._speech, renamed_tools(call.body, NAME_LIMIT))
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
            "response.reasoning_summary_part.added": thoughts.part_added,
            "response.reasoning_summary_part.done": thoughts.summary_done,
            "response.reasoning_summary_text.delta": thoughts.summary_delta,
            "response.reasoning_summary_text.done": thoughts.summary_done,
            "response.reasoning_text.delta": thoughts.content_delta,
            "response.reasoning_text.done": thoughts.content_done,
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
        """The end of the answer, with all that was not told before."""
        if response.status in ("completed", "incomplete"):
            self.start(response, events)
            has_text, has_spoken = self._speech.has_text, self._speech.has_spoken
            for item in response.output or ():
                self._last_word(item, has_text, has_spoken, events)
            self._calls.finish(events)
        self._speech.sign(events)
        if response.usage is not None:
            events.append(TokensReported(tokens_of(response.usage)))
        end = ended(response, has_calls=self._calls.any_told, refusal=self._texts.refusal)
        self.is_over = True
        events.append(StreamFailed(end) if isinstance(end, UpstreamError) else end)

    def _created(self, event: StreamEvent, events: list[Event]) -> None:
        self._response = event.response or self._response
        events.append(Ping())

    def _ping(self, event: StreamEvent, events: list[Event]) -> None:
        events.append(Ping())

    def _over(self, event: StreamEvent, events: list[Event]) -> None:
        response = event.response or Response()
        told = (event.type or "").rpartition(".")[2]
        # The event's name counts: some servers leave an older status in the response.
        status = response.status if told == "done" else told
        self.finish(msgspec.structs.replace(response, status=status), events)

    def _added(self, event: StreamEvent, events: list[Event]) -> None:
        item = event.item
        if item is None or item.type not in KINDS:
            return
        told = self._speech.items.announced(event.output_index, item)
        told = told or self._speech.begin(event.output_index, item, events)
        if item.type == CALL:
            self._calls.added(told, item, events)

    def _item_done(self, event: StreamEvent, events: list[Event]) -> None:
        if event.item is not None:
            self._whole(event.output_index, event.item, events)

    def _whole(self, index: int | None, item: Item, events: list[Event]) -> None:
        if item.type not in KINDS:
            return
        told = self._speech.items.of_item(index, item) or self._speech.begin(index, item, events)
        if item.type == CALL:
            self._calls.whole(told, item, events)
        elif item.type == MESSAGE:
            self._texts.whole(told, item, events)
        else:
            self._thoughts.whole(told, item, events)

    def _last_word(self, item: Item, has_text: bool, has_spoken: bool, events: list[Event]) -> None:
        """An item in the last event's list, whose places and ids need not be those of the stream: only what is new."""
        if item.type == CALL:
            told = self._speech.items.called(item.call_id)
            if told is None and self._calls.any_told and not item.call_id:
                return
            self._calls.whole(told or self._speech.begin(None, item, events), item, events)
        elif item.type == MESSAGE and not has_text:
            self._texts.whole(self._speech.begin(None, item, events), item, events)
        elif item.type == REASONING and not has_spoken:
            self._thoughts.whole(self._speech.begin(None, item, events), item, events)
