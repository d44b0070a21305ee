"""One tiny real request to a provider, along the path that clients' requests take, for the admin's Test page.

It writes no usage row, and its text is shown once and not stored.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
from asgiref.sync import sync_to_async

from access.keys import Keys
from providers.config import ModelConfig, ProviderConfig
from providers.endpoints import with_version
from providers.errors import ErrorKind, UnsupportedRequest, UpstreamError
from providers.outbound.upstream import Upstreams
from routing.health import Health
from routing.loading import load, revision
from routing.snapshot import CandidateConfig
from streaming.attempts.attempt import Attempt
from streaming.exchange.answer import Answer
from streaming.exchange.lifecycle import Lifecycle
from streaming.exchange.request import Body, Request
from streaming.exchange.sweeper import Sweeper
from streaming.ingress.claude.message import MessageFold
from usage.journal.account import new_identity, request_id_of

_PROMPT = "Say hello in five words."
_MAX_TOKENS = 200
_INPUT_ESTIMATE = 10
_ADVICE = {
    ErrorKind.AUTHENTICATION: "Enter the provider's key again under Credentials, or set its variable and restart.",
    ErrorKind.BILLING: "Check the account's balance at the provider.",
    ErrorKind.PERMISSION: "The key may not use this model. Check its permissions at the provider.",
    ErrorKind.NOT_FOUND: "Check the model's name and the base URL: the dialect's own path is appended to it.",
    ErrorKind.RATE_LIMIT: "The provider limits this account. Wait, or add another provider to the route.",
    ErrorKind.OVERLOADED: "The provider is busy. Try again in a minute.",
    ErrorKind.CONNECT: "Check host and port of the base URL, and whether this machine may reach them.",
    ErrorKind.CONNECT_TIMEOUT: "Check the base URL, and the firewall between this machine and the provider.",
    ErrorKind.FIRST_EVENT_TIMEOUT: (
        "The provider accepted the request but did not answer in time. Raise its first-event timeout if it is slow."
    ),
    ErrorKind.MALFORMED: "The response is not in this dialect. Check the dialect and the base URL.",
    ErrorKind.TRUNCATED: "The response is not in this dialect, or the server cuts its streams short.",
    ErrorKind.INVALID_REQUEST: "The provider rejected the request. Check the model's name and its transforms.",
}


class ProbeResult(msgspec.Struct, frozen=True):
    """What the Test page shows. Times are milliseconds; `error` and `advice` are empty on success."""

    ok: bool
    latency_ms: int
    http_status: int | None = None
    first_token_ms: int | None = None
    text: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    error: str = ""
    advice: str = ""


async def probe(provider_id: int, model_name: str) -> ProbeResult:
    """Asks one of a provider's models for a few words."""
    try:
        candidate = await sync_to_async(_candidate)(provider_id, model_name)
    except load.BrokenConfiguration as error:
        return ProbeResult(ok=False, latency_ms=0, error=str(error), advice="Correct what it names and save again.")
    if candidate is None:
        return ProbeResult(
            ok=False, latency_ms=0, error="The provider is disabled.", advice="Enable it, save, and test again."
        )
    return await _probe(candidate, "Correct it on the provider's page, save, and test again.")


async def probe_unsaved(provider: ProviderConfig, model_name: str) -> ProbeResult:
    """Asks a model of a provider that is not stored for a few words."""
    model = ModelConfig(id=0, provider_id=provider.id, name=model_name)
    result = await _probe(CandidateConfig(id=0, provider=provider, model=model), "Correct it and test again.")
    return msgspec.structs.replace(result, advice=_of_a_key(provider)) if result.http_status == 401 else result


def _of_a_key(provider: ProviderConfig) -> str:
    if not provider.credentials:
        return "The server wants a key: enter one."
    return "Check the key for a typing mistake, and whether it is of this server."


async def _probe(candidate: CandidateConfig, advice: str) -> ProbeResult:
    if refusal := candidate.provider.refusal:
        return ProbeResult(ok=False, latency_ms=0, error=f"The provider is not called: {refusal}.", advice=advice)
    return await _ask(candidate)


def _candidate(provider_id: int, model_name: str) -> CandidateConfig | None:
    return load.load_snapshot(revision.numbers(), keys=Keys()).candidate(provider_id, model_name)


async def _ask(candidate: CandidateConfig) -> ProbeResult:
    task = asyncio.current_task()
    assert task is not None
    identity = new_identity()
    request = _request(request_id_of(identity), candidate.model.name)
    lifecycle = Lifecycle(task)
    fold = MessageFold()
    answer = Answer(request, lifecycle, lambda: fold, message_id=f"msg_{identity.hex}")
    attempt = Attempt(candidate, request, answer, lifecycle, id=identity)
    upstreams, sweeper = Upstreams(), Sweeper([lifecycle])
    sweeper.start()
    began = time.perf_counter()
    failure, kind = "", None
    try:
        await attempt.run(upstreams, Health())
    except UpstreamError as error:
        failure, kind = error.message or error.kind.value, error.kind
    except UnsupportedRequest as error:
        failure, kind = error.message, ErrorKind.INVALID_REQUEST
    finally:
        await sweeper.stop()
        await upstreams.close()
    tokens, first = answer.encoder.tokens, attempt.first_content_at
    return ProbeResult(
        ok=not failure,
        latency_ms=_milliseconds(time.perf_counter() - began),
        http_status=attempt.http_status,
        first_token_ms=None if first is None else _milliseconds(first - began),
        text="" if failure else _text(fold.message()),
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        error=failure,
        advice=_advice(kind, candidate.provider),
    )


def _advice(kind: ErrorKind | None, provider: ProviderConfig) -> str:
    if kind is None:
        return ""
    if kind is ErrorKind.NOT_FOUND and (meant := with_version(provider.base_url, provider.dialect)):
        return f"Check the model's name, and the base URL: {meant} may be meant."
    return _ADVICE.get(kind, "Try again; the provider's own status page may say more.")


def _request(request_id: str, model: str) -> Request:
    body = {
        "model": model,
        "max_tokens": _MAX_TOKENS,
        "messages": [{"role": "user", "content": _PROMPT}],
        "stream": True,
    }
    return Request(request_id, model, Body(body), headers={}, streamed=False, input_estimate=_INPUT_ESTIMATE)


def _text(message: dict[str, Any]) -> str:
    return "".join(block.get("text", "") for block in message["content"] if block.get("type") == "text")


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
