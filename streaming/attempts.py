"""One try at one candidate: translate, call, decode, encode, pass on. Returns when the answer is complete.

Everything that goes wrong on the provider's side leaves here as UpstreamError; the relay decides what follows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from providers.config import CredentialConfig
from providers.dialects import DIALECTS
from providers.dialects.contract import Call, Decoder, UpstreamRequest
from providers.errors import ErrorKind, UpstreamError
from providers.events import Event, MessageFinished, MessageStarted, StreamFailed, Tokens
from providers.fidelity import Fidelity
from providers.sse import EventTooLong
from providers.translation import Translation
from providers.upstream import Response, Upstreams
from routing.snapshot import CandidateConfig
from streaming.encoder import Encoder
from streaming.exchange import Exchange
from usage.records import AttemptRecord

logger = logging.getLogger("gateway.request")

_PREPARE = 60.0
"""Seconds for media to be fetched and a token to be had, which have limits of their own, before anything is sent."""
_DRAIN = 1.0
"""Seconds to read on after the answer's end, so that the connection can be used again."""
_TIMED_OUT: Mapping[ErrorKind, str] = {
    ErrorKind.CONNECT_TIMEOUT: "The provider could not be reached in time.",
    ErrorKind.FIRST_EVENT_TIMEOUT: "The provider did not begin to answer in time.",
    ErrorKind.IDLE_TIMEOUT: "The provider fell silent in the middle of its answer.",
    ErrorKind.TOTAL_TIMEOUT: "The provider's answer took longer than this gateway allows.",
}
_NOTHING = Tokens(input=0, cache_read=0, cache_write=0, output=0)
_REQUEST_ID_HEADERS = (
    *("request-id", "x-request-id", "x-generation-id", "x-amzn-requestid", "apim-request-id", "x-ms-request-id"),
    "cf-ray",
)


async def attempt(exchange: Exchange, candidate: CandidateConfig, upstreams: Upstreams, record: AttemptRecord) -> None:
    """Try one candidate. Raises UpstreamError, UnsupportedRequest, or asyncio.CancelledError for an Ending."""
    describe(record, candidate)
    try:
        await _call(exchange, candidate, upstreams, record)
    except asyncio.CancelledError:
        kind = exchange.ending
        if not isinstance(kind, ErrorKind):
            raise
        # The sweeper cancelled us for a deadline: that is the provider's failure, not the task's end.
        exchange.ending = None
        exchange.task.uncancel()
        raise UpstreamError(kind, _TIMED_OUT[kind]) from None
    finally:
        exchange.watch.end()


def describe(record: AttemptRecord, candidate: CandidateConfig) -> CredentialConfig | None:
    """Write down whom an attempt calls; returns the credential it uses."""
    provider, model = candidate.provider, candidate.model
    record.provider_id, record.provider_name, record.dialect = provider.id, provider.name, provider.dialect
    record.model_id, record.model_name = model.id or None, model.name
    credential = provider.credentials[0] if provider.credentials else None
    if credential is not None:
        record.credential_id, record.credential_name = credential.id, credential.name
    return credential


def call_of(exchange: Exchange, candidate: CandidateConfig) -> Call:
    """The call of a candidate: the client's request after the candidate's chain of transforms."""
    if exchange.body is None:
        raise RuntimeError("the request was dropped after its first content, nothing can be sent again")
    body = candidate.transforms.edited(exchange.body)
    credentials = candidate.provider.credentials
    call = Call(
        body=body,
        model=candidate.model,
        provider=candidate.provider,
        secret=credentials[0].secret if credentials else None,
        headers=exchange.headers,
        session_id=exchange.session_id or None,
        input_estimate=exchange.input_estimate,
    )
    if body is not exchange.body:
        call.notes.add(Fidelity.TRANSFORMED)
    return call


async def _call(exchange: Exchange, candidate: CandidateConfig, upstreams: Upstreams, record: AttemptRecord) -> None:
    loop = exchange.loop
    timeouts = candidate.provider.timeouts
    watch = exchange.watch
    call = call_of(exchange, candidate)
    exchange.notes = call.notes
    if _only_warms(call):
        await _answer_here(exchange)
        return
    translation = Translation(call, candidate.transforms.streams)
    del call
    watch.begin(loop.time(), connect=_PREPARE, idle=timeouts.idle, total=timeouts.total)
    request = await translation.request()
    watch.expect_connection(loop.time(), timeouts.connect + 1.0)
    exchange.client.fidelity = ",".join(exchange.notes)
    upstream = upstreams.acquire(candidate.provider)
    try:
        exchange.account.admit()
        logger.debug("upstream called", extra={"fields": _step(exchange, provider=candidate.provider.name)})
        response = await upstream.open(
            _identified(request, record),
            connect_timeout=timeouts.connect,
            connected=lambda: watch.expect_first_event(loop.time(), timeouts.first_event),
        )
        try:
            del request
            record.http_status = response.status
            record.upstream_request_id = _request_id(response.headers)
            logger.debug("upstream answered", extra={"fields": _step(exchange, status=response.status)})
            if response.status >= 400:
                raise translation.error(response.status, response.headers, await response.read())
            decoder = translation.decoder(response.headers.get("content-type", ""))
            del translation
            await _stream(exchange, response, decoder)
        finally:
            await response.close()
    finally:
        await upstreams.release(upstream)


def _only_warms(call: Call) -> bool:
    """Whether nothing is asked for but a warm cache, of a provider that cannot be asked for that."""
    asked = call.body.get("max_tokens")
    return type(asked) is int and asked == 0 and not DIALECTS[call.provider.dialect].warms_cache


async def _answer_here(exchange: Exchange) -> None:
    """The empty message that Claude gives to `max_tokens: 0`; no provider is called and nothing is counted."""
    encoder = exchange.encoder
    if encoder is None:
        raise RuntimeError("an attempt needs an encoder")
    exchange.notes.add(Fidelity.ANSWERED_HERE)
    exchange.client.fidelity = ",".join(exchange.notes)
    await _pass_on(exchange, encoder, [MessageStarted(tokens=_NOTHING), MessageFinished("max_tokens")])


async def _stream(exchange: Exchange, response: Response, decoder: Decoder) -> None:
    """Pass the whole answer on."""
    encoder = exchange.encoder
    if encoder is None:
        raise RuntimeError("an attempt needs an encoder")
    loop = exchange.loop
    watch = exchange.watch
    chunks = response.chunks()
    try:
        async for data in chunks:
            events = decoder.feed(data)
            if events and await _pass_on(exchange, encoder, events):
                watch.end()
                # A provider that would go on saying what nobody hears is left at once.
                if not encoder.cut_short:
                    await _drain(chunks)
                return
            if events:
                watch.touch(loop.time())
        if await _pass_on(exchange, encoder, decoder.close()):
            return
    except EventTooLong as error:
        raise UpstreamError(ErrorKind.MALFORMED, f"The provider sent {error}.") from error
    except RecursionError as error:
        raise UpstreamError(ErrorKind.MALFORMED, "The provider sent JSON that is nested too deeply.") from error
    except asyncio.CancelledError:
        # Silence after the finish was announced is a server that forgets to close: the answer is whole.
        last = decoder.close() if exchange.ending is ErrorKind.IDLE_TIMEOUT else []
        if last and not isinstance(last[-1], StreamFailed) and await _pass_on(exchange, encoder, last):
            exchange.ending = None
            exchange.task.uncancel()
            return
        raise
    raise UpstreamError(ErrorKind.TRUNCATED, "The provider's answer ended before it was complete.")


async def _pass_on(exchange: Exchange, encoder: Encoder, events: list[Event]) -> bool:
    """Encode events and send what comes of them; True when the answer is complete. Raises the events' own failure."""
    had_content = encoder.content_sent
    data = encoder.feed(events)
    if not had_content and encoder.content_sent:
        exchange.account.first_token()
        # From here on nothing is sent again: holding the request would cost its size for every open stream.
        exchange.body = None
        logger.debug("stream started", extra={"fields": _step(exchange)})
    if encoder.stop_reason is not None and encoder.failed is None:
        data += encoder.finish()
        exchange.watch.end()
        if exchange.streamed:
            await exchange.client.finish(data)
        return True
    if data:
        exchange.writes_to_client()
        await exchange.client.write(data)
        exchange.spoke(exchange.loop.time())
    if encoder.failed is not None:
        raise encoder.failed
    return False


async def _drain(chunks: object) -> None:
    """Read what follows the answer's end (usually nothing), or the connection could not be used again."""
    try:
        async with asyncio.timeout(_DRAIN):
            async for _ in chunks:  # type: ignore[attr-defined]
                pass
    except (TimeoutError, UpstreamError):
        # The client has its whole answer; the connection is closed instead of kept.
        return


def _identified(request: UpstreamRequest, record: AttemptRecord) -> UpstreamRequest:
    """The request with the attempt's id in a header, so that both sides can be counted."""
    return UpstreamRequest(
        path=request.path, headers=(*request.headers, ("x-attempt-id", str(record.id))), body=request.body
    )


def _request_id(headers: Mapping[str, str]) -> str:
    for name in _REQUEST_ID_HEADERS:
        value = headers.get(name)
        if value:
            return value[:120]
    return ""


def _step(exchange: Exchange, **fields: object) -> dict[str, object]:
    return {"request_id": exchange.client.request_id, **fields}
