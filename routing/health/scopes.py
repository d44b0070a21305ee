"""What a failed attempt counts against: its request, the connection, the candidate, the credential."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto

from providers.errors import ErrorKind


class FailureScope(Enum):
    """What a failure counts against."""

    REQUEST = auto()
    """Nothing but the request itself."""
    CONNECTION = auto()
    """The connection to the provider, whichever of its models is asked."""
    CANDIDATE = auto()
    QUOTA = auto()
    """The credential with this model, for a while."""
    CREDENTIAL = auto()
    """The credential with every model."""
    ACCESS = auto()
    """The credential with this model, perhaps: providers answer 403 for a model and for a prompt alike."""


_SCOPES: Mapping[ErrorKind, FailureScope] = {
    ErrorKind.CONNECT: FailureScope.CONNECTION,
    ErrorKind.CONNECT_TIMEOUT: FailureScope.CONNECTION,
    ErrorKind.FIRST_EVENT_TIMEOUT: FailureScope.CANDIDATE,
    ErrorKind.IDLE_TIMEOUT: FailureScope.CANDIDATE,
    ErrorKind.TOTAL_TIMEOUT: FailureScope.CANDIDATE,
    ErrorKind.SERVER: FailureScope.CANDIDATE,
    ErrorKind.OVERLOADED: FailureScope.CANDIDATE,
    ErrorKind.CONNECTION_LOST: FailureScope.CANDIDATE,
    ErrorKind.TRUNCATED: FailureScope.CANDIDATE,
    ErrorKind.MALFORMED: FailureScope.CANDIDATE,
    ErrorKind.RATE_LIMIT: FailureScope.QUOTA,
    ErrorKind.AUTHENTICATION: FailureScope.CREDENTIAL,
    ErrorKind.BILLING: FailureScope.CREDENTIAL,
    ErrorKind.PERMISSION: FailureScope.ACCESS,
}


def scope_of(kind: ErrorKind, *, answered: bool) -> FailureScope:
    """Returns what a failure counts against; `answered` when a first byte had come."""
    if answered and kind is ErrorKind.TOTAL_TIMEOUT:
        # The provider sent all the time: the answer was long, and the limit is the gateway's.
        return FailureScope.REQUEST
    # Such as the request's own deadline: the provider may have had only a moment of it.
    return _SCOPES.get(kind, FailureScope.REQUEST)
