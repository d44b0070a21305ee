"""POST /v1/messages/count_tokens: asks a provider that counts, and counts here otherwise.

Clients ask for it beside their work, so a provider that cannot answer makes the answer an estimate, not an error; only
what it says about the request itself is passed on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from access.keys import KeyRecord
from providers.claude.usage import clean_usage
from providers.client_fields.rules import Asking
from providers.config import CredentialConfig
from providers.counts import limits_of
from providers.dialects.contract import CountRequest
from providers.errors import ErrorKind, UnsupportedRequest, UpstreamError
from providers.errors.redaction import redact
from providers.fidelity import Notes
from providers.offload import off_loop
from providers.translation import Translation
from routing import engine
from routing.decision import RouteRefused
from routing.facts import request_facts
from routing.facts.content import without_subagent_tags
from routing.health import AttemptTracker, Caller, CallerHealth
from routing.snapshot import CandidateConfig, Snapshot
from streaming import refused
from streaming.exchange import local_time
from streaming.exchange.client import Client, Receive
from streaming.exchange.load import Share
from streaming.ingress.claude import errors, intake
from streaming.runtime import Runtime

logger = logging.getLogger("gateway.request")

HEADER = b"x-gateway-count"
"""Who counted: the `provider`, a `local` tokenizer, or neither: an estimate by `size`."""
_TIMEOUT = 10.0
"""Seconds that a provider gets; it needs a fraction of one."""
_ABOUT_THE_PROVIDER = frozenset(
    {ErrorKind.CONNECT, ErrorKind.CONNECT_TIMEOUT, ErrorKind.AUTHENTICATION, ErrorKind.BILLING}
)
_CONNECTING = frozenset({ErrorKind.CONNECT, ErrorKind.CONNECT_TIMEOUT})
_ABOUT_THE_REQUEST = frozenset({ErrorKind.INVALID_REQUEST, ErrorKind.CONTEXT_OVERFLOW, ErrorKind.TOO_LARGE})


async def count_tokens(
    headers: Mapping[str, str],
    receive: Receive,
    client: Client,
    key: KeyRecord,
    snapshot: Snapshot,
    runtime: Runtime,
    share: Share,
) -> None:
    """Answers `{"input_tokens": n}`. Raises ClaudeError, or Refused for a body that would be too much now."""
    body = await intake.read_body(receive, headers, share)
    request, heavy = await intake.parsed(body)
    read = partial(_read, request, headers, len(body), runtime, key)
    del body
    request, known = await off_loop(read) if heavy else read()
    del read
    try:
        decision = engine.decide(known, key, snapshot)
    except RouteRefused as error:
        raise errors.of_refused(refused.of_routing(error)) from error
    candidate = decision.attempts[0]
    health = CallerHealth(runtime.health, Caller(key.id))
    credential = health.credential(candidate, known.session_id)
    called = partial(
        candidate.call,
        request,
        headers,
        Asking(key, known.refers),
        secret=None if credential is None else credential.secret,
        session_id=known.session_id,
        input_estimate=known.input_estimate,
        notes=Notes(),
    )
    call = await off_loop(called) if heavy else called()
    translation = Translation(call, heavy=heavy)
    most = limits_of(candidate.model, known.input_estimate).prompt
    answer, by = await _count_of_provider(translation, candidate, credential, runtime, client, health, most), "provider"
    if answer is None:
        counted = await runtime.token_pool.count(call.body, call.model.name)
        by = "size" if counted is None else "local"
        answer = {"input_tokens": known.input_estimate if counted is None else counted}
    if request.get("context_management") and not answer.get("context_management"):
        # Beta context-management-2025-06-27. Edits are Claude's alone, so before and after are the same here.
        answer["context_management"] = {"original_input_tokens": answer["input_tokens"]}
    client.fidelity = ",".join(call.notes)
    await client.respond(200, msgspec.json.encode(answer), [(HEADER, by.encode())])


def _read(
    request: dict[str, Any], headers: Mapping[str, str], size: int, runtime: Runtime, key: KeyRecord
) -> tuple[dict[str, Any], request_facts.RequestFacts]:
    """The request without its subagent tags, and the facts. Raises ClaudeError."""
    intake.check(request, counting=True)
    known = request_facts.gather(request, headers, size, runtime.ratios, key=key, now=local_time.present())
    return (without_subagent_tags(request) if known.subagent_tag else request), known


async def _count_of_provider(
    translation: Translation,
    candidate: CandidateConfig,
    credential: CredentialConfig | None,
    runtime: Runtime,
    client: Client,
    health: CallerHealth,
    most: int,
) -> dict[str, Any] | None:
    """The provider's own answer, None where it gives none. Raises ClaudeError for a request that it rejects."""
    if health.cooling(candidate) is not None:
        return None
    sent: tuple[tuple[str, str], ...] = ()
    try:
        count_request = await translation.count_request()
        if count_request is None:
            return None
        sent = count_request.headers
        tracker = health.begin(candidate, credential)
        with runtime.sweeper.awake():
            return _counted(await _ask(count_request, translation, candidate, tracker, runtime), most)
    except UnsupportedRequest:
        # Another candidate may take what this one cannot; the length of the request is the same.
        return None
    except UpstreamError as error:
        if error.kind in _ABOUT_THE_REQUEST:
            redact(error, candidate.provider, sent)
            raise errors.of_refused(refused.of_upstream(error, candidate.provider.name)) from error
        fields = {"request_id": client.request_id, "provider": candidate.provider.name, "kind": error.kind.value}
        logger.info("a provider did not count", extra={"fields": fields})
        return None


async def _ask(
    request: CountRequest,
    translation: Translation,
    candidate: CandidateConfig,
    tracker: AttemptTracker,
    runtime: Runtime,
) -> bytes:
    """The provider's answer in Claude's shape. Raises UpstreamError."""
    provider = candidate.provider
    upstream = runtime.upstreams.acquire(provider)
    loop, lag = asyncio.get_running_loop(), runtime.sweeper.lag
    lag_before = lag.until(loop.time())
    failure: UpstreamError | None = None
    try:
        async with asyncio.timeout(min(_TIMEOUT, provider.timeouts.first_event)):
            await tracker.may_connect(only=False)
            response = await upstream.open(
                request, connect_timeout=provider.timeouts.connect, connected=tracker.connected
            )
            try:
                answer = await response.read()
                if response.status >= 400:
                    raise translation.error(response.status, response.headers, answer)
                return request.read(answer)
            finally:
                await response.close()
    except TimeoutError as error:
        kind = ErrorKind.CONNECT_TIMEOUT if tracker.connecting else ErrorKind.FIRST_EVENT_TIMEOUT
        failure = UpstreamError(kind, "The provider did not answer in time.")
        raise failure from error
    except UpstreamError as error:
        failure = error
        raise
    finally:
        # A count says nothing about how a model answers, unless the provider cannot be reached at all: by this process,
        # if it was not itself too late to see the connection.
        is_late = lag.until(loop.time()) > lag_before
        counted = failure is not None and failure.kind in _ABOUT_THE_PROVIDER
        tracker.ended(failure, counted and not (is_late and failure is not None and failure.kind in _CONNECTING))
        await runtime.upstreams.release(upstream)


def _counted(answer: bytes, most: int) -> dict[str, Any]:
    """The provider's count, if it can be one: no prompt is empty, and none is longer than `most`."""
    try:
        counted = msgspec.json.decode(answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamError(ErrorKind.MALFORMED, "The provider's count is not JSON.") from error
    counted = clean_usage(counted, most)
    if counted is None or not counted.get("input_tokens"):
        raise UpstreamError(ErrorKind.MALFORMED, "The provider's answer has no count.")
    return counted
