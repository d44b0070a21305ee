"""Where a provider's secrets may be sent: the address for which each was entered or confirmed, as text.

A secret is bound to scheme, host, port, path, proxy, the platform with its options that choose a host or an account,
and behind a relay to the headers that name its target. When the provider changes in any of these, the secret is
inactive until somebody who knows it enters it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings

from providers.credentials import headers, variables
from providers.platforms import PLATFORMS

if TYPE_CHECKING:
    from providers.models import Credential, Provider

_PORTS = {"http": 80, "https": 443}


def destination(base_url: str, proxy_url: str, platform: str, options: Any, steering: Iterable[str] = ()) -> str:
    """Returns where requests with these settings go, so that two equal texts mean the same place.

    `steering` are headers that choose where a relay sends requests; only their digest is part of the text.
    """
    parts = [_address(base_url)]
    if proxy_url:
        parts.append(f"through {_address(proxy_url)}")
    if platform:
        known = PLATFORMS.get(platform)
        bound = known.bound_options if known is not None else ()
        given = options if isinstance(options, dict) else {}
        parts += [f"on {platform}", *(f"{name}={given[name]}" for name in bound if given.get(name))]
    if lines := "\n".join(steering):
        parts.append(f"steered by headers {hashlib.sha256(lines.encode()).hexdigest()[:16]}")
    return " ".join(parts)


def _address(url: str) -> str:
    """Returns a URL with its port and without a slash at the end; one that is none as it is."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return url
    place = parts.netloc.lower()
    if port is None and parts.scheme in _PORTS:
        place = f"{place.rstrip(':')}:{_PORTS[parts.scheme]}"
    return f"{parts.scheme}://{place}{parts.path.rstrip('/')}"


def destination_of(provider: Provider) -> str:
    """Returns where a provider's requests go now."""
    steering = headers.steering(provider.headers, provider.secret_headers)
    return destination(provider.base_url, provider.proxy_url, provider.platform, provider.options, steering)


def why_inactive(credential: Credential, now: str) -> str:
    """Returns why a credential of a provider that points to `now` is not used, without an address; "" if it is."""
    if credential.source == credential.Source.ENVIRONMENT:
        if not may_use(credential):
            return f"the variable {credential.variable} may not be read: see CREDENTIAL_VARIABLES"
        if credential.bound_to != now:
            return "its variable was confirmed for another address: confirm it again"
    elif credential.bound_to != now:
        return "it was entered for another address: enter it again"
    return ""


def may_use(credential: Credential) -> bool:
    """Whether a credential's variable may be read: an allowed one, or the one that it had before there was a list."""
    name = credential.variable
    return variables.may_be_read(name) or (name == credential.kept_variable and not variables.is_own(name))


def why_machine_refused(platform: str, base_url: str) -> str:
    """Returns why this machine's own identity is not sent to an address; "" where it is, or is not needed."""
    known = PLATFORMS.get(platform)
    if known is None or known.own_hosts is None:
        return ""
    try:
        parts = urlsplit(base_url)
        host = (parts.hostname or "").lower()
    except ValueError:
        parts, host = None, ""
    if host in settings.MACHINE_IDENTITY_HOSTS:
        return ""
    if parts is not None and parts.scheme == "https" and known.own_hosts.fullmatch(host):
        return ""
    return (
        "it has no credential, and this machine's own identity is sent only to the cloud's own hosts over https: "
        "add a credential, or list its host in MACHINE_IDENTITY_HOSTS"
    )
