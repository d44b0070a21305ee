"""Turns the nested errors of aiohttp and httpx into one UpstreamError."""

from __future__ import annotations

import aiohttp

from providers.errors import ErrorKind, UpstreamError
from providers.outbound.addresses import Refusal
from providers.outbound.guard import MOST_INFORMATIONAL, TooManyHeads, refusal_in
from usage.sentence import Sentence


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


def _cause(error: Exception) -> BaseException:
    """Returns aiohttp's own error: the transport wraps most of them, nearly all as ConnectTimeout."""
    return error if isinstance(error, aiohttp.ClientError) else error.__cause__ or error


def is_connection_lost(error: Exception) -> bool:
    """Returns whether the server closed the connection before it answered."""
    cause = _cause(error)
    return isinstance(cause, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError) and not isinstance(
        cause, aiohttp.ClientConnectorError
    )


def connection_error(error: Exception) -> UpstreamError:
    """Returns the error of a failed `open`."""
    cause = _cause(error)
    refusal = refusal_in(cause)
    if refusal is not None:
        return address_refused(refusal)
    if isinstance(cause, aiohttp.ClientConnectorDNSError):
        return UpstreamError(
            ErrorKind.CONNECT, Sentence("The provider's host name could not be resolved.", code="provider_host_unknown")
        )
    if isinstance(cause, aiohttp.ClientSSLError | aiohttp.ClientConnectorCertificateError):
        return UpstreamError(
            ErrorKind.CONNECT,
            Sentence(
                "The provider's TLS certificate is not trusted, or the TLS handshake failed.",
                code="provider_tls_failed",
            ),
        )
    if isinstance(cause, aiohttp.ServerTimeoutError | TimeoutError):
        return UpstreamError(
            ErrorKind.CONNECT_TIMEOUT,
            Sentence("The provider could not be reached in time.", code="provider_connect_timeout"),
        )
    if isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ClientProxyConnectionError):
        return UpstreamError(
            ErrorKind.CONNECT, Sentence("The provider refused the connection.", code="provider_connection_refused")
        )
    if isinstance(cause.__cause__, TooManyHeads):
        return UpstreamError(
            ErrorKind.MALFORMED,
            Sentence(
                "The provider sent more than {most} informational responses (1xx).",
                code="provider_too_many_heads",
                most=MOST_INFORMATIONAL,
            ),
        )
    if isinstance(cause, aiohttp.ClientResponseError):
        return UpstreamError(
            ErrorKind.MALFORMED, Sentence("The provider's response is not HTTP.", code="provider_not_http")
        )
    if isinstance(cause, aiohttp.InvalidURL):
        return invalid_base_url()
    return UpstreamError(
        ErrorKind.CONNECTION_LOST,
        Sentence("The provider closed the connection without an answer.", code="provider_no_answer"),
    )
