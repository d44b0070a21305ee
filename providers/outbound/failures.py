"""What the failure of a connection means: aiohttp's and httpx's errors, which come in layers, as one UpstreamError."""

from __future__ import annotations

import aiohttp

from providers.errors import ErrorKind, UpstreamError
from providers.outbound.addresses import Refusal
from providers.outbound.guard import refusal_in


def cannot_be_called() -> UpstreamError:
    """The error for a base URL that is none."""
    return UpstreamError(ErrorKind.CONNECT, "The provider's base URL cannot be called.")


def refused(refusal: Refusal) -> UpstreamError:
    """The error for an address that must not be called."""
    advice = ": mark the provider as local if that is meant" if refusal is Refusal.PRIVATE else ""
    return UpstreamError(ErrorKind.CONNECT, f"The provider's address is {refusal}{advice}.")


def _cause(error: Exception) -> BaseException:
    """aiohttp's own error: the transport wraps most of them, and nearly all as ConnectTimeout."""
    return error if isinstance(error, aiohttp.ClientError) else error.__cause__ or error


def is_lost(error: Exception) -> bool:
    """Whether the server closed the connection before it answered."""
    cause = _cause(error)
    return isinstance(cause, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError) and not isinstance(
        cause, aiohttp.ClientConnectorError
    )


def classified(error: Exception) -> UpstreamError:
    """What the failure of an `open` means."""
    cause = _cause(error)
    refusal = refusal_in(cause)
    if refusal is not None:
        return refused(refusal)
    if isinstance(cause, aiohttp.ClientConnectorDNSError):
        return UpstreamError(ErrorKind.CONNECT, "The provider's host name could not be resolved.")
    if isinstance(cause, aiohttp.ClientSSLError | aiohttp.ClientConnectorCertificateError):
        return UpstreamError(ErrorKind.CONNECT, "No trusted TLS connection to the provider could be made.")
    if isinstance(cause, aiohttp.ServerTimeoutError | TimeoutError):
        return UpstreamError(ErrorKind.CONNECT_TIMEOUT, "The provider could not be reached in time.")
    if isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ClientProxyConnectionError):
        return UpstreamError(ErrorKind.CONNECT, "The provider refused the connection.")
    if isinstance(cause, aiohttp.ClientResponseError):
        return UpstreamError(ErrorKind.MALFORMED, "The provider's answer is not HTTP.")
    if isinstance(cause, aiohttp.InvalidURL):
        return cannot_be_called()
    return UpstreamError(ErrorKind.CONNECTION_LOST, "The provider closed the connection without an answer.")
