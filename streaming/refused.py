"""Why a request gets no answer, in the words of no client API: an ingress makes a status and a body of it."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from providers.errors import ErrorKind, UnsupportedRequest, UpstreamError
from routing.decision import NoCapableCandidate, NoHealthyCandidate, NoSuchRoute, RouteForbidden, RouteRefused


class RefusalKind(Enum):
    """What a refusal means to the caller."""

    INVALID_REQUEST = auto()
    FORBIDDEN = auto()
    NOT_FOUND = auto()
    CONFLICT = auto()
    TOO_LARGE = auto()
    RATE_LIMITED = auto()
    OVERLOADED = auto()
    UPSTREAM_FAILED = auto()
    UPSTREAM_CRASHED = auto()
    """The provider's own internal error."""
    UPSTREAM_UNAVAILABLE = auto()
    TIMED_OUT = auto()
    BROKEN_ROUTE = auto()
    """Only an administrator can make the route work; a retry is useless."""
    BROKEN_PROVIDER = auto()
    """Only an administrator can make the provider accept the gateway; a retry is useless."""


class Refused(Exception):
    """A request that gets no answer. `retry_after` is in seconds, `code` is what the usage row stores."""

    def __init__(self, kind: RefusalKind, message: str, *, retry_after: float | None = None, code: str = "") -> None:
        super().__init__(kind.name)
        self.kind = kind
        self.message = message
        self.retry_after = retry_after
        self.code = code


_KINDS: Final[dict[ErrorKind, RefusalKind]] = {
    ErrorKind.INVALID_REQUEST: RefusalKind.INVALID_REQUEST,
    ErrorKind.CONTEXT_OVERFLOW: RefusalKind.INVALID_REQUEST,
    ErrorKind.TOO_LARGE: RefusalKind.TOO_LARGE,
    ErrorKind.AUTHENTICATION: RefusalKind.BROKEN_PROVIDER,
    ErrorKind.BILLING: RefusalKind.BROKEN_PROVIDER,
    ErrorKind.PERMISSION: RefusalKind.BROKEN_PROVIDER,
    ErrorKind.NOT_FOUND: RefusalKind.NOT_FOUND,
    ErrorKind.CONFLICT: RefusalKind.CONFLICT,
    ErrorKind.RATE_LIMIT: RefusalKind.RATE_LIMITED,
    ErrorKind.OVERLOADED: RefusalKind.OVERLOADED,
    ErrorKind.SERVER: RefusalKind.UPSTREAM_FAILED,
    ErrorKind.CONNECT: RefusalKind.UPSTREAM_FAILED,
    ErrorKind.CONNECT_TIMEOUT: RefusalKind.TIMED_OUT,
    ErrorKind.FIRST_EVENT_TIMEOUT: RefusalKind.TIMED_OUT,
    ErrorKind.IDLE_TIMEOUT: RefusalKind.TIMED_OUT,
    ErrorKind.TOTAL_TIMEOUT: RefusalKind.TIMED_OUT,
    ErrorKind.DEADLINE: RefusalKind.TIMED_OUT,
    ErrorKind.CONNECTION_LOST: RefusalKind.UPSTREAM_FAILED,
    ErrorKind.TRUNCATED: RefusalKind.UPSTREAM_FAILED,
    ErrorKind.MALFORMED: RefusalKind.UPSTREAM_FAILED,
}
# A provider's own server errors that are passed on as what they are; any other one is UPSTREAM_FAILED.
_SERVER_ERRORS: Final[dict[int | None, RefusalKind]] = {
    500: RefusalKind.UPSTREAM_CRASHED,
    503: RefusalKind.UPSTREAM_UNAVAILABLE,
    504: RefusalKind.TIMED_OUT,
}
_ABOUT_THE_GATEWAY: Final[dict[ErrorKind, str]] = {
    ErrorKind.AUTHENTICATION: "does not accept this gateway's credential",
    ErrorKind.BILLING: "requires payment for this gateway's account",
    ErrorKind.PERMISSION: "does not permit this gateway's credential to do that",
}
# Failures that the gateway noticed itself: their messages do not name the provider.
_NOTICED_HERE: Final = frozenset(
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


def of_routing(error: RouteRefused) -> Refused:
    """Returns what a request without a route, or without a candidate, means to the caller."""
    if isinstance(error, NoSuchRoute):
        return Refused(RefusalKind.NOT_FOUND, error.message, code="no_such_route")
    if isinstance(error, RouteForbidden):
        return Refused(RefusalKind.FORBIDDEN, error.message, code="route_forbidden")
    if isinstance(error, NoCapableCandidate):
        return Refused(RefusalKind.INVALID_REQUEST, error.message, code="no_capable_candidate")
    if isinstance(error, NoHealthyCandidate):
        return Refused(
            RefusalKind.OVERLOADED, error.message, retry_after=error.retry_after, code="no_healthy_candidate"
        )
    return Refused(RefusalKind.BROKEN_ROUTE, error.message, code="no_usable_candidate")


def of_unsupported(error: UnsupportedRequest) -> Refused:
    """Returns what a request means that the provider's dialect cannot express."""
    return Refused(RefusalKind.INVALID_REQUEST, error.message, code="unsupported_request")


def of_upstream(error: UpstreamError, provider_name: str, retry_after: float | None = None) -> Refused:
    """Returns what a failed attempt means to the caller. A provider's own message about the request stays unchanged.

    `retry_after` replaces the error's own, where another attempt knows better.
    """
    kind = _KINDS[error.kind]
    if error.kind is ErrorKind.SERVER:
        kind = _SERVER_ERRORS.get(error.status, kind)
    message = error.message
    if error.kind in _ABOUT_THE_GATEWAY:
        message = (
            f"The provider {provider_name} {_ABOUT_THE_GATEWAY[error.kind]}"
            f"{f' (HTTP {error.status})' if error.status else ''}. An administrator of this gateway must correct this."
        )
    elif error.kind in _NOTICED_HERE:
        message = f"{message} (provider {provider_name})"
    return Refused(
        kind,
        message or f"The provider {provider_name} failed.",
        retry_after=error.retry_after if retry_after is None else retry_after,
        code=error.kind.value,
    )
