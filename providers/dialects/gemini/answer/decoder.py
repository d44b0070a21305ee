"""An answer's bytes into events: a stream of chunks, or the JSON document or array that a server sends without alt=sse.

Nothing is made up: an answer that breaks off is a failure, never an end_turn. The end is sent at the end of the body,
because counts may follow the finish reason.
"""

from __future__ import annotations

import msgspec

from providers.claude.call_ids import CallIds
from providers.claude.fields import output_limit
from providers.claude.signatures import origin_of
from providers.dialects.contract import Call
from providers.dialects.gemini.answer.arguments import BrokenArguments
from providers.dialects.gemini.answer.calls import Calls
from providers.dialects.gemini.answer.shapes import Candidate, Chunk, Part, UsageMetadata, read_chunk
from providers.dialects.gemini.answer.stop import UNSPECIFIED, blocked, failure_of, finished, is_cut
from providers.dialects.gemini.answer.tokens import tier_of, tokens_of
from providers.dialects.gemini.tools import renamed_tools
from providers.errors.response import payload_error
from providers.events import (
    Event,
    MessageFinished,
    MessageStarted,
    Ping,
    TextDelta,
    ThinkingDelta,
    Tokens,
    TokensReported,
)
from providers.fidelity import Fidelity
from providers.framing.decoding import BodyReader, DocumentDecoder
from providers.framing.shapes import Shapeless, lenient_value
from providers.framing.text import cleaned


class GeminiDecoder(DocumentDecoder):
    """Decodes one answer. Whether it is a stream is seen from its first byte, which lies less often than its type."""

    __slots__ = (
        "_block_message", "_block_reason", "_calls", "_finish_message", "_finish_reason", "_has_answer", "_limit",
        "_notes", "_started", "_tokens", "_usage",
    )  # fmt: skip

    def __init__(self, call: Call) -> None:
        super().__init__(BodyReader())
        self._calls = Calls(renamed_tools(call), origin_of(call.provider, call.model), CallIds(call))
        self._limit = output_limit(call)
        self._notes = call.notes
        self._finish_reason = ""
        self._finish_message: str | None = None
        self._block_reason = ""
        self._block_message: str | None = None
        self._tokens: Tokens | None = None
        self._usage: UsageMetadata | None = None
        self._has_answer = False  # besides thinking
        self._started = False

    def _left(self, events: list[Event]) -> list[bytes]:
        """The last event of a stream, or the chunks of a JSON body: the items of an array, or one object."""
        left = self._body.close()
        if not self._body.is_document:
            return left
        body = left[0].strip(b" \t\r\n\xef\xbb\xbf")
        if not body.startswith(b"["):
            return [body]
        try:
            return [bytes(item) for item in msgspec.json.decode(body, type=list[msgspec.Raw])]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._break("The provider sent something that is no answer of Gemini's.", events)
            return []

    def _read(self, document: bytes, events: list[Event], *, may_be_cut: bool = False) -> None:
        """One JSON document. The last one of a stream that breaks off may be half of one: missing, not malformed."""
        try:
            chunk = read_chunk(document, self._mender)
        except Shapeless:
            if document.strip() not in (b"", b"[DONE]") and not may_be_cut:
                self._break("The provider sent something that is no answer of Gemini's.", events)
            return
        if chunk is None:
            return
        try:
            self._chunk(chunk, document, events)
        except BrokenArguments as error:
            self._break(str(error), events)

    def _chunk(self, chunk: Chunk, document: bytes, events: list[Event]) -> None:
        if chunk.error:
            self._fail(payload_error(cleaned(lenient_value(document, self._mender))), events)
            return
        before = len(events)
        tokens = None
        if chunk.usage_metadata is not None:
            self._usage = chunk.usage_metadata
            tokens = tokens_of(self._usage)
        if not self._started:
            self._started = True
            self._tokens = tokens
            tier = tier_of(chunk.usage_metadata)
            events.append(MessageStarted(chunk.response_id, chunk.model_version, tokens, service_tier=tier))
        candidate = chunk.candidates[0] if chunk.candidates else None
        if candidate is not None and candidate.content is not None:
            for part in candidate.content.parts or ():
                self._part(part, events)
        if tokens is not None:
            self._count(tokens, events)
        if candidate is not None and candidate.finish_reason:
            self._note_finish(candidate, events)
        feedback = chunk.prompt_feedback
        if feedback is not None and feedback.block_reason:
            self._block_reason, self._block_message = feedback.block_reason, feedback.block_reason_message
        if len(events) == before and not self._finish_reason:
            events.append(Ping())  # a call that comes in pieces is not sent until it is complete

    def _count(self, tokens: Tokens, events: list[Event]) -> None:
        if tokens != self._tokens:
            self._tokens = tokens
            events.append(TokensReported(tokens))

    def _part(self, part: Part, events: list[Event]) -> None:
        signature = part.thought_signature
        if part.function_call is not None:
            self._has_answer = True
            self._calls.feed(part.function_call, signature, events)
        elif part.thought:
            if part.text:
                events.append(ThinkingDelta(part.text))
            if signature:
                self._calls.sign_thought(signature, events)
        else:
            if part.text:
                self._has_answer = True
                events.append(TextDelta(part.text))
            elif part.inline_data or part.file_data or part.executable_code or part.code_execution_result:
                self._notes.add(Fidelity.OUTPUT_DROPPED)
            if signature:
                self._calls.text_signature = signature

    def _note_finish(self, candidate: Candidate, events: list[Event]) -> None:
        reason = candidate.finish_reason or ""
        if reason in UNSPECIFIED:
            return
        self._finish_reason, self._finish_message = reason, candidate.finish_message
        failure = failure_of(reason, candidate.finish_message)
        if failure is not None:
            self._fail(failure, events)

    def _end(self, events: list[Event]) -> None:
        """The finish, if the provider has said that this is the end; else the failure that it is."""
        if self._usage is not None and not self._has_answer:
            self._count(tokens_of(self._usage, only_thought=True), events)
        if self._finish_reason:
            if is_cut(self._finish_reason):
                self._calls.drop_open()
            self._calls.settle(events)
            has_calls = self._calls.any_started()
            end = finished(self._finish_reason, self._finish_message, has_calls=has_calls)
            events.append(msgspec.structs.replace(end, service_tier=tier_of(self._usage)))
        elif self._tokens is not None and self._tokens.reach(self._limit):
            self._calls.drop_open()
            events.append(MessageFinished("max_tokens"))
        elif self._block_reason not in UNSPECIFIED:
            events.append(blocked(self._block_reason, self._block_message))
        else:
            super()._end(events)
        self._is_over = True
