"""The models that a provider lists, fetched through the guarded client when an administrator wants to see them.

Where the list is and how it is read is part of each dialect.
"""

from __future__ import annotations

import msgspec

from providers.config import ProviderConfig, Secret
from providers.dialects import DIALECTS
from providers.endpoints import with_version
from providers.errors import UpstreamError
from providers.model_list import ListedModel, ModelList
from providers.outbound.downloads import FetchFailed, fetch

SECONDS = 10.0
_MOST_BYTES = 16 * 1024 * 1024


_BY_HAND = "Where the server has no such list, enter a model's name by hand."
_ADVICE = {
    "provider_host_unknown": "Check the host name in the base URL for a typing mistake.",
    "provider_tls_failed": "A server without TLS has a base URL with http://. One with TLS needs a certificate "
    "that this machine trusts.",
    "provider_connection_refused": "Check host and port of the base URL, and whether the server runs.",
    "provider_connect_timeout": "Check the base URL, and the firewall between this machine and the server.",
}


class NoModelList(Exception):
    """No list was read; the message says why, and `advice` what to do."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


async def model_list(provider: ProviderConfig) -> list[ListedModel]:
    """The provider's models, in its own order. Raises NoModelList."""
    if provider.platform:
        raise NoModelList("This provider's models cannot be listed.", "Enter the names of its models by hand.")
    listing = DIALECTS[provider.dialect].list_models
    secret: Secret | None = provider.credentials[0].secret if provider.credentials else None
    headers = {} if secret is None else listing.headers(secret.reveal())
    headers |= dict(provider.headers)
    try:
        answer = await fetch(
            provider.base_url + _path(listing, provider),
            most_bytes=_MOST_BYTES,
            seconds=SECONDS,
            local=provider.is_local,
            headers=headers,
            proxy=provider.proxy_url,
        )
    except FetchFailed as error:
        raise _no_list(error, provider) from error
    return read_list(provider.dialect, answer.content)


def read_list(dialect: str, content: bytes) -> list[ListedModel]:
    """The models in the bytes of a dialect's list, in its order. Raises NoModelList for anything else."""
    listing = DIALECTS[dialect].list_models
    try:
        document = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NoModelList("The response is not a list of models.", f"Check the base URL. {_BY_HAND}") from error
    listed = document.get(listing.field) if isinstance(document, dict) else document
    if not isinstance(listed, list):
        raise NoModelList("The response is not a list of models.", f"Check the base URL. {_BY_HAND}")
    models = (listing.read(entry) for entry in listed if isinstance(entry, dict))
    return [model for model in models if model is not None]


def _no_list(error: FetchFailed, provider: ProviderConfig) -> NoModelList:
    """What a failed download says to somebody who is setting a provider up."""
    why = f"The list could not be fetched: {error.reason}."
    if error.status in (401, 403):
        if not provider.credentials:
            return NoModelList(why, "The server wants a key: enter one.")
        return NoModelList(
            why, "The server refuses the key: check it for a typing mistake, and whether it is of this server."
        )
    if error.status == 404:
        meant = with_version(provider.base_url, provider.dialect)
        return NoModelList(why, f"Check the base URL{f': {meant} may be meant' if meant else ''}. {_BY_HAND}")
    if error.status is not None:
        return NoModelList(why, f"Try again in a minute. {_BY_HAND}")
    cause = _connection_error(error.__cause__)
    if cause is None:
        return NoModelList(why, "Check the base URL.")
    advice = _ADVICE.get(getattr(cause.message, "code", ""), "Check the base URL, and whether the server runs.")
    return NoModelList(f"The list could not be fetched. {cause.message}", advice)


def _connection_error(cause: BaseException | None) -> UpstreamError | None:
    import aiohttp

    from providers.outbound.causes import connection_error

    return connection_error(cause) if isinstance(cause, aiohttp.ClientError | OSError) else None


def _path(listing: ModelList, provider: ProviderConfig) -> str:
    # A Claude server's base URL may end in /v1 or stand before it, as for its messages.
    return listing.path.removeprefix("/v1") if provider.base_url.endswith("/v1") else listing.path
