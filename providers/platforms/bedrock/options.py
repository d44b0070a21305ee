"""The options of a provider on Bedrock, and the region in its host name."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
from msgspec import Meta

from providers.platforms.http import host_of

# Claude's betas that Bedrock documents (November 2026); any other fails the whole request with "invalid beta flag".
# https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
DOCUMENTED_BETAS = (
    "computer-use-2025-01-24",
    "token-efficient-tools-2025-02-19",
    "interleaved-thinking-2025-05-14",
    "output-128k-2025-02-19",
    "dev-full-thinking-2025-05-14",
    "context-1m-2025-08-07",
    "context-management-2025-06-27",
    "effort-2025-11-24",
    "tool-search-tool-2025-10-19",
    "tool-examples-2025-10-29",
)
_HOST = re.compile(r"(?:^|\.)bedrock-runtime(?:-fips)?\.([a-z]{2,4}(?:-[a-z]+)+-\d+)\.")

_Region = Annotated[str, Meta(pattern=r"^[a-z0-9-]+$")]
_Name = Annotated[str, Meta(min_length=1)]
_Arn = Annotated[str, Meta(pattern=r"^arn:\S+$")]


class BedrockOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The region, and the keys that sign when the provider has no credential."""

    region: Annotated[_Region | None, Meta(description="such as eu-central-1; left out: the one in the base URL")] = (
        None
    )
    profile: Annotated[_Name | None, Meta(description="a profile of ~/.aws; left out: this machine's own keys")] = None
    role_arn: Annotated[_Arn | None, Meta(description="a role to assume with those keys")] = None
    betas: Annotated[
        tuple[str, ...], Meta(description="the betas that are passed on; left out: those that Bedrock documents")
    ] = DOCUMENTED_BETAS


def region_of(base_url: str, options: BedrockOptions) -> str:
    """Returns the region to sign for; "" when neither the options nor the host name it."""
    if options.region:
        return options.region
    found = _HOST.search(host_of(base_url))
    return found[1] if found else ""
