"""One tiny real request to a provider, along the very path that clients' requests take, for the admin's Test page.

It writes no usage row, and its text is returned and forgotten.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
from asgiref.sync import sync_to_async

from access.keys import KeyRecord
from providers.errors import ErrorKind, UnsupportedRequest, UpstreamError
from providers.events import Tokens
from providers.outbound.upstream import Upstreams
from routing.health import Health
from routing.loading import load, revision
from routing.snapshot import CandidateConfig
from streaming.attempts.attempt import Attempt
from streaming.encoding.encoder import Encoder
from streaming.exchange.client import Client
from streaming.exchange.exchange import Exchange
from streaming.exchange.sweeper import Sweeper
from streaming.ingress.claude.message import MessageFold
from usage.journal.account import Account, new_identity, request_id_of
from usage.journal.records import RequestRecord

_PROMPT = "Say hello in five words."
_MAX_TOKENS = 200
_ADVICE = {
    ErrorKind.AUTHENTICATION: "Enter the provider's key anew under Credentials, or set its variable and restart.",
    ErrorKind.BILLING: "Look at the account's balance at the provider.",
    ErrorKind.PERMISSION: "The key may not use this model: look at its rights at the provider.",
    ErrorKind.NOT_FOUND: "Check the model's name and the base URL: the dialect's own path is appended to it.",
    ErrorKind.RATE_LIMIT: "The provider limits this account. Wait, or add another provider to the route.",
    ErrorKind.OVERLOADED: "The provider is busy. Try again in a minute.",
    ErrorKind.CONNECT: "Check host and port of the base URL, and whether this machine may reach them.",
    ErrorKind.CONNECT_TIMEOUT: "Check the base URL, and the firewall between this machine and the provider.",
    ErrorKind.FIRST_EVENT_TIMEOUT: "The provider took the request and said nothing. Raise its first-event time-out?",
    ErrorKind.MALFORMED: "What answers there does not speak this dialect: check the dialect and the base URL.",
    ErrorKind.TRUNCATED: "What answers there does not speak this dialect, or cuts its streams short.",
    ErrorKind.INVALID_REQUEST: "The provider refuses the request itself: check the model's name and its transforms.",
}


class ProbeResult(msgspec.Struct, frozen=True):
    """What the Test page shows. Times are milliseconds; `error` and `advice` are empty when all went well."""

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
    """Ask one of a provider's models for a few words."""
    try:
        candidate = await sync_to_async(_candidate)(provider_id, model_name)
    except load.BrokenConfiguration as error:
        return ProbeResult(ok=False, latency_ms=0, error=str(error), advice="Correct what it names and save again.")
    if candidate is None:
        return ProbeResult(
            ok=False, latency_ms=0, error="The provider is switched off.", advice="Switch it on, save, and test again."
        )
    return await _ask(candidate)


def _candidate(provider_id: int, model_name: str) -> CandidateConfig | None:
    return load.load_snapshot(revision.numbers(), keys={}).candidate(provider_id, model_name)


async def _ask(candidate: CandidateConfig) -> ProbeResult:
    exchange, fold = _exchange(candidate)
    upstreams, sweeper = Upstreams(), Sweeper()
    sweeper.exchanges.add(exchange)
    sweeper.start()
    attempt = Attempt(exchange, candidate)
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
    latency = round((time.perf_counter() - began) * 1000)
    tokens = exchange.encoder.tokens if exchange.encoder is not None else Tokens()
    return ProbeResult(
        ok=not failure,
        latency_ms=latency,
        http_status=attempt.record.http_status,
        first_token_ms=attempt.record.time_to_first_token_ms,
        text="" if failure else _text(fold.message()),
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        error=failure,
        advice=_ADVICE.get(kind, "Try again; the provider's own status page may say more.") if kind else "",
    )


def _exchange(candidate: CandidateConfig) -> tuple[Exchange, MessageFold]:
    identity = new_identity()
    task = asyncio.current_task()
    assert task is not None
    exchange = Exchange(
        account=Account(None, RequestRecord(id=identity, request_id=request_id_of(identity))),
        client=Client(_nobody),
        key=KeyRecord(id=0, name="probe", prefix="", hash="", team_id=0, team_name=""),
        headers={},
        task=task,
    )
    exchange.body = {
        "model": candidate.model.name,
        "max_tokens": _MAX_TOKENS,
        "messages": [{"role": "user", "content": _PROMPT}],
        "stream": True,
    }
    fold = MessageFold()
    exchange.encoder = Encoder(fold, f"msg_{identity.hex}", candidate.model.name, 10)
    return exchange, fold


async def _nobody(message: dict[str, Any]) -> None:
    raise RuntimeError("a probe has no client to write to")


def _text(message: dict[str, Any]) -> str:
    return "".join(block.get("text", "") for block in message["content"] if block.get("type") == "text")
