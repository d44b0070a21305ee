"""Turns the nested errors of aiohttp and httpx into one UpstreamError."""

from __future__ import annotations

import aiohttp

from providers.errors import UpstreamError
from providers.outbound import errors
from providers.outbound.guard import TooManyHeads, refusal_in


def _cause(error: Exception) -> BaseException:
    """Returns aiohttp's own error: the transport wraps most of them, nearly all as ConnectTimeout."""
    return error if isinstance(error, aiohttp.ClientError) else error.__cause__ or error


def connection_error(error: Exception) -> UpstreamError:
    """Returns the error of a failed `open`."""
    cause = _cause(error)
    refusal = refusal_in(cause)
    if refusal is not None:
        return errors.address_refused(refusal)
    if isinstance(cause, aiohttp.ClientConnectorDNSError):
        return errors.host_unknown()
    if isinstance(cause, aiohttp.ClientSSLError | aiohttp.ClientConnectorCertificateError):
        return errors.tls_failed()
    if isinstance(cause, aiohttp.ServerTimeoutError | TimeoutError):
        return errors.connect_timeout()
    if isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ClientProxyConnectionError):
        return errors.connection_refused()
    if isinstance(cause.__cause__, TooManyHeads):
        return errors.too_many_heads()
    if isinstance(cause, aiohttp.ClientResponseError):
        return errors.not_http()
    if isinstance(cause, aiohttp.InvalidURL):
        return errors.invalid_base_url()
    return errors.no_answer()
