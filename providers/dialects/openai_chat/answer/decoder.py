"""An answer's bytes into events: a stream of chunks, or the one JSON document that some servers send instead.

Nothing is made up: an answer that breaks off is a failure, never an end_turn.
"""

from __future__ import annotations

import msgspec

from providers.claude.fields import output_limit
from providers.dialects.contract import Call
from providers.dialects.openai_chat.answer.alike import Alike
from providers.dialects.openai_chat.answer.calls import NamelessCall
from providers.dialects.openai_chat.answer.shapes import (
    Choice,
    Chunk,
    Delta,
    ToolCall,
    Usage,
    read_chunk,
    text_of_parts,
    thinking_of_parts,
)
from providers.dialects.openai_chat.answer.stop import Finish, failure_of, finished
from providers.dialects.openai_chat.answer.tokens import tokens_of, usage_of
from providers.dialects.openai_chat.answer.writer import EventWriter
from providers.errors import ErrorKind, UpstreamError
from providers.errors.response import payload_error
from providers.events import Event, MessageStarted, Tokens, TokensReported
from providers.fidelity import Fidelity
from providers.framing.decoding import BodyReader, DocumentDecoder
from providers.framing.shapes import Shapeless, lenient_value
from providers.framing.text import cleaned

_NOTHING = Delta()
_EXPLANATION_AT_MOST = 2000


class ChatDecoder(DocumentDecoder):
    """Decodes one answer. Whether it is a stream is seen from its first byte, which lies less often than its type."""

    __slots__ = (
        "_alike",
        "_finish",
        "_has_content",
        "_is_between",
        "_is_done",
        "_limit",
        "_notes",
        "_refusal",
        "_started",
        "_stops",
        "_stream",
        "_takes_details",
        "_takes_one",
        "_tokens",
        "_writer",
    )  # fmt: skip

    def __init__(self, call: Call) -> None:
        stops = call.body.get("stop_sequences")
        self._stops = tuple(stop for stop in stops if isinstance(stop, str)) if isinstance(stops, list) else ()
        # Somebody who asks for several answers gets the first.
        self._takes_one = call.body.get("n", 1) != 1
        self._limit = output_limit(call)
        self._writer = EventWriter(call)
        self._notes = call.notes
        self._stream = BodyReader()
        super().__init__(self._stream)
        self._alike = Alike()
        self._finish = Finish()
        self._refusal = ""
        self._tokens: Tokens | None = None
        self._started = False
        self._has_content = False
        self._takes_details = True
        self._is_done = self._is_between = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes; nothing after the end or a failure."""
        # Hot: a chunk like the one before that arrives alone changes nothing of what is held here.
        text = self._alike.text_of_read(data) if self._is_between else None
        if text is None:
            events = DocumentDecoder.feed(self, data)  # looking for it through `super` takes as long as a part's text
            self._is_between = (
                self._alike.knows_reads
                and not (self._is_over or self._mender.is_active)
                and self._stream.is_between_events()
            )
        else:
            events = []
            if text:
                self._writer.text(text, events)
        return events

    def _read(self, document: bytes, events: list[Event], *, may_be_cut: bool = False) -> None:
        """One JSON document: a chunk, a completion, an error, or the sign that all was said.

        The last event of a stream that breaks off may be half of one: then it is not malformed but missing.
        """
        text = self._alike.text(document)
        if text is not None:
            if text:
                self._writer.text(text, events)
            return
        try:
            chunk = read_chunk(document, self._mender)
        except Shapeless:
            word = document.strip()
            if word == b"[DONE]":
                self._is_done = True
                self._end(events)
            elif word and not may_be_cut:
                self._break("The provider sent something that is not a chat completion.", events)
            return
        if chunk is None:
            return
        try:
            self._chunk(chunk, document, events)
        except NamelessCall as error:
            self._break(str(error), events)
        except UnicodeDecodeError:
            # The typed decoder does not look into what it skips.
            self._break("The provider sent something that is not a chat completion.", events)

    def _chunk(self, chunk: Chunk, document: bytes, events: list[Event]) -> None:
        """The events of one chunk: thinking, text, calls, counts, the end."""
        if _is_error(chunk):
            self._fail(payload_error(cleaned(lenient_value(document, self._mender))), events)
            return
        if not self._started and (chunk.choices or chunk.id or chunk.model):
            self._start(chunk, events)
        choices = chunk.choices
        if choices:
            goes_on = self._has_content
            if len(choices) == 1:
                choice = choices[0]
                self._choice(choice, not goes_on, events)
                if goes_on and self._finish.reason is None and choice.delta is not None and choice.delta.content:
                    self._alike.learn(document, chunk)
            else:
                self._choices(choices, events)
            if self._is_over:
                return
        if chunk.citations:
            self._notes.add(Fidelity.CITATIONS_DROPPED)
        usage = usage_of(chunk)
        if usage is not None:
            if isinstance(chunk.service_tier, str):
                self._finish.service_tier = chunk.service_tier
            self._counts(usage, events)

    def _choices(self, choices: list[Choice], events: list[Event]) -> None:
        """https://github.com/karthink/gptel/pull/1284 (2026-03-11): Copilot puts each call into a choice of its own."""
        is_first = not self._has_content
        for choice in choices[:1] if self._takes_one else choices:
            if not self._is_over:
                self._choice(choice, is_first, events)

    def _choice(self, choice: Choice, is_first: bool, events: list[Event]) -> None:
        """The events of a choice; a complete message counts if nothing came before: else it only repeats everything."""
        delta = choice.delta
        if delta is None or delta == _NOTHING:
            delta = choice.message if is_first else None
            if is_first and delta is None and choice.text:
                delta = Delta(content=choice.text)
        if choice.error:
            self._fail(payload_error({"error": choice.error}), events)
            return
        if delta is not None:
            self._delta(delta, events)
        if choice.finish_reason or choice.native_finish_reason:
            self._note_finish(choice, events)

    def _counts(self, usage: Usage, events: list[Event]) -> None:
        tokens = tokens_of(usage)
        if tokens != self._tokens:
            self._tokens = tokens
            events.append(TokensReported(tokens))
        if self._finish.reason and tokens.output:
            self._end(events)  # counts of zero are a placeholder: the true ones may come in a later chunk

    def _start(self, chunk: Chunk, events: list[Event]) -> None:
        self._started = True
        tier = chunk.service_tier if isinstance(chunk.service_tier, str) else None
        self._finish.service_tier = tier
        events.append(MessageStarted(id=chunk.id or None, model=chunk.model or None, service_tier=tier))

    def _delta(self, delta: Delta, events: list[Event]) -> None:
        before = len(events)
        content = delta.content
        thinking = delta.reasoning_content or delta.reasoning
        if thinking:
            self._takes_details = False  # the details only say it again
        elif delta.reasoning_details is not None and self._takes_details:
            thinking = thinking_of_parts(delta.reasoning_details)
        if isinstance(content, list):
            thinking, content = (thinking or "") + thinking_of_parts(content), text_of_parts(content)
        if delta.reasoning_details:
            self._writer.details(delta.reasoning_details)
        if thinking:
            self._writer.thinking(thinking, events)
        if content:
            self._writer.text(content, events)
        if delta.refusal:
            self._refusal = (self._refusal + delta.refusal)[:_EXPLANATION_AT_MOST]
            self._writer.text(delta.refusal, events)
        if delta.tool_calls or delta.function_call is not None or delta.images or delta.audio:
            self._others(delta, events)
        if len(events) > before:
            self._has_content = True

    def _others(self, delta: Delta, events: list[Event]) -> None:
        """What is neither text nor thinking."""
        if delta.images or delta.audio:
            self._notes.add(Fidelity.OUTPUT_DROPPED)
        if delta.tool_calls or delta.function_call is not None:
            self._calls(delta, events)

    def _calls(self, delta: Delta, events: list[Event]) -> None:
        for fragment in delta.tool_calls or (ToolCall(index=0, function=delta.function_call),):
            self._writer.call(fragment, events)

    def _note_finish(self, choice: Choice, events: list[Event]) -> None:
        self._finish.reason = choice.finish_reason or choice.native_finish_reason
        self._finish.native = choice.native_finish_reason
        if isinstance(choice.stop_reason, str) and choice.stop_reason in self._stops:
            self._finish.stop_string = choice.stop_reason
        failure = failure_of(self._finish)
        if failure is not None:
            self._fail(failure, events)

    def _end(self, events: list[Event]) -> None:
        """The finish, if the provider has said that this is the end; else the failure that it is."""
        # A document that could be read is a whole one.
        if self._finish.reason is None and not (self._is_done or self._body.is_document):
            super()._end(events)
            return
        if not self._has_content and self._is_empty():
            self._fail(UpstreamError(ErrorKind.TRUNCATED, "The provider's answer is empty."), events)
            return
        try:
            self._writer.end(events)
        except NamelessCall as error:
            self._break(str(error), events)
            return
        self._is_over = True
        at_limit = self._tokens is not None and self._tokens.reach(self._limit)
        has_calls = self._writer.has_calls()
        end = finished(self._finish, has_calls=has_calls, refusal=self._refusal, at_limit=at_limit)
        tier = self._finish.service_tier
        events.append(end if tier is None else msgspec.structs.replace(end, service_tier=tier))

    def _is_empty(self) -> bool:
        """Whether nothing was said for no reason. LM Studio answers so where the prompt is too long for its window; a
        model that has nothing to say still counts the token that ends it."""
        reason = (self._finish.reason or "").lower()
        return reason in ("", "stop", "eos") and not (self._tokens is not None and self._tokens.output)


def _is_error(chunk: Chunk) -> bool:
    """Whether a chunk is an error, in any of the shapes it comes in."""
    if chunk.error or chunk.object == "error" or (chunk.x_groq is not None and chunk.x_groq.error):
        return True
    return chunk.choices is None and chunk.usage is None and bool(chunk.message or chunk.detail or chunk.msg)
