"""Why a request gets no answer, in the words of no client API: an ingress makes a status and a body of it."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from providers.errors import ErrorKind, UnsupportedRequest, UpstreamError
from routing.decision import (
    NoCapableCandidate,
    NoHealthyCandidate,
    NoSuchRoute,
    NothingAllowed,
    RouteDisabled,
    RouteForbidden,
    RouteRefused,
)
from streaming.exchange.quota import Quota
from usage.sentence import Sentence, own_words


class RefusalKind(Enum):
    """What a refusal means to the caller."""

    INVALID_REQUEST = auto()
    FORBIDDEN = auto()
    NOT_FOUND = auto()
    CONFLICT = auto()
    TOO_LARGE = auto()
    RATE_LIMITED = auto()
    QUOTA_EXHAUSTED = auto()
    """The caller's own budget or day quota; a retry is useless until it resets."""
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
    BROKEN_GATEWAY = auto()
    """Only an administrator can make the gateway serve again; a retry is useless."""


class Refused(Exception):
    """A request that gets no answer: `message` is for the caller; the usage row stores `why` and `code`.

    `retry_after` is in seconds, `quota` what QUOTA_EXHAUSTED is about. `of_provider`: a provider refused, not this
    gateway. `why` is the message where that is a Sentence of the gateway's own.
    """

    def __init__(
        self,
        kind: RefusalKind,
        message: str,
        *,
        retry_after: float | None = None,
        code: str = "",
        why: Sentence | None = None,
        quota: Quota | None = None,
        of_provider: bool = False,
    ) -> None:
        super().__init__(kind.name)
        self.kind = kind
        self.message = message
        self.why = own_words(message) if why is None else why
        self.retry_after = retry_after
        self.code = code
        self.quota = quota
        self.of_provider = of_provider


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
_ABOUT_THE_GATEWAY: Final[dict[ErrorKind, Sentence]] = {
    ErrorKind.AUTHENTICATION: Sentence("does not accept this gateway's credential", code="provider_rejects_credential"),
    ErrorKind.BILLING: Sentence("requires payment for this gateway's account", code="provider_requires_payment"),
    ErrorKind.PERMISSION: Sentence(
        "does not permit this gateway's credential to do that", code="provider_denies_permission"
    ),
}
# What a row says in place of a provider's own words.
_WHAT_HAPPENED: Final[dict[ErrorKind, Sentence]] = {
    **_ABOUT_THE_GATEWAY,
    ErrorKind.INVALID_REQUEST: Sentence("rejected the request", code="provider_rejected_request"),
    ErrorKind.CONTEXT_OVERFLOW: Sentence(
        "rejected the prompt: it is too long for the model", code="provider_prompt_too_long"
    ),
    ErrorKind.TOO_LARGE: Sentence("rejected the request: it is too large", code="provider_request_too_large"),
    ErrorKind.NOT_FOUND: Sentence("does not have the model, or the address is wrong", code="provider_model_missing"),
    ErrorKind.CONFLICT: Sentence("reported a conflict with another request", code="provider_conflict"),
    ErrorKind.RATE_LIMIT: Sentence("limits the rate of requests or tokens", code="provider_rate_limit"),
    ErrorKind.OVERLOADED: Sentence("is overloaded", code="provider_overloaded"),
    ErrorKind.SERVER: Sentence("reported an error of its own", code="provider_error"),
    ErrorKind.CONNECT: Sentence("could not be reached", code="provider_unreachable"),
    ErrorKind.CONNECTION_LOST: Sentence(
        "closed the connection in the middle of its answer", code="provider_connection_lost"
    ),
    ErrorKind.TRUNCATED: Sentence("ended its answer before it was complete", code="provider_truncated"),
    ErrorKind.MALFORMED: Sentence("sent an answer that cannot be read", code="provider_malformed"),
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


_OF_ROUTING: Final[dict[type[RouteRefused], tuple[RefusalKind, str]]] = {
    NoSuchRoute: (RefusalKind.NOT_FOUND, "no_such_route"),
    RouteDisabled: (RefusalKind.NOT_FOUND, "route_disabled"),
    RouteForbidden: (RefusalKind.NOT_FOUND, "route_forbidden"),
    NothingAllowed: (RefusalKind.FORBIDDEN, "key_without_routes"),
    NoCapableCandidate: (RefusalKind.INVALID_REQUEST, "no_capable_candidate"),
    NoHealthyCandidate: (RefusalKind.OVERLOADED, "no_healthy_candidate"),
}


def of_routing(error: RouteRefused) -> Refused:
    """Returns what a request without a route, or without a candidate, means to the caller."""
    kind, code = _OF_ROUTING.get(type(error), (RefusalKind.BROKEN_ROUTE, "no_usable_candidate"))
    wait = error.retry_after if isinstance(error, NoHealthyCandidate) else None
    return Refused(kind, error.message, retry_after=wait, code=code, why=error.why)


def of_unsupported(error: UnsupportedRequest, provider_name: str) -> Refused:
    """Returns what a request means that the provider's dialect cannot express."""
    why = why_failed(error, provider_name)
    return Refused(RefusalKind.INVALID_REQUEST, error.message, code="unsupported_request", why=why)


def why_failed(error: UpstreamError | UnsupportedRequest, provider_name: str) -> Sentence:
    """Returns why an attempt failed, in the gateway's own words: a provider's may quote the prompt."""
    if isinstance(error.message, Sentence):
        return Sentence("{sentence} (provider {provider})", sentence=error.message, provider=provider_name)
    if isinstance(error, UnsupportedRequest):
        return Sentence(
            "The provider {provider} cannot be sent this request.",
            code="provider_cannot_be_sent",
            provider=provider_name,
        )
    what = _WHAT_HAPPENED.get(error.kind, _WHAT_HAPPENED[ErrorKind.SERVER])
    status = Sentence(" (HTTP {status})", status=error.status) if error.status else ""
    return Sentence("The provider {provider} {what}{status}.", provider=provider_name, what=what, status=status)


def of_upstream(error: UpstreamError, provider_name: str, retry_after: float | None = None) -> Refused:
    """Returns what a failed attempt means to the caller. A provider's own message about the request stays unchanged.

    `retry_after` replaces the error's own, where another attempt knows better.
    """
    kind, why = _KINDS[error.kind], why_failed(error, provider_name)
    if error.kind is ErrorKind.SERVER or (error.kind is ErrorKind.OVERLOADED and error.status == 503):
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
        why=why,
        of_provider=True,
    )
