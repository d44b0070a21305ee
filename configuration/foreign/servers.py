"""Derives dialect and base URL from an address: other gateways give endpoints, this one what precedes their path."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

import msgspec

from providers.config import ProviderConfig
from providers.dialects.openai_chat.profiles import profile_of
from providers.endpoints import without_endpoint
from providers.outbound.addresses import is_own_network

_UNKNOWN = frozenset({"generic", "local"})


class Server(msgspec.Struct, frozen=True):
    """A provider's dialect and base URL; `cut` is the address's query, which a base URL cannot have."""

    dialect: str
    base_url: str
    is_local: bool = False
    cut: str = ""


def server_of(address: str, dialect: str = "") -> Server:
    """The server of an address; `dialect` where the file names one. Raises ValueError for an invalid address."""
    cut, found = without_endpoint(address.strip())
    parts = urlsplit(cut)
    path = parts.path
    host = (parts.hostname or "").lower()
    if host == "generativelanguage.googleapis.com":
        found = found if found == "openai_chat" or path.endswith("/openai") else "gemini"
    dialect = dialect or found or ("anthropic" if host == "api.anthropic.com" else "openai_chat")
    if dialect == "gemini":
        path = path.partition("/models")[0] or "/v1beta"
    elif dialect == "anthropic":
        path = path.removesuffix("/v1")
    elif dialect == "ollama":
        path = path.removesuffix("/v1").removesuffix("/api")
    base_url = urlunsplit((parts.scheme, parts.netloc, path, "", ""))
    return Server(dialect, base_url, is_own_network(base_url), cut=parts.query)


def fitting_profile(base_url: str, wanted: str) -> str:
    """The profile to set for a server; empty where its address implies one, so that `wanted` is not needed."""
    asked = ProviderConfig(id=0, name="", dialect="openai_chat", base_url=base_url)
    return wanted if profile_of(asked).name in _UNKNOWN else ""
