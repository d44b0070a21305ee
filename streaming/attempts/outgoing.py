"""What an attempt adds to its request, and which requests it does not send."""

from __future__ import annotations

from uuid import UUID

from providers.dialects import DIALECTS
from providers.dialects.contract import Call, UpstreamRequest


def only_warms_cache(call: Call) -> bool:
    """Whether the request only warms a cache, at a provider that cannot do that."""
    asked = call.body.get("max_tokens")
    return type(asked) is int and asked == 0 and not DIALECTS[call.provider.dialect].warms_cache


def with_attempt_id(request: UpstreamRequest, attempt: UUID) -> UpstreamRequest:
    """The request with the attempt's id in a header, by which both sides can count it."""
    headers = (*request.headers, ("x-attempt-id", str(attempt)))
    return UpstreamRequest(path=request.path, headers=headers, body=request.body)
