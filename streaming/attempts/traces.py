"""What ties an attempt to what the provider knows of it: our id in its request, and its own in our row."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from providers.dialects.contract import UpstreamRequest

_REQUEST_ID_HEADERS = (
    *("request-id", "x-request-id", "x-generation-id", "x-amzn-requestid", "apim-request-id", "x-ms-request-id"),
    "cf-ray",
)


def identified(request: UpstreamRequest, attempt: UUID) -> UpstreamRequest:
    """The request with the attempt's id in a header, so that both sides can be counted."""
    return UpstreamRequest(
        path=request.path, headers=(*request.headers, ("x-attempt-id", str(attempt))), body=request.body
    )


def request_id(headers: Mapping[str, str]) -> str:
    """What the provider calls the request, "" when it does not say."""
    for name in _REQUEST_ID_HEADERS:
        value = headers.get(name)
        if value:
            return value[:120]
    return ""
