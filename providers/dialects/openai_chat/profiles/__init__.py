"""Which profile a provider has: the one chosen in the admin, or the one that its base URL identifies."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from providers.config import ProviderConfig
from providers.dialects.openai_chat.profiles.profile import Profile
from providers.dialects.openai_chat.profiles.servers import GENERIC, HOSTED, LOCAL, OWN

_BY_NAME = {profile.name: profile for profile in (*HOSTED, *OWN, LOCAL, GENERIC)}


def choices() -> list[tuple[str, str]]:
    """The profiles as a select's choices."""
    return [("", "detected from the base URL"), *((name, profile.label) for name, profile in _BY_NAME.items())]


def profile_of(provider: ProviderConfig) -> Profile:
    """The profile of a provider: the chosen one, its platform's, or the one that its base URL identifies."""
    return _BY_NAME.get(provider.profile or provider.platform) or _detected(provider.base_url)


@lru_cache(maxsize=1024)
def _detected(base_url: str) -> Profile:
    """By the host of a base URL: a known profile, that of a self-hosted server, or the generic one."""
    parts = urlsplit(base_url)
    host = (parts.hostname or "").lower()
    for profile in HOSTED:
        if any(host == known or host.endswith("." + known) for known in profile.hosts):
            return profile
    if not _is_private(host):
        return GENERIC
    port = parts.port
    return next((profile for profile in OWN if port is not None and profile.port == port), LOCAL)


def _is_private(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost"))
