"""The errors of a connection to a provider, in the words that callers and usage rows get."""

from __future__ import annotations

from providers.errors import ErrorKind, UpstreamError
from providers.outbound.addresses import Refusal
from usage.sentence import Sentence

MOST_INFORMATIONAL = 10
"""Responses with a status of 1xx that a server may send before its answer."""


def invalid_base_url() -> UpstreamError:
    """Returns the error for an invalid base URL."""
    return UpstreamError(
        ErrorKind.CONNECT,
        Sentence("The provider's base URL is invalid: an administrator must correct it.", code="provider_url_invalid"),
    )


def address_refused(refusal: Refusal) -> UpstreamError:
    """Returns the error for an address that must not be called."""
    advice = ": switch the provider's “local” on to allow it" if refusal is Refusal.PRIVATE else ""
    return UpstreamError(
        ErrorKind.CONNECT,
        Sentence(
            "The provider's address is {refusal}{advice}.",
            code="provider_address_refused",
            refusal=str(refusal),
            advice=advice,
        ),
    )


def host_unknown() -> UpstreamError:
    """Returns the error for a name without an address."""
    return UpstreamError(
        ErrorKind.CONNECT, Sentence("The provider's host name could not be resolved.", code="provider_host_unknown")
    )


def tls_failed() -> UpstreamError:
    """Returns the error for a server that could not prove its name."""
    return UpstreamError(
        ErrorKind.CONNECT,
        Sentence(
            "The provider's TLS certificate is not trusted, or the TLS handshake failed.", code="provider_tls_failed"
        ),
    )


def connect_timeout() -> UpstreamError:
    """Returns the error for a connection that was not there in time."""
    return UpstreamError(
        ErrorKind.CONNECT_TIMEOUT,
        Sentence("The provider could not be reached in time.", code="provider_connect_timeout"),
    )


def connection_refused() -> UpstreamError:
    """Returns the error for a connection that could not be established."""
    return UpstreamError(
        ErrorKind.CONNECT, Sentence("The provider refused the connection.", code="provider_connection_refused")
    )


def too_many_heads() -> UpstreamError:
    """Returns the error for a server that goes on with informational responses in place of an answer."""
    return UpstreamError(
        ErrorKind.MALFORMED,
        Sentence(
            "The provider sent more than {most} informational responses (1xx).",
            code="provider_too_many_heads",
            most=MOST_INFORMATIONAL,
        ),
    )


def not_http() -> UpstreamError:
    """Returns the error for a response that cannot be read."""
    return UpstreamError(
        ErrorKind.MALFORMED, Sentence("The provider's response is not HTTP.", code="provider_not_http")
    )


def no_answer() -> UpstreamError:
    """Returns the error for a connection that was lost before the head of a response."""
    return UpstreamError(
        ErrorKind.CONNECTION_LOST,
        Sentence("The provider closed the connection without an answer.", code="provider_no_answer"),
    )


def broken_answer() -> UpstreamError:
    """Returns the error for a connection that was lost, or could not be read further, in the middle of a body."""
    return UpstreamError(ErrorKind.CONNECTION_LOST, "The provider's connection broke in the middle of its answer.")


def redirected(status: int) -> UpstreamError:
    """Returns the error for a redirect, whose target has not been checked."""
    return UpstreamError(
        ErrorKind.MALFORMED,
        Sentence(
            "The provider redirects to another address, and redirects are not followed: "
            "an administrator must set its base URL to the new address.",
            code="provider_redirects",
        ),
        status=status,
    )
