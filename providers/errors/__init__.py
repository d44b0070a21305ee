"""The errors between the gateway and a provider, and what a provider's error response means.

The words are neither HTTP's nor Claude's. What only one server says is in that server's dialect.

ProviderFailure
├── UpstreamError        the provider (or the connection to it) failed this attempt; carries a kind
└── UnsupportedRequest   this request cannot be expressed in the provider's dialect
"""

from __future__ import annotations

from enum import StrEnum


class ErrorKind(StrEnum):
    """The cause of a failed attempt; usage rows and logs hold these names."""

    INVALID_REQUEST = "invalid_request"
    CONTEXT_OVERFLOW = "context_overflow"
    TOO_LARGE = "too_large"
    AUTHENTICATION = "authentication"
    BILLING = "billing"
    PERMISSION = "permission"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    RATE_LIMIT = "rate_limit"
    OVERLOADED = "overloaded"
    SERVER = "server"
    CONNECT = "connect"
    CONNECT_TIMEOUT = "connect_timeout"
    FIRST_EVENT_TIMEOUT = "first_event_timeout"
    IDLE_TIMEOUT = "idle_timeout"
    TOTAL_TIMEOUT = "total_timeout"
    DEADLINE = "deadline"
    CONNECTION_LOST = "connection_lost"
    TRUNCATED = "truncated"
    MALFORMED = "malformed"


# Another candidate (or the same one later) may succeed where these failed. Kinds that concern the request itself are
# excluded, except where they mean "this provider cannot".
_RETRYABLE = frozenset(ErrorKind) - {
    ErrorKind.INVALID_REQUEST,
    ErrorKind.TOO_LARGE,
    ErrorKind.TOTAL_TIMEOUT,
    ErrorKind.DEADLINE,
}


class ProviderFailure(Exception):
    """Base of everything that this package raises while a request is answered."""


class UpstreamError(ProviderFailure):
    """One attempt failed.

    `message` is the provider's own wording where it gave one: it is shown to the client and never logged or stored,
    because providers quote prompts in it. A usage.sentence.Sentence is the gateway's own, and stored. `code` is the
    provider's error code, `status` its HTTP status, `retry_after` seconds.
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(kind.value)
        self.kind = kind
        self.message = message
        self.code = code
        self.status = status
        self.retry_after = retry_after

    @property
    def retryable(self) -> bool:
        """Whether the next candidate may be tried."""
        return self.kind in _RETRYABLE


class UnsupportedRequest(ProviderFailure):
    """The request holds something that the dialect cannot express, and dropping it would change its meaning.

    As with UpstreamError, rows store the message only if it is a usage.sentence.Sentence.
    """

    def __init__(self, message: str) -> None:
        super().__init__("unsupported_request")
        self.message = message


_BY_STATUS = {
    400: ErrorKind.INVALID_REQUEST,
    401: ErrorKind.AUTHENTICATION,
    402: ErrorKind.BILLING,
    403: ErrorKind.PERMISSION,
    404: ErrorKind.NOT_FOUND,
    408: ErrorKind.SERVER,
    409: ErrorKind.CONFLICT,
    413: ErrorKind.TOO_LARGE,
    422: ErrorKind.INVALID_REQUEST,
    429: ErrorKind.RATE_LIMIT,
    503: ErrorKind.OVERLOADED,
    529: ErrorKind.OVERLOADED,
}


def kind_of_status(status: int) -> ErrorKind:
    """Returns the kind of an HTTP status, for a body that names no other."""
    known = _BY_STATUS.get(status)
    if known is not None:
        return known
    return ErrorKind.SERVER if status >= 500 else ErrorKind.INVALID_REQUEST
