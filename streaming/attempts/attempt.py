"""One attempt at one candidate: translate, call, decode, encode, send.

Whatever goes wrong on the provider's side is raised as UpstreamError; streaming.attempts.run decides what follows.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from providers.config import CredentialConfig
from providers.counts import limits_of
from providers.dialects.contract import Decoder
from providers.errors import ErrorKind, UpstreamError
from providers.errors.redaction import redact, redacted
from providers.events import Event, MessageFinished, MessageStarted, StreamFailed, Tokens
from providers.fidelity import Fidelity, Notes
from providers.framing.sse import EventTooLong
from providers.offload import off_loop
from providers.outbound.upstream import Response, Upstreams
from routing.health import AttemptHealth, AttemptTracker
from routing.snapshot import CandidateConfig
from streaming.attempts import slices
from streaming.attempts.continuation import Continuation
from streaming.attempts.incoming import note_finished, spliced, tokens_taken, truncated, unreadable
from streaming.attempts.outgoing import translation, with_attempt_id
from streaming.attempts.push import Push
from streaming.budgets.request import AttemptMoney
from streaming.exchange.answer import Answer
from streaming.exchange.lifecycle import Lifecycle, Watch, timed_out
from streaming.exchange.request import Request

if TYPE_CHECKING:
    from streaming.attempts.hedging import Race

logger = logging.getLogger("gateway.request")

_PREPARE = 60.0
"""Seconds for what precedes the call: fetching media and tokens; and for the transport's timer, unaware of lag."""
_NO_TOKENS = Tokens(input=0, cache_read=0, cache_write=0, output=0)


class Attempt:
    """One attempt; `run` it once, in `task`.

    `only`: no other candidate is available, so a connection is worth waiting for. `admit` is called before anything is
    sent. Set before it runs where they apply: `continuing`, the answer that it continues; `money`, what is reserved for
    it; the `race` that it is in, so that it asks before it answers, and may be `lost`.
    The rest are facts for the observers: `notes` are the codes of the translation's losses, `sent` says that the
    request may have left and `responded` that events arrived, `by_platform` is what Translation.reported says,
    `connected_at`, `headers_at` and `first_content_at` are on the clock of time.perf_counter, `outcome` is empty until
    the end.
    """

    __slots__ = (
        "_admit", "_answer", "_is_logged", "_lifecycle", "_request", "_tracker", "_watch", "began",
        "by_platform", "candidate", "connected_at", "continuing", "credential", "encoder", "first_content_at",
        "headers_at", "http_status", "id", "lost", "money", "notes", "number", "only", "outcome", "race", "responded",
        "sent", "sent_headers", "task", "upstream_request_id",
    )  # fmt: skip

    def __init__(
        self,
        candidate: CandidateConfig,
        request: Request,
        answer: Answer,
        lifecycle: Lifecycle,
        id: UUID,
        number: int = 1,
        only: bool = True,
        admit: Callable[[Attempt], Awaitable[None] | None] | None = None,
    ) -> None:
        self._request, self._answer, self._lifecycle, self._admit = request, answer, lifecycle, admit
        self._tracker: AttemptTracker | None = None
        self._watch = Watch(lifecycle.lag)
        self._is_logged = logger.isEnabledFor(logging.DEBUG)
        self.began = lifecycle.loop.time()
        self.id, self.number, self.candidate, self.only = id, number, candidate, only
        self.encoder = answer.encoder
        self.task = lifecycle.task
        self.continuing: Continuation | None = None
        self.money: AttemptMoney | None = None
        self.race: Race | None = None
        self.notes = Notes()
        self.credential: CredentialConfig | None = None
        self.http_status: int | None = None
        self.upstream_request_id = self.outcome = ""
        self.by_platform = ("", "")
        self.responded = self.sent = self.lost = False
        self.sent_headers: tuple[tuple[str, str], ...] = ()
        self.connected_at: float | None = None
        self.headers_at: float | None = None
        self.first_content_at: float | None = None

    async def run(self, upstreams: Upstreams, health: AttemptHealth) -> None:
        """Returns when the answer is complete.

        Raises UpstreamError, UnsupportedRequest, or asyncio.CancelledError when the whole request ends.
        """
        request, lifecycle, candidate = self._request, self._lifecycle, self.candidate
        self.credential = credential = health.credential(candidate, request.session_id)
        self._tracker = tracker = health.begin(candidate, credential, request.input_estimate)
        failure: UpstreamError | None = None
        counted = False
        lifecycle.watches.append(self._watch)
        try:
            counted = await self._call(credential, upstreams, tracker)
        except UpstreamError as error:
            redact(error, candidate.provider, self.sent_headers)
            self.upstream_request_id = redacted(self.upstream_request_id, candidate.provider, self.sent_headers)
            failure, counted = error, not self._watch.excuses(error.kind)
            raise
        except asyncio.CancelledError:
            kind = self._watch.fired
            if kind is None or lifecycle.ending is not None or self.lost:
                raise
            # The sweeper cancelled the task for a deadline: the provider failed, the request goes on.
            self.task.uncancel()
            failure, counted = timed_out(kind), not self._watch.excuses(kind)
            raise failure from None
        finally:
            lifecycle.watches.remove(self._watch)
            is_counted = self.responded and tracker.counts_tokens()
            tracker.ended(failure, counted, tokens_taken(self.encoder) if is_counted else None)
            failure = None  # Its traceback holds this frame: together they would be a cycle.

    async def _call(self, credential: CredentialConfig | None, upstreams: Upstreams, tracker: AttemptTracker) -> bool:
        """Sends the request and passes the answer on; returns False when no provider was called."""
        heavy = self._request.heavy
        asked = (self._request, self.candidate, credential, self.continuing, self.notes)
        translated = await off_loop(translation, *asked) if heavy else translation(*asked)
        if translated is None:
            await self._answer_here()
            return False
        provider, lifecycle, watch = self.candidate.provider, self._lifecycle, self._watch
        loop, timeouts = lifecycle.loop, provider.timeouts
        watch.begin(self.began, _PREPARE, timeouts.idle, timeouts.total, self.task, lifecycle.deadline)
        request = await translated.request()
        self.sent_headers = request.headers
        self._answer.note_fidelity(self.notes)
        if not tracker.connects_now():
            watch.expect_connection(loop.time(), _PREPARE)
            await tracker.may_connect(self.only)
        watch.expect_connection(loop.time(), timeouts.connect)
        upstream = upstreams.acquire(provider)
        try:
            lacking = None if self._admit is None else self._admit(self)
            if lacking is not None:
                await lacking
            if self._is_logged:
                self._log("upstream called", provider=provider.name)
            response = await upstream.open(
                with_attempt_id(request, self.id),
                connect_timeout=timeouts.connect + _PREPARE,
                connected=self._connected,
            )
            try:
                del request
                self.headers_at = time.perf_counter()
                self.http_status = response.status
                self.upstream_request_id = response.request_id
                if self._is_logged:
                    self._log("upstream answered", status=response.status)
                if response.status >= 400:
                    raise translated.error(response.status, response.headers, await response.read())
                if provider.platform:
                    self.by_platform = translated.reported(response.headers)
                kind = response.content_type
                decoder = await off_loop(translated.decoder, kind) if heavy else translated.decoder(kind)
                del translated
                if self.continuing is not None:
                    decoder = spliced(decoder, self.continuing, self.candidate)
                await self._stream(response, decoder)
                return True
            finally:
                await response.close()
        finally:
            await upstreams.release(upstream)

    def _connected(self) -> None:
        self.sent = True
        self.connected_at = time.perf_counter()
        self._watch.expect_first_event(self._lifecycle.loop.time(), self.candidate.provider.timeouts.first_event)
        if self._tracker is not None:
            self._tracker.connected()

    async def _answer_here(self) -> None:
        """Sends the empty message that Claude answers to `max_tokens: 0`, without calling a provider."""
        self.notes.add(Fidelity.ANSWERED_HERE)
        self._answer.note_fidelity(self.notes)
        await self._pass_on([MessageStarted(tokens=_NO_TOKENS), MessageFinished("max_tokens")])

    async def _stream(self, response: Response, decoder: Decoder) -> None:
        """Passes the whole answer on."""
        watch, loop = self._watch, self._lifecycle.loop
        chunks = response.chunks()
        arrived = None if self.money is None else partial(response.arrived, chunks, decoder)
        stream = self._answer.stream
        push = None if stream is None else Push(response, decoder, stream, self._answer, loop, watch, self.money)
        try:
            async for data in chunks:
                events = decoder.feed(data)
                written = self._encoded(events) if events else None
                while written is not None:
                    if self.responded and await self._settle(written, arrived):
                        # It is read to its end, so that the connection can be used again, unless it was ended here.
                        if not (response.is_over() or self.encoder.ended_here):
                            await response.drain(chunks)
                        return
                    watch.touch(loop.time())
                    written = None
                    if push is not None and self.first_content_at is not None:
                        written = await push.until_left()
            if await self._pass_on(decoder.close()):
                return
        except (EventTooLong, RecursionError) as error:
            raise unreadable(error) from error
        except asyncio.CancelledError:
            if not await self._has_ended(decoder):
                raise
            self.task.uncancel()
            return
        raise truncated()

    async def _has_ended(self, decoder: Decoder) -> bool:
        """After an announced end, silence means that the server forgot to close: then the answer is complete."""
        is_silent = self._watch.fired is ErrorKind.IDLE_TIMEOUT and self._lifecycle.ending is None
        try:
            last = decoder.close() if is_silent else []
        except (EventTooLong, RecursionError):
            return False
        return bool(last) and not isinstance(last[-1], StreamFailed) and await self._pass_on(last)

    async def _pass_on(self, events: list[Event]) -> bool:
        """Encodes events and sends the result; returns whether the answer is complete. Raises the events' failure."""
        data = self._encoded(events)
        return await self._settle(data) if self.responded or not events else False

    def _encoded(self, events: list[Event]) -> bytes:
        """Returns what the events are for the client; nothing while another attempt may answer. Raises the failure of
        the first events where the attempt is in a race."""
        encoder = self.encoder
        if not self.responded and events:
            if self.race is not None and not self.race.won(self, events):
                return b""
            self.responded = True
            encoder.believes(limits_of(self.candidate.model, self._request.input_estimate))
            if self._tracker is not None:
                self._tracker.first_byte(self._watch.without_lag(self._lifecycle.loop.time()) - self.began)
        if self.first_content_at is not None:
            return encoder.feed(events)
        had_content = encoder.content_sent
        data = encoder.feed(events)
        if not had_content and encoder.content_sent:
            self._note_first_content()
        return data

    async def _settle(self, data: bytes, arrived: slices.Arrived | None = None) -> bool:
        """Pays for an answer and sends what was encoded of it; returns whether it is complete. Raises its failure."""
        answer, encoder, money = self._answer, self.encoder, self.money
        if money is not None and money.quiet_for is not encoder.tokens:
            had_content = encoder.content_sent
            data += await slices.paid(money, encoder, self.notes, self._watch, arrived)
            if not had_content and encoder.content_sent:
                self._note_first_content()
        stream = answer.stream
        if not encoder.is_open and encoder.failed is None:
            data += encoder.finish()
            note_finished(encoder, self.notes, answer)
            self._watch.end()
            if stream is not None:
                await stream.finish(data)
            return True
        if data and stream is not None:
            self._watch.pause()
            await stream.write(data)
            answer.note_written(self._lifecycle.loop.time())
        if encoder.failed is not None:
            raise encoder.failed
        return False

    def _note_first_content(self) -> None:
        self.first_content_at = time.perf_counter()
        self._answer.note_first_content(self._lifecycle.loop.time())
        if self._answer.stream is not None and self._answer.transcript is None:
            self._request.body.release()  # Nothing will be sent again.
        if self._is_logged:
            self._log("stream started")

    def _log(self, message: str, **fields: object) -> None:
        logger.debug(message, extra={"fields": {"request_id": self._request.id, **fields}})
