"""An answer's bytes into events: a stream of chunks, or the one JSON document that some servers send instead.

Nothing is made up: an answer that breaks off is a failure, never an end_turn.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from providers.dialects.contract import Call
from providers.dialects.openai_chat.calls import Calls, NamelessCall
from providers.dialects.openai_chat.chunks import Choice, Chunk, Delta, MalformedChunk, ToolCall, read_chunk
from providers.dialects.openai_chat.content import thinking_of, written_of
from providers.dialects.openai_chat.profiles import profile_of
from providers.dialects.openai_chat.stop import Finish, failure_of, finished
from providers.dialects.openai_chat.tokens import tokens_of, usage_of
from providers.dialects.openai_chat.tools import renamed_tools
from providers.errors import ErrorKind, UpstreamError
from providers.events import Event, MessageStarted, StreamFailed, TextDelta, ThinkingDelta, Tokens, TokensReported
from providers.refusals.reading import payload_error
from providers.sse import MAX_EVENT_BYTES, EventTooLong, SSEReader

_NO_CHOICE = Choice()
_EXPLANATION_AT_MOST = 2000


class ChatDecoder:
    """Decodes one answer. Whether it is a stream is seen from its first byte, which lies less often than its type."""

    __slots__ = (
        "_calls", "_document", "_document_size", "_finish", "_has_content", "_is_document", "_is_over", "_refusal",
        "_says_done", "_sse", "_started", "_stops", "_takes_details", "_tokens",
    )  # fmt: skip

    def __init__(self, call: Call) -> None:
        stops = call.body.get("stop_sequences")
        self._stops = tuple(stop for stop in stops if isinstance(stop, str)) if isinstance(stops, list) else ()
        self._calls = Calls(_renamed(call))
        self._sse = SSEReader()
        self._document: list[bytes] = []
        self._document_size = 0
        self._is_document: bool | None = None
        self._finish = Finish()
        self._refusal = ""
        self._tokens: Tokens | None = None
        self._started = False
        self._has_content = False
        self._takes_details = True
        self._says_done = False
        self._is_over = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes; nothing after the end or a failure."""
        events: list[Event] = []
        if self._is_over:
            return events
        if self._is_document is None:
            begin = data.lstrip(b" \t\r\n\xef\xbb\xbf")[:1]
            if begin == b"<":
                self._break("The provider sent a web page instead of an answer.", events)
                return events
            if begin:
                self._is_document = begin in (b"{", b"[")
        try:
            if self._is_document:
                self._hold(data)
            else:
                for document in self._sse.feed(data):
                    self._read(document, events)
                    if self._is_over:
                        break
        except EventTooLong as error:
            self._break(f"The provider sent {error}.", events)
        return events

    def close(self) -> list[Event]:
        """The events that the end of the body completes."""
        events: list[Event] = []
        if self._is_over:
            return events
        for document in [b"".join(self._document)] if self._is_document else self._sse.close():
            self._read(document, events, is_last=True)
        if self._is_over:
            return events
        if self._is_document:
            self._says_done = True  # a document that could be read is a whole one
        self._end(events)
        return events

    def _hold(self, data: bytes) -> None:
        self._document.append(data)
        self._document_size += len(data)
        if self._document_size > MAX_EVENT_BYTES:
            raise EventTooLong(f"an answer of more than {MAX_EVENT_BYTES} bytes")

    def _read(self, document: bytes, events: list[Event], *, is_last: bool = False) -> None:
        """One JSON document: a chunk, a completion, an error, or the sign that all was said.

        The last event of a stream that breaks off may be half of one: then it is not malformed but missing.
        """
        try:
            chunk = read_chunk(document)
        except MalformedChunk:
            word = document.strip()
            if word == b"[DONE]":
                self._says_done = True
                self._end(events)
            elif word and (self._is_document or not is_last):
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
            self._fail(payload_error(msgspec.json.decode(document)), events)
            return
        choice = chunk.choices[0] if chunk.choices else _NO_CHOICE
        if not self._started and (chunk.choices or chunk.id or chunk.model):
            self._start(chunk, events)
        delta = choice.delta
        if delta is None and not self._has_content:
            delta = choice.message  # at the end of a stream it would only repeat everything
        if delta is not None:
            self._delta(delta, events)
        if choice.finish_reason:
            self._note_finish(choice)
            failure = failure_of(self._finish)
            if failure is not None:
                self._fail(failure, events)
                return
        usage = usage_of(chunk)
        if usage is None:
            return
        tokens = tokens_of(usage)
        if tokens != self._tokens:
            self._tokens = tokens
            events.append(TokensReported(tokens))
        if self._finish.reason and tokens.output:
            self._end(events)  # counts of zero are a placeholder: the true ones may come in a later chunk

    def _start(self, chunk: Chunk, events: list[Event]) -> None:
        self._started = True
        events.append(MessageStarted(id=chunk.id or None, model=chunk.model or None))

    def _delta(self, delta: Delta, events: list[Event]) -> None:
        before = len(events)
        content = delta.content
        thinking = delta.reasoning_content or delta.reasoning
        if thinking:
            self._takes_details = False  # the details only say it again
        elif delta.reasoning_details is not None and self._takes_details:
            thinking = thinking_of(delta.reasoning_details)
        if isinstance(content, list):
            thinking, content = (thinking or "") + thinking_of(content), written_of(content)
        if thinking:
            events.append(ThinkingDelta(thinking))
        if content:
            events.append(TextDelta(content))
        if delta.refusal:
            self._refusal = (self._refusal + delta.refusal)[:_EXPLANATION_AT_MOST]
            events.append(TextDelta(delta.refusal))
        if delta.tool_calls:
            for fragment in delta.tool_calls:
                self._calls.feed(fragment, events)
        elif delta.function_call is not None:
            self._calls.feed(ToolCall(index=0, function=delta.function_call), events)
        if len(events) > before:
            self._has_content = True

    def _note_finish(self, choice: Choice) -> None:
        self._finish.reason = choice.finish_reason
        self._finish.native = choice.native_finish_reason
        if isinstance(choice.stop_reason, str) and choice.stop_reason in self._stops:
            self._finish.stop_string = choice.stop_reason

    def _end(self, events: list[Event]) -> None:
        """The finish, if the provider has said that this is the end; else the failure that it is."""
        if self._finish.reason is None and not (self._says_done and self._has_content):
            message = "The provider's answer ended before it was complete."
            if self._says_done:
                message = "The provider's answer is empty."
            self._fail(UpstreamError(ErrorKind.TRUNCATED, message), events)
            return
        try:
            self._calls.finish()
        except NamelessCall as error:
            self._break(str(error), events)
            return
        self._is_over = True
        events.append(finished(self._finish, has_calls=self._calls.any_started(), refusal=self._refusal))

    def _break(self, message: str, events: list[Event]) -> None:
        self._fail(UpstreamError(ErrorKind.MALFORMED, message), events)

    def _fail(self, error: UpstreamError, events: list[Event]) -> None:
        self._is_over = True
        events.append(StreamFailed(error))


def _renamed(call: Call) -> Mapping[str, str]:
    return renamed_tools(call.body, profile_of(call.provider).tool_name_limit)


def _is_error(chunk: Chunk) -> bool:
    """Whether a chunk is an error, in any of the shapes it comes in."""
    if chunk.error or chunk.object == "error" or (chunk.x_groq is not None and chunk.x_groq.error):
        return True
    return chunk.choices is None and chunk.usage is None and bool(chunk.message or chunk.detail or chunk.msg)
