"""What an attempt adds to its request, and which requests it does not send."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import msgspec

from providers.config import CredentialConfig
from providers.dialects import DIALECTS
from providers.dialects.contract import Call, UpstreamRequest
from providers.fidelity import Fidelity, Notes
from providers.translation import Translation, continues_answers
from routing.snapshot import CandidateConfig
from streaming.attempts.continuation import Continuation
from streaming.exchange.request import Request

_as_text: Final = msgspec.to_builtins
"""Writes a UUID in a quarter of the time that `str` takes."""


def only_warms_cache(call: Call) -> bool:
    """Whether the request only warms a cache, at a provider that cannot do that."""
    asked = call.body.get("max_tokens")
    return type(asked) is int and asked == 0 and not DIALECTS[call.provider.dialect].warms_cache


def translation(
    request: Request,
    candidate: CandidateConfig,
    credential: CredentialConfig | None,
    continuing: Continuation | None,
    notes: Notes,
) -> Translation | None:
    """Returns the client's request after the candidate's transforms; None when no provider need be called."""
    asked, estimate = request.body.content, request.input_estimate
    if asked is None:
        raise RuntimeError("the request was released after its first content, it cannot be sent again")
    if continuing is not None:
        asked = continuing.request(prefill=continues_answers(candidate.provider, candidate.model))
        estimate += continuing.tokens
        notes.add(Fidelity.CONTINUED)
    call = candidate.call(
        asked,
        request.headers,
        request.asking,
        secret=None if credential is None else credential.secret,
        session_id=request.session_id,
        input_estimate=estimate,
        notes=notes,
    )
    return None if only_warms_cache(call) else Translation(call, candidate.transforms.streams, heavy=request.heavy)


def with_attempt_id(request: UpstreamRequest, attempt: UUID) -> UpstreamRequest:
    """The request with the attempt's id in a header, by which both sides can count it."""
    headers = (*request.headers, ("x-attempt-id", _as_text(attempt)))
    return UpstreamRequest(path=request.path, headers=headers, body=request.body)
