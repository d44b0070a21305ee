"""The registry of platforms, one entry each. A provider without a platform is called directly."""

from __future__ import annotations

from providers.platforms.azure import Azure
from providers.platforms.bedrock import Bedrock
from providers.platforms.contract import Platform
from providers.platforms.vertex import Vertex

PLATFORMS: dict[str, Platform] = {platform.name: platform for platform in (Bedrock(), Vertex(), Azure())}


def choices() -> list[tuple[str, str]]:
    """Returns the platforms as choices of a select."""
    return [("", "none: called directly"), *((platform.name, platform.label) for platform in PLATFORMS.values())]
