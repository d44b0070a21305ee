"""Which failures speak against whom: the way to a provider, a candidate, a credential, or nobody but the request."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto

from providers.errors import ErrorKind


class Blame(Enum):
    """Whom a failure speaks against."""

    NOBODY = auto()
    CONNECTION = auto()
    """No connection to the provider, whichever of its models is asked."""
    CANDIDATE = auto()
    QUOTA = auto()
    """The credential has had enough of this model for a while."""
    CREDENTIAL = auto()
    """The credential is no good, whichever model is asked."""
    ACCESS = auto()
    """The credential may not have this, or nobody may: providers say 403 of a model and of a prompt alike."""


_BLAME: Mapping[ErrorKind, Blame] = {
    ErrorKind.CONNECT: Blame.CONNECTION,
    ErrorKind.CONNECT_TIMEOUT: Blame.CONNECTION,
    ErrorKind.FIRST_EVENT_TIMEOUT: Blame.CANDIDATE,
    ErrorKind.IDLE_TIMEOUT: Blame.CANDIDATE,
    ErrorKind.TOTAL_TIMEOUT: Blame.CANDIDATE,
    ErrorKind.SERVER: Blame.CANDIDATE,
    ErrorKind.OVERLOADED: Blame.CANDIDATE,
    ErrorKind.CONNECTION_LOST: Blame.CANDIDATE,
    ErrorKind.TRUNCATED: Blame.CANDIDATE,
    ErrorKind.MALFORMED: Blame.CANDIDATE,
    ErrorKind.RATE_LIMIT: Blame.QUOTA,
    ErrorKind.AUTHENTICATION: Blame.CREDENTIAL,
    ErrorKind.BILLING: Blame.CREDENTIAL,
    ErrorKind.PERMISSION: Blame.ACCESS,
}


def blame(kind: ErrorKind, *, answered: bool) -> Blame:
    """Whom a failure speaks against; `answered` when there was an answer before it."""
    if answered and kind is ErrorKind.TOTAL_TIMEOUT:
        # It spoke all the time: the answer was long, and the limit is ours.
        return Blame.NOBODY
    return _BLAME.get(kind, Blame.NOBODY)
