"""POST /v1/messages/count_tokens: asked of a provider that counts, estimated from the size otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from access.keys import KeyRecord
from providers.dialects import DIALECTS
from providers.dialects.contract import Call, UpstreamRequest
from providers.errors import ErrorKind, UpstreamError
from routing import engine, facts
from routing.decision import RouteRefused
from routing.snapshot import CandidateConfig, Snapshot
from streaming import errors, intake
from streaming.client import Client
from streaming.intake import Receive
from streaming.runtime import Runtime


async def count_tokens(
    headers: Mapping[str, str],
    receive: Receive,
    client: Client,
    key: KeyRecord,
    snapshot: Snapshot,
    runtime: Runtime,
) -> None:
    """Answer `{"input_tokens": n}`. Raises ClaudeError."""
    body = await intake.read_body(receive, headers)
    request = intake.parse(body)
    intake.check(request, counting=True)
    known = facts.gather(request, headers, len(body))
    try:
        decision = engine.decide(known, key, snapshot)
    except RouteRefused as error:
        raise errors.of_routing(error) from error
    candidate = decision.attempts[0]
    for transform in candidate.transforms:
        request = transform(request)
    secret = candidate.provider.credentials[0].secret if candidate.provider.credentials else None
    call = Call(
        body=request,
        model=candidate.model,
        provider=candidate.provider,
        secret=secret,
        headers=headers,
        session_id=known.session_id or None,
    )
    upstream_request = DIALECTS[candidate.provider.dialect].count_request(call)
    if upstream_request is None:
        await client.respond(200, msgspec.json.encode({"input_tokens": known.input_estimate}))
        return
    try:
        answer = await _ask(upstream_request, candidate, runtime)
    except UpstreamError as error:
        raise errors.of_upstream(error, candidate.provider.name) from error
    await client.respond(200, answer)


async def _ask(request: UpstreamRequest, candidate: CandidateConfig, runtime: Runtime) -> bytes:
    """The provider's own answer. Raises UpstreamError."""
    provider = candidate.provider
    upstream = runtime.upstreams.acquire(provider)
    try:
        async with asyncio.timeout(provider.timeouts.first_event):
            response = await upstream.open(request, connect_timeout=provider.timeouts.connect, connected=lambda: None)
            try:
                answer = await response.read()
                if response.status >= 400:
                    raise DIALECTS[provider.dialect].error(response.status, response.headers, answer)
                return answer
            finally:
                await response.close()
    except TimeoutError as error:
        raise UpstreamError(ErrorKind.FIRST_EVENT_TIMEOUT, "The provider did not answer in time.") from error
    finally:
        await runtime.upstreams.release(upstream)
