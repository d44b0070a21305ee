"""One try at one candidate: translate, call, decode, encode, pass on.

Everything that goes wrong on the provider's side leaves here as UpstreamError; what follows is decided by survival.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from providers.config import CredentialConfig
from providers.dialects import DIALECTS
from providers.dialects.contract import Call, Decoder
from providers.errors import ErrorKind, UpstreamError
from providers.events import Event, MessageFinished, MessageStarted, StreamFailed, Tokens
from providers.fidelity import Fidelity, Notes
from providers.framing.sse import EventTooLong
from providers.outbound.upstream import Response, Upstreams
from providers.translation import EditedDecoder, Translation
from routing.health import AttemptTracker, Health
from routing.snapshot import CandidateConfig
from streaming.attempts import traces
from streaming.attempts.continuation import Continuation
from streaming.exchange.exchange import Exchange
from streaming.exchange.watch import Watch, timed_out


class Race(Protocol):
    """Attempts side by side, one of which shall be heard."""

    def won(self, attempt: Attempt, events: Sequence[Event]) -> bool:
        """Whether these first events of an attempt are heard. Raises what they say of its failure."""
        ...


logger = logging.getLogger("gateway.request")

_PREPARE = 60.0
"""Seconds for media to be fetched and a token to be had, which have limits of their own, before anything is sent."""
_NOTHING = Tokens(input=0, cache_read=0, cache_write=0, output=0)
_REQUEST_ID_HEADERS = (
    *("request-id", "x-request-id", "x-generation-id", "x-amzn-requestid", "apim-request-id", "x-ms-request-id"),
    "cf-ray",
)


class Attempt:
    """One try, from its record on; `run` it once, in `task`.

    `only`: no other candidate is left, so a connection is worth waiting for. `onto`: the answer that it goes on with.
    `spoke`: events of it have come. `notes` are what its translation lost. In a `race` it asks before it speaks, and
    may be `lost`.
    """

    __slots__ = (
        "_encoder",
        "_exchange",
        "_onto",
        "_tracker",
        "_watch",
        "began",
        "candidate",
        "lost",
        "notes",
        "only",
        "race",
        "record",
        "spoke",
        "task",
    )

    def __init__(
        self,
        exchange: Exchange,
        candidate: CandidateConfig,
        *,
        only: bool = True,
        onto: Continuation | None = None,
    ) -> None:
        if exchange.encoder is None:
            raise RuntimeError("an attempt needs an encoder")
        self._exchange = exchange
        self._encoder = exchange.encoder
        self._tracker: AttemptTracker | None = None
        self._onto = onto
        self._watch = Watch()
        self.began = exchange.loop.time()
        self.candidate = candidate
        self.only = only
        self.notes = Notes()
        self.spoke = False
        self.task = exchange.task
        self.race: Race | None = None
        self.lost = False
        self.record = record = exchange.account.attempt()
        provider, model = candidate.provider, candidate.model
        record.provider_id, record.provider_name, record.dialect = provider.id, provider.name, provider.dialect
        record.model_id, record.model_name = model.id or None, model.name

    async def run(self, upstreams: Upstreams, health: Health) -> None:
        """Returns when the answer is complete.

        Raises UpstreamError, UnsupportedRequest, or asyncio.CancelledError when the whole request ends.
        """
        exchange, candidate, record = self._exchange, self.candidate, self.record
        credential = health.credential(candidate, exchange.session_id)
        if credential is not None:
            record.credential_id, record.credential_name = credential.id, credential.name
        self._tracker = tracker = health.begin(candidate, credential, exchange.input_estimate)
        failure: UpstreamError | None = None
        counted = False
        exchange.watches.append(self._watch)
        try:
            # Nothing here may hold the call while its answer streams: it holds the whole request.
            counted = await self._answer(self._translation(credential), upstreams, tracker)
        except UpstreamError as error:
            failure, counted = error, True
            raise
        except asyncio.CancelledError:
            kind = self._watch.fired
            if kind is None or exchange.ending is not None or self.lost:
                raise
            # The sweeper cancelled us for a deadline: that is the provider's failure, not the task's end.
            self.task.uncancel()
            # The request's own deadline says nothing of the provider, which may have had a moment of it.
            failure, counted = timed_out(kind), kind is not ErrorKind.DEADLINE
            raise failure from None
        finally:
            self._watch.end()
            exchange.watches.remove(self._watch)
            tracker.ended(failure, counted, self._tokens_taken())

    def _translation(self, credential: CredentialConfig | None) -> Translation | None:
        """The client's request after the candidate's chain of transforms; None when no provider need be called."""
        exchange, candidate = self._exchange, self.candidate
        if exchange.body is None:
            raise RuntimeError("the request was dropped after its first content, nothing can be sent again")
        asked, estimate = exchange.body, exchange.input_estimate
        if self._onto is not None:
            asked = self._onto.request(candidate.model)
            estimate += self._onto.tokens
            self.notes.add(Fidelity.CONTINUED)
        body = candidate.transforms.edited(asked)
        if body is not asked:
            self.notes.add(Fidelity.TRANSFORMED)
        call = Call(
            body=body,
            model=candidate.model,
            provider=candidate.provider,
            secret=None if credential is None else credential.secret,
            headers=exchange.headers,
            session_id=exchange.session_id or None,
            input_estimate=estimate,
            notes=self.notes,
        )
        return None if _only_warms(call) else Translation(call, candidate.transforms.streams)

    async def _answer(self, translation: Translation | None, upstreams: Upstreams, tracker: AttemptTracker) -> bool:
        """Send the request and pass the answer on; False when the answer came from here."""
        if translation is None:
            await self._answer_here()
            return False
        exchange, provider, record = self._exchange, self.candidate.provider, self.record
        loop, watch, timeouts = exchange.loop, self._watch, provider.timeouts
        watch.begin(
            self.began,
            connect=_PREPARE,
            idle=timeouts.idle,
            total=timeouts.total,
            deadline=exchange.deadline,
            task=self.task,
        )
        request = await translation.request()
        exchange.client.fidelity = ",".join(self.notes)
        watch.expect_connection(loop.time(), _PREPARE)
        await tracker.may_connect(self.only)
        watch.expect_connection(loop.time(), timeouts.connect + 1.0)

        def connected() -> None:
            watch.expect_first_event(loop.time(), timeouts.first_event)
            tracker.connected()

        upstream = upstreams.acquire(provider)
        try:
            exchange.account.admit()
            logger.debug("upstream called", extra={"fields": self._step(provider=provider.name)})
            response = await upstream.open(
                traces.identified(request, record.id), connect_timeout=timeouts.connect, connected=connected
            )
            try:
                del request
                record.http_status = response.status
                record.upstream_request_id = traces.request_id(response.headers)
                logger.debug("upstream answered", extra={"fields": self._step(status=response.status)})
                if response.status >= 400:
                    raise translation.error(response.status, response.headers, await response.read())
                decoder = translation.decoder(response.headers.get("content-type", ""))
                del translation
                if self._onto is not None:
                    decoder = EditedDecoder(decoder, [self._onto.joint(self.candidate.model)])
                await self._stream(response, decoder)
                return True
            finally:
                await response.close()
        finally:
            await upstreams.release(upstream)

    async def _answer_here(self) -> None:
        """The empty message that Claude gives to `max_tokens: 0`; no provider is called and nothing is counted."""
        self.notes.add(Fidelity.ANSWERED_HERE)
        self._exchange.client.fidelity = ",".join(self.notes)
        await self._pass_on([MessageStarted(tokens=_NOTHING), MessageFinished("max_tokens")])

    async def _stream(self, response: Response, decoder: Decoder) -> None:
        """Pass the whole answer on."""
        watch, loop = self._watch, self._exchange.loop
        chunks = response.chunks()
        try:
            async for data in chunks:
                events = decoder.feed(data)
                if events and await self._pass_on(events):
                    watch.end()
                    # A provider that would go on saying what nobody hears is left at once.
                    if not self._encoder.cut_short:
                        await response.drain(chunks)
                    return
                if events:
                    watch.touch(loop.time())
            if await self._pass_on(decoder.close()):
                return
        except EventTooLong as error:
            raise UpstreamError(ErrorKind.MALFORMED, f"The provider sent {error}.") from error
        except RecursionError as error:
            raise UpstreamError(ErrorKind.MALFORMED, "The provider sent JSON that is nested too deeply.") from error
        except asyncio.CancelledError:
            # Silence after the finish was announced is a server that forgets to close: the answer is whole.
            last = decoder.close() if watch.fired is ErrorKind.IDLE_TIMEOUT and self._exchange.ending is None else []
            if last and not isinstance(last[-1], StreamFailed) and await self._pass_on(last):
                self.task.uncancel()
                return
            raise
        raise UpstreamError(ErrorKind.TRUNCATED, "The provider's answer ended before it was complete.")

    async def _pass_on(self, events: list[Event]) -> bool:
        """Encode events and send what comes of them; True when the answer is whole. Raises the events' own failure."""
        exchange, encoder = self._exchange, self._encoder
        if not self.spoke and events:
            if self.race is not None and not self.race.won(self, events):
                return False
            self.spoke = True
            if self._tracker is not None:
                self._tracker.first_byte(exchange.loop.time() - self.began)
        had_content = encoder.content_sent
        data = encoder.feed(events)
        if not had_content and encoder.content_sent:
            exchange.account.first_token(self.record)
            if exchange.streamed and exchange.told is None:
                # Nothing is sent again: holding the request would cost its size for every open stream.
                exchange.body = None
            logger.debug("stream started", extra={"fields": self._step()})
        if encoder.stop_reason is not None and encoder.failed is None:
            data += encoder.finish()
            self._watch.end()
            if exchange.streamed:
                await exchange.client.finish(data)
            return True
        if data:
            self._watch.pause()
            await exchange.client.write(data)
            exchange.spoke(exchange.loop.time())
        if encoder.failed is not None:
            raise encoder.failed
        return False

    def _tokens_taken(self) -> int | None:
        """All tokens that the provider says it took, None when it says nothing."""
        if not self.spoke:
            return None
        tokens = self._encoder.tokens
        return None if tokens.prompt is None else tokens.prompt + (tokens.output or 0)

    def _step(self, **fields: object) -> dict[str, object]:
        return {"request_id": self._exchange.client.request_id, **fields}


def _only_warms(call: Call) -> bool:
    """Whether nothing is asked for but a warm cache, of a provider that cannot be asked for that."""
    asked = call.body.get("max_tokens")
    return type(asked) is int and asked == 0 and not DIALECTS[call.provider.dialect].warms_cache
