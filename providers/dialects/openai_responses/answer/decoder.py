"""An answer's bytes into events: a stream, or the one JSON document that some servers send instead.

Nothing is made up: an answer that breaks off is a failure, never an end_turn.
"""

from __future__ import annotations

from providers.dialects.contract import Call
from providers.dialects.openai_responses.answer.calls import NamelessCall
from providers.dialects.openai_responses.answer.items import TooManyItems
from providers.dialects.openai_responses.answer.reader import BEFORE_THE_START, Answer
from providers.dialects.openai_responses.answer.shapes import Response, StreamEvent, read_event, read_response
from providers.errors.response import payload_error
from providers.events import Event
from providers.framing.decoding import BodyReader, DocumentDecoder
from providers.framing.shapes import Shapeless, lenient_value
from providers.framing.text import cleaned

_NO_RESPONSE = (
    "The provider sent something that is not a response of the Responses API. Check its dialect and base URL."
)


class ResponsesDecoder(DocumentDecoder):
    """Decodes one answer."""

    __slots__ = ("_answer", "_on")

    def __init__(self, call: Call) -> None:
        super().__init__(BodyReader())
        self._answer = Answer(call)
        self._on = self._answer.on

    def _read(self, document: bytes, events: list[Event], *, may_be_cut: bool = False) -> None:
        """One document. The last event of a stream that breaks off may be half of one: it is missing, not wrong."""
        try:
            event = read_event(document, self._mender)
        except Shapeless:
            word = document.strip()
            if word and word != b"[DONE]" and not may_be_cut:
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
            self._answer.finish(read_response(document, self._mender) or Response(), events)
            self._is_over = True
        elif event.type == "error" or event.error or event.code or event.message or event.detail:
            self._fail(payload_error(cleaned(lenient_value(document, self._mender))), events)
        else:
            self._break(_NO_RESPONSE, events)
