"""The models that a provider lists, fetched through the guarded client when an administrator wants to see them.

Where the list is and how it is read is part of each dialect.
"""

from __future__ import annotations

import msgspec

from providers.config import ProviderConfig, Secret
from providers.dialects import DIALECTS
from providers.model_list import ListedModel, ModelList
from providers.outbound.guard import FetchFailed, fetch

SECONDS = 10.0
_MOST_BYTES = 16 * 1024 * 1024


class NoModelList(Exception):
    """No list was read; the message says why and what to do."""


async def model_list(provider: ProviderConfig) -> list[ListedModel]:
    """The provider's models, in its own order. Raises NoModelList."""
    if provider.platform:
        raise NoModelList("This provider's models cannot be listed. Enter its models by hand.")
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
        raise NoModelList(f"The list could not be fetched: {error.reason}.") from error
    return read_list(provider.dialect, answer.content)


def read_list(dialect: str, content: bytes) -> list[ListedModel]:
    """The models in the bytes of a dialect's list, in its order. Raises NoModelList for anything else."""
    listing = DIALECTS[dialect].list_models
    try:
        document = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NoModelList("The response is not a model list. Check the base URL.") from error
    listed = document.get(listing.field) if isinstance(document, dict) else document
    if not isinstance(listed, list):
        raise NoModelList("The response is not a model list. Check the base URL.")
    models = (listing.read(entry) for entry in listed if isinstance(entry, dict))
    return [model for model in models if model is not None]


def _path(listing: ModelList, provider: ProviderConfig) -> str:
    # A Claude server's base URL may end in /v1 or stand before it, as for its messages.
    return listing.path.removeprefix("/v1") if provider.base_url.endswith("/v1") else listing.path
