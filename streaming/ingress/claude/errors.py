"""Claude's error vocabulary, and the only place that knows it: every failure below becomes a status, a type and a text.

https://docs.claude.com/en/api/errors. Callers of a gateway must not take the gateway's own trouble with a provider for
theirs, so a provider's 401, 402 and 403 arrive as 502.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from access.keys import AccessDenied, NotPermitted
from providers.errors import ErrorKind, UnsupportedRequest, UpstreamError
from routing.decision import NoCapableCandidate, NoHealthyCandidate, NoSuchRoute, RouteForbidden, RouteRefused

LONGEST_RETRY_AFTER: Final = 60
"""Seconds; Claude Code gives up at once on more."""

Headers = list[tuple[bytes, bytes]]

_TYPES: Final[dict[int, str]] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}

_STATUS_OF_KIND: Final[dict[ErrorKind, int]] = {
    ErrorKind.INVALID_REQUEST: 400,
    ErrorKind.CONTEXT_OVERFLOW: 400,
    ErrorKind.TOO_LARGE: 413,
    ErrorKind.AUTHENTICATION: 502,
    ErrorKind.BILLING: 502,
    ErrorKind.PERMISSION: 502,
    ErrorKind.NOT_FOUND: 404,
    ErrorKind.CONFLICT: 409,
    ErrorKind.RATE_LIMIT: 429,
    ErrorKind.OVERLOADED: 529,
    ErrorKind.SERVER: 502,
    ErrorKind.CONNECT: 502,
    ErrorKind.CONNECT_TIMEOUT: 504,
    ErrorKind.FIRST_EVENT_TIMEOUT: 504,
    ErrorKind.IDLE_TIMEOUT: 504,
    ErrorKind.TOTAL_TIMEOUT: 504,
    ErrorKind.DEADLINE: 504,
    ErrorKind.CONNECTION_LOST: 502,
    ErrorKind.TRUNCATED: 502,
    ErrorKind.MALFORMED: 502,
}

_GATEWAYS_OWN: Final[dict[ErrorKind, str]] = {
    ErrorKind.AUTHENTICATION: "does not accept this gateway's credential",
    ErrorKind.BILLING: "wants this gateway's account to be paid first",
    ErrorKind.PERMISSION: "does not permit this gateway's credential to do that",
}
_OURS_TO_SAY: Final = frozenset(
    {
        ErrorKind.CONNECT,
        ErrorKind.CONNECT_TIMEOUT,
        ErrorKind.FIRST_EVENT_TIMEOUT,
        ErrorKind.IDLE_TIMEOUT,
        ErrorKind.TOTAL_TIMEOUT,
        ErrorKind.DEADLINE,
        ErrorKind.CONNECTION_LOST,
        ErrorKind.TRUNCATED,
        ErrorKind.MALFORMED,
    }
)


class ClaudeError(Exception):
    """An answer with an error status, in Claude's shape. `headers` are extra ones, such as retry-after."""

    def __init__(self, status: int, message: str, headers: Headers | None = None, *, code: str = "") -> None:
        super().__init__(f"{status} {type_of_status(status)}")
        self.status = status
        self.type = type_of_status(status)
        self.message = message
        self.headers = headers or []
        self.code = code


def type_of_status(status: int) -> str:
    """Claude's error type for an HTTP status."""
    return _TYPES.get(status, "invalid_request_error" if 400 <= status < 500 else "api_error")


def body(error_type: str, message: str, request_id: str) -> bytes:
    """The JSON of an error answer."""
    return msgspec.json.encode(
        {"type": "error", "error": {"type": error_type, "message": message}, "request_id": request_id}
    )


def of_access(error: AccessDenied) -> ClaudeError:
    """401 for a caller nobody knows, 403 for one that may not."""
    return ClaudeError(403 if isinstance(error, NotPermitted) else 401, error.message)


def of_routing(error: RouteRefused) -> ClaudeError:
    """404 for an unknown name, 403 for a forbidden one, 400 for what no model there can do, 529 while all of them cool
    down, 503 where only an administrator can help."""
    if isinstance(error, NoSuchRoute):
        return ClaudeError(404, error.message, code="no_such_route")
    if isinstance(error, RouteForbidden):
        return ClaudeError(403, error.message, code="route_forbidden")
    if isinstance(error, NoCapableCandidate):
        return ClaudeError(400, error.message, code="no_capable_candidate")
    if isinstance(error, NoHealthyCandidate):
        return ClaudeError(529, error.message, [_retry_after(error.retry_after)], code="no_healthy_candidate")
    return ClaudeError(503, error.message, [(b"x-should-retry", b"false")], code="no_usable_candidate")


def of_unsupported(error: UnsupportedRequest) -> ClaudeError:
    """400: the request cannot be said to the provider that the route chose."""
    return ClaudeError(400, error.message, code="unsupported_request")


def of_upstream(error: UpstreamError, provider_name: str, retry_after: float | None = None) -> ClaudeError:
    """What a failed attempt means to the caller. A provider's own wording about the request is kept as it is.

    `retry_after` is what the caller is told to wait, where another attempt knows better than this one.
    """
    status = _STATUS_OF_KIND[error.kind]
    if error.kind is ErrorKind.SERVER and error.status in (500, 503, 504):
        status = error.status
    headers: Headers = []
    message = error.message
    if error.kind in _GATEWAYS_OWN:
        message = (
            f"The provider {provider_name} {_GATEWAYS_OWN[error.kind]}"
            f"{f' (HTTP {error.status})' if error.status else ''}. An administrator of this gateway must look at it."
        )
        headers.append((b"x-should-retry", b"false"))
    elif error.kind in _OURS_TO_SAY:
        message = f"{message} (provider {provider_name})"
    wait = error.retry_after if retry_after is None else retry_after
    if wait is not None and status in (429, 503, 529):
        headers.append(_retry_after(wait))
    return ClaudeError(status, message or f"The provider {provider_name} failed.", headers, code=error.kind.value)


def _retry_after(seconds: float) -> tuple[bytes, bytes]:
    return b"retry-after", str(min(LONGEST_RETRY_AFTER, max(1, math.ceil(seconds)))).encode()
