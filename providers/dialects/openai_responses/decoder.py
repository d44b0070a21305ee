"""An answer's bytes into events: a stream, or the one JSON document that some servers send instead.

Nothing is made up: an answer that breaks off is a failure, never an end_turn.
"""

from __future__ import annotations

import msgspec

from providers.dialects.contract import Call
from providers.dialects.openai_responses.answers.answer import BEFORE_THE_START, Answer
from providers.dialects.openai_responses.answers.calls import NamelessCall
from providers.dialects.openai_responses.answers.events import StreamEvent, read_event, read_response
from providers.dialects.openai_responses.answers.items import TooManyItems
from providers.errors import ErrorKind, UpstreamError
from providers.events import Event, StreamFailed
from providers.framing.bodies import BodyReader, WebPage
from providers.framing.shapes import Shapeless
from providers.framing.sse import EventTooLong
from providers.refusals.reading import payload_error

_NO_RESPONSE = (
    "The provider sent something that is not a response of the Responses API. Check its dialect and base URL."
)


class ResponsesDecoder:
    """Decodes one answer."""

    __slots__ = ("_answer", "_body", "_is_over", "_on")

    def __init__(self, call: Call) -> None:
        self._body = BodyReader()
        self._answer = Answer(call)
        self._on = self._answer.on
        self._is_over = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes; nothing after the end or a failure."""
        events: list[Event] = []
        if self._is_over:
            return events
        try:
            for document in self._body.feed(data):
                self._read(document, events)
                if self._is_over:
                    break
        except EventTooLong as error:
            self._break(f"The provider sent {error}.", events)
        except WebPage:
            self._break("The provider sent a web page instead of an answer.", events)
        return events

    def close(self) -> list[Event]:
        """The events that the end of the body completes."""
        events: list[Event] = []
        if self._is_over:
            return events
        for document in self._body.close():
            self._read(document, events, is_last=True)
            if self._is_over:
                return events
        message = "The provider's answer ended before it was complete."
        self._fail(UpstreamError(ErrorKind.TRUNCATED, message), events)
        return events

    def _read(self, document: bytes, events: list[Event], *, is_last: bool = False) -> None:
        """One document. The last event of a stream that breaks off may be half of one: it is missing, not wrong."""
        try:
            event = read_event(document)
        except Shapeless:
            word = document.strip()
            if word and word != b"[DONE]" and (self._body.is_document or not is_last):
                self._break(_NO_RESPONSE, events)
            return
        if event is None:
            return
        try:
            reader = self._on.get(event.type or "")
            if reader is not None:
                if not self._answer.has_started and event.type not in BEFORE_THE_START:
                    self._answer.start(event.response, events)
                reader(event, events)
                self._is_over = self._answer.is_over
            elif event.type == "error" or event.type is None:
                self._without_type(event, document, events)
        except NamelessCall as error:
            self._break(str(error), events)
        except TooManyItems as error:
            self._break(f"The provider sent {error}.", events)
        except UnicodeDecodeError:
            # The typed decoder does not look into what it skips.
            self._break(_NO_RESPONSE, events)

    def _without_type(self, event: StreamEvent, document: bytes, events: list[Event]) -> None:
        """An error, or a response that stands alone. An error's own `response.failed` follows and is not waited for."""
        if event.object == "response":
            self._answer.finish(read_response(document), events)
            self._is_over = True
        elif event.type == "error" or event.error or event.code or event.message or event.detail:
            self._fail(payload_error(msgspec.json.decode(document)), events)
        else:
            self._break(_NO_RESPONSE, events)

    def _break(self, message: str, events: list[Event]) -> None:
        self._fail(UpstreamError(ErrorKind.MALFORMED, message), events)

    def _fail(self, error: UpstreamError, events: list[Event]) -> None:
        self._is_over = True
        events.append(StreamFailed(error))
