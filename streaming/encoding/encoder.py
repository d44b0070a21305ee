"""Events in, a legal Claude stream out, whatever order the events come in.

This module writes what surrounds the blocks: one message_start, then one end or one error, and nothing after it;
streaming.encoding.blocks writes the blocks. An end that the upstream did not announce is never invented. Sans-IO.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from providers.counts import ANY_MODEL, CountLimits
from providers.errors import ErrorKind, UpstreamError
from providers.events import (
    COMPLETE,
    NO_TOKENS,
    Event,
    MessageFinished,
    MessageStarted,
    NativeEvent,
    Ping,
    StreamFailed,
    TextDelta,
    Tokens,
    TokensReported,
)
from providers.framing.arguments import NoObject
from streaming.encoding import Sink, counted, envelope
from streaming.encoding.blocks import EVENTS, TEXT, Blocks
from streaming.encoding.native import SERVER_TOOLS


class Encoder:
    """One answer. `feed` and its like return the bytes that the sink made of it, b"" where there are none.

    For callers to read: `started` (message_start was written), `content_sent` (no other attempt can start over),
    `finished` (message_stop was written), `failed` (the upstream's failure, of which nothing was written), `is_open`
    (the upstream has neither announced the end nor failed), `ended_here` (the end is ours, it would have continued),
    `tokens` (the latest reported counts that can be; estimated where there are none), `counted_here` (whether they are
    in an answer that is complete), `stop_reason` and `reported` (model, service tier and region as the upstream told
    them).
    """

    __slots__ = (
        "_blocks", "_doubted", "_earlier_chars", "_earlier_tokens", "_end", "_input_estimate", "_limits", "_message_id",
        "_model", "_on", "_output_reported", "_reported_at_start", "_sink", "_unknown_sent", "counted_here",
        "ended_here", "failed", "finished", "is_open", "reported", "tokens",
    )  # fmt: skip

    def __init__(self, sink: Sink, message_id: str, model: str, input_estimate: int) -> None:
        self._sink = sink
        self._blocks = Blocks(sink)
        self._message_id, self._model = message_id, model
        self._input_estimate = input_estimate
        self._limits = ANY_MODEL
        self._on = _NEW
        self._reported_at_start = NO_TOKENS
        self._unknown_sent = self.counted_here = self.finished = False
        self._earlier_tokens: Tokens | None = None
        self._earlier_chars = 0
        self._forget_end()

    def _forget_end(self) -> None:
        self._end: MessageFinished | None = None
        self.is_open, self.ended_here = True, False
        self._output_reported = False
        self._doubted: CountLimits | None = None
        self.failed: UpstreamError | None = None
        self.tokens: Tokens = NO_TOKENS
        self.reported: tuple[str | None, str | None, str | None] = (None, None, None)

    @property
    def started(self) -> bool:
        """Whether message_start, or an error instead of it, was written."""
        return self._on is not _NEW

    @property
    def content_sent(self) -> bool:
        """Whether something was written that another attempt could not take back."""
        return self._blocks.content_sent or self._unknown_sent

    @property
    def has_new_content(self) -> bool:
        """Whether the current attempt wrote some of it."""
        return self.content_sent if self._earlier_tokens is None else self._sink.chars > self._earlier_chars

    @property
    def new_chars(self) -> int:
        """About how many characters of content the current attempt wrote."""
        return self._sink.chars - self._earlier_chars

    @property
    def arguments_repaired(self) -> bool:
        """Whether the arguments of a tool call had to be put right."""
        return self._blocks.arguments_repaired

    @property
    def stop_reason(self) -> str | None:
        """Why the answer ended, corrected to fit its content; None until the upstream has announced the end."""
        if self._end is None:
            return None
        return envelope.consistent(self._end.stop_reason, "tool_use" in self._blocks.kinds)

    def feed(self, events: Iterable[Event]) -> bytes:
        """Returns the bytes of the events. A StreamFailed only sets `failed`: the caller decides what follows."""
        blocks = self._blocks
        try:
            for event in events:
                state = blocks.state
                if type(event) is TextDelta and state is TEXT:
                    self._sink.text(event.text)  # most of most answers
                elif (of_block := state.on.get(type(event))) is not None:
                    of_block(blocks, event)
                else:
                    self._on[type(event)](self, event)
        except NoObject:
            message = "The provider sent a tool call whose arguments are no JSON object."
            self._note_failure(StreamFailed(UpstreamError(ErrorKind.MALFORMED, message, code="arguments")))
        return self._sink.take()

    def answers_as(self, model: str) -> None:
        """Sets the model's name in message_start, if that is not written yet."""
        self._model = model

    def believes(self, limits: CountLimits) -> None:
        """Sets the largest counts that are believed of the attempt that answers."""
        self._limits = limits

    def start(self) -> bytes:
        """Writes a message_start if there was none; the upstream's, if it comes later, only adds its counts."""
        if self._on is _NEW:
            self._begin(None)
        return self._sink.take()

    def estimated(self) -> Tokens:
        """Returns the tokens of an interrupted answer: what was reported, and estimates from sizes for the rest."""
        return counted.estimated(self.tokens, self._input_estimate, self.new_chars)

    def restart(self) -> None:
        """Prepares for another attempt, with tokens, end and failure of its own, in the same stream."""
        self._blocks.restart()
        self._forget_end()

    def resume(self) -> None:
        """Prepares for another attempt that continues the open text; earlier output counts into the end."""
        if self.has_new_content:
            spent = msgspec.structs.replace(self.tokens, output=self.estimated().output)
            self._earlier_tokens = (
                spent if self._earlier_tokens is None else envelope.together(self._earlier_tokens, spent)
            )
            self._earlier_chars = self._sink.chars
        self._blocks.resume()
        self._forget_end()

    def ping(self) -> bytes:
        """Writes a ping."""
        if self._on is not _OVER:
            self._sink.ping()
        return self._sink.take()

    def keepalive(self) -> bytes:
        """Writes an empty delta of the open block's kind, which resets clients' idle watchdogs, or else a ping."""
        if self._on is not _OVER:
            self._blocks.keepalive()
        return self._sink.take()

    def finish(self) -> bytes:
        """Writes the end, if the upstream has announced it and has not failed; else returns b"", not finished."""
        if self._end is None or self.failed is not None or self._on is _OVER:
            return b""
        if self._on is _NEW:
            self._begin(None)
        self._blocks.is_cut = True  # what came after the announced end has no end of its own
        self._blocks.settle()
        if self._end.cut_short:
            self.tokens = self.estimated()
        elif self.has_new_content:
            reported = self.tokens
            self.tokens = counted.completed(
                reported, self._input_estimate, self.new_chars, output_reported=self._output_reported
            )
            self.counted_here = self.tokens is not reported
        # Only now: settling may have opened a queued tool call, and the stop reason must fit it.
        stop_reason = self.stop_reason or self._end.stop_reason
        end, tokens = self._end, self.tokens
        if self._earlier_tokens is not None:
            end, tokens = envelope.uncounted(end), envelope.together(self._earlier_tokens, tokens)
        if self._doubted is not None:
            end = envelope.believed_end(end, tokens, self._doubted)
        self._sink.end(envelope.closing(end, self._reported_at_start, tokens, stop_reason))
        self._shut()
        self.finished = True
        return self._sink.take()

    def fail(self, error_type: str, message: str, request_id: str) -> bytes:
        """Writes the error event, once, in place of an end; an open block stays open, nothing follows."""
        if self._on is _OVER:
            return b""
        error = {"type": error_type, "message": message}
        self._sink.error({"type": "error", "error": error, "request_id": request_id})
        self._shut()
        return self._sink.take()

    def _shut(self) -> None:
        self._blocks.shut()
        self._on = _OVER

    def _begin(self, started: MessageStarted | None) -> None:
        self._sink.start(
            envelope.opening(
                started,
                self.tokens,
                message_id=self._message_id,
                model=self._model,
                input_estimate=self._input_estimate,
                doubted=self._doubted,
            )
        )
        if started is not None and started.native is not None:
            self._reported_at_start = self.tokens
        self._blocks.begin()
        self._on = _STARTED

    def _message_started(self, event: MessageStarted) -> None:
        self._count_start(event)
        self._begin(event)

    def _block_first(self, event: Event) -> None:
        self._begin(None)
        self._blocks.state.on[type(event)](self._blocks, event)

    def _count_start(self, event: MessageStarted) -> None:
        self.reported = event.model, event.service_tier, event.region
        if event.tokens is not None:
            tokens = self._believed(event.tokens)
            # Claude's own start counts a first token or a few, whatever follows.
            if tokens.output and event.native is None:
                self._output_reported = True
            self.tokens = self.tokens.updated(tokens)

    def _count(self, event: TokensReported) -> None:
        tokens = self._believed(event.tokens)
        if tokens.output:
            self._output_reported = True
        self.tokens = self.tokens.updated(tokens)

    def _believed(self, tokens: Tokens) -> Tokens:
        if self._limits.hold(tokens):
            return tokens
        # A provider that runs tools itself reads the prompt again for each of them and adds it all up.
        limits = ANY_MODEL if self._blocks.kinds & SERVER_TOOLS or tokens.web_searches else self._limits
        believed = limits.believed(tokens)
        if believed is not tokens:
            self._doubted = limits
        return believed

    def _announce_end(self, event: MessageFinished) -> None:
        self._end, self.is_open, self.ended_here = event, False, event.cut_short
        if event.service_tier is not None:
            model, _, region = self.reported
            self.reported = model, event.service_tier, region
        self._blocks.end_calls(cut=event.cut_short or event.stop_reason not in COMPLETE)

    def _note_failure(self, event: StreamFailed) -> None:
        self.failed, self.is_open = event.error, False

    def _pass_ping(self, event: Ping) -> None:
        self._sink.ping()

    def _pass_unknown(self, event: NativeEvent) -> None:
        # It may be a future kind of content, which cannot be taken back.
        self._unknown_sent = True
        self._sink.native_event(event.kind, event.raw)

    def _ignore(self, event: Event) -> None:
        """Ignores an event that means nothing in this state."""


_Table = dict[type, Callable[[Encoder, Any], None]]
_STARTED: _Table = {
    MessageStarted: Encoder._count_start,
    TokensReported: Encoder._count,
    MessageFinished: Encoder._announce_end,
    StreamFailed: Encoder._note_failure,
    Ping: Encoder._pass_ping,
    NativeEvent: Encoder._pass_unknown,
}
# Before message_start clients accept nothing but pings, and a status can still be sent: an unknown event is dropped.
_NEW: _Table = (
    _STARTED
    | {MessageStarted: Encoder._message_started, Ping: Encoder._ignore, NativeEvent: Encoder._ignore}
    | dict.fromkeys(EVENTS, Encoder._block_first)
)
_OVER: _Table = dict.fromkeys((*_STARTED, *EVENTS), Encoder._ignore)
