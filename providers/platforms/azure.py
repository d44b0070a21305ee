"""OpenAI's models on Azure, by its v1 API or by the older one with a deployment in the path.

https://learn.microsoft.com/en-us/azure/ai-foundry/openai/api-version-lifecycle. No library is needed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, cast

import msgspec
from msgspec import Meta

from providers.config import ProviderConfig, Secret
from providers.dialects.contract import Call, Decoder, Dialect
from providers.errors import ErrorKind, UpstreamError
from providers.platforms.contract import R
from providers.platforms.http import base_path, path_segment
from usage.sentence import Sentence

# The last generally available version of the older API, and its first one with Responses (November 2026).
_CHAT_VERSION = "2024-10-21"
_RESPONSES_VERSION = "2025-04-01-preview"


class AzureOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Only the older API has an option."""

    api_version: Annotated[
        Annotated[str, Meta(pattern=r"^[a-z0-9-]+$")] | None,
        Meta(description=f"such as {_CHAT_VERSION}; only for a base URL that does not end in /openai/v1"),
    ] = None


class Azure:
    """POST {base_url}/chat/completions where it ends in /openai/v1, else below /openai/deployments/{model}."""

    name = "azure"
    label = "Azure OpenAI"
    dialects = frozenset({"openai_chat", "openai_responses"})
    options: type[msgspec.Struct] = AzureOptions
    bound_options: tuple[str, ...] = ()
    own_hosts: re.Pattern[str] | None = None

    def missing(self) -> str:
        """Returns "": Azure needs no library."""
        return ""

    def problems(self, base_url: str, options: msgspec.Struct) -> dict[str, str]:
        """Refuses an api_version for the v1 API, which has none."""
        if _is_v1(base_url) and cast(AzureOptions, options).api_version is not None:
            return {"options": "A base URL that ends in /openai/v1 takes no api_version: leave it out."}
        return {}

    def request(self, call: Call, request: R, *, counting: bool) -> R:
        """Returns the same body at Azure's path; the model's name is the deployment's."""
        if _is_v1(call.provider.base_url):
            return request
        start = "" if base_path(call.provider.base_url).endswith("/openai") else "/openai"
        version = cast(AzureOptions, call.provider.options).api_version
        if call.provider.dialect == "openai_chat":
            start += f"/deployments/{path_segment(call.model.name)}"
            path = f"{start}{request.path}?api-version={version or _CHAT_VERSION}"
        else:
            path = f"{start}{request.path}?api-version={version or _RESPONSES_VERSION}"
        return msgspec.structs.replace(request, path=path)

    async def authorized(self, call: Call, request: R) -> R:
        """Adds the resource's API key or an Entra ID token."""
        if call.secret is None:
            raise UpstreamError(
                ErrorKind.AUTHENTICATION,
                Sentence("The provider has no credential: add the resource's API key.", code="provider_no_credential"),
            )
        return msgspec.structs.replace(request, headers=(*request.headers, _authorization(call.secret)))

    def decoder(self, content_type: str, decoder: Decoder) -> Decoder:
        """Returns the dialect's decoder: Azure adds no framing."""
        return decoder

    def reported(self, provider: ProviderConfig, headers: Mapping[str, str]) -> tuple[str, str]:
        """Returns the region that Azure names in a header."""
        return "", headers.get("x-ms-region", "")

    def error(self, dialect: Dialect, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """Reads the error as the dialect does: Azure's errors have OpenAI's shape."""
        return dialect.error(status, headers, body)


def _is_v1(base_url: str) -> bool:
    return base_path(base_url).endswith("/openai/v1")


def _authorization(secret: Secret) -> tuple[str, str]:
    value = secret.reveal()
    # A token is a JWT, whose first part is the base64 of `{"`.
    if value.startswith("ey") and value.count(".") == 2:
        return "authorization", f"Bearer {value}"
    return "api-key", value
