"""The registry of platforms: one line a platform. A provider without one is called directly."""

from __future__ import annotations

from providers.platforms.azure import Azure
from providers.platforms.bedrock import Bedrock
from providers.platforms.contract import Platform
from providers.platforms.vertex import Vertex

PLATFORMS: dict[str, Platform] = {platform.name: platform for platform in (Bedrock(), Vertex(), Azure())}


def choices() -> list[tuple[str, str]]:
    """The platforms as a select's choices."""
    return [("", "none: called directly"), *((platform.name, platform.label) for platform in PLATFORMS.values())]
