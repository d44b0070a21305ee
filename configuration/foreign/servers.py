"""Which server an address belongs to: other gateways name whole endpoints, ours what comes before a dialect's path."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

import msgspec

from providers.config import ProviderConfig
from providers.dialects.openai_chat.profiles import profile_of
from providers.outbound.addresses import is_own_network

_ENDPOINTS = (
    ("/chat/completions", "openai_chat"),
    ("/responses", "openai_responses"),
    ("/v1/messages", "anthropic"),
    ("/api/chat", "ollama"),
)
_UNKNOWN = frozenset({"generic", "local"})


class Server(msgspec.Struct, frozen=True):
    """Where a provider's requests go and how they are written."""

    dialect: str
    base_url: str
    is_local: bool = False
    cut: str = ""
    """What the address had besides and cannot have here."""


def server_of(address: str, dialect: str = "") -> Server:
    """The server of an address; `dialect` where the file says which. Raises ValueError for what is no address."""
    parts = urlsplit(address.strip())
    path, told = parts.path.rstrip("/"), ""
    for ending, name in _ENDPOINTS:
        if path.endswith(ending):
            path, told = path.removesuffix(ending), name
            break
    host = (parts.hostname or "").lower()
    if host == "generativelanguage.googleapis.com":
        told = told if told == "openai_chat" or path.endswith("/openai") else "gemini"
    dialect = dialect or told or ("anthropic" if host == "api.anthropic.com" else "openai_chat")
    if dialect == "gemini":
        path = path.partition("/models")[0] or "/v1beta"
    elif dialect == "anthropic":
        path = path.removesuffix("/v1")
    elif dialect == "ollama":
        path = path.removesuffix("/v1").removesuffix("/api")
    base_url = urlunsplit((parts.scheme, parts.netloc, path, "", ""))
    return Server(dialect, base_url, is_own_network(base_url), cut=parts.query)


def fitting_profile(base_url: str, wanted: str) -> str:
    """The profile to choose for a server that a file says is like `wanted`; empty where the address tells it itself."""
    asked = ProviderConfig(id=0, name="", dialect="openai_chat", base_url=base_url)
    return wanted if profile_of(asked).name in _UNKNOWN else ""
