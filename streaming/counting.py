"""POST /v1/messages/count_tokens: asked of a provider that counts, estimated from the size otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from access.keys import KeyRecord
from providers.dialects.contract import Call, CountRequest
from providers.errors import ErrorKind, UnsupportedRequest, UpstreamError
from providers.translation import Translation
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
    secret = candidate.provider.credentials[0].secret if candidate.provider.credentials else None
    call = Call(
        body=candidate.transforms.edited(request),
        model=candidate.model,
        provider=candidate.provider,
        secret=secret,
        headers=headers,
        session_id=known.session_id or None,
    )
    translation = Translation(call)
    try:
        asked = await translation.count_request()
        if asked is None:
            answer = msgspec.json.encode({"input_tokens": known.input_estimate})
        else:
            answer = await _ask(asked, translation, candidate, runtime)
    except UnsupportedRequest as error:
        raise errors.of_unsupported(error) from error
    except UpstreamError as error:
        raise errors.of_upstream(error, candidate.provider.name) from error
    client.fidelity = ",".join(call.notes)
    await client.respond(200, answer)


async def _ask(request: CountRequest, translation: Translation, candidate: CandidateConfig, runtime: Runtime) -> bytes:
    """The provider's own count, in Claude's shape. Raises UpstreamError."""
    provider = candidate.provider
    upstream = runtime.upstreams.acquire(provider)
    try:
        async with asyncio.timeout(provider.timeouts.first_event):
            response = await upstream.open(request, connect_timeout=provider.timeouts.connect, connected=lambda: None)
            try:
                answer = await response.read()
                if response.status >= 400:
                    raise translation.error(response.status, response.headers, answer)
                return request.read(answer)
            finally:
                await response.close()
    except TimeoutError as error:
        raise UpstreamError(ErrorKind.FIRST_EVENT_TIMEOUT, "The provider did not answer in time.") from error
    finally:
        await runtime.upstreams.release(upstream)
