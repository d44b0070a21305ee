"""Cuts a pasted endpoint URL down to a base URL: manuals name https://api.example.com/v1/chat/completions."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

# A path's ending -> the dialect that it belongs to, "" for one of several. The longest come first.
_ENDPOINTS: tuple[tuple[str, str], ...] = (
    ("/v1/messages/count_tokens", "anthropic"),
    ("/v1/messages", "anthropic"),
    ("/responses/input_tokens", "openai_responses"),
    ("/responses", "openai_responses"),
    ("/chat/completions", "openai_chat"),
    ("/api/chat", "ollama"),
    ("/api/generate", "ollama"),
    ("/api/tags", "ollama"),
    ("/models", ""),
)
_GEMINI = re.compile(r"/models/[^/]+(?::\w+)?$")
# What follows the base URL on a cloud platform.
_PLATFORMS = {"azure": "/openai/deployments/", "bedrock": "/model/", "vertex": "/v1/projects/"}


def without_endpoint(address: str) -> tuple[str, str]:
    """Returns an address without an endpoint at its end, and the dialect of that endpoint; "" where none is known."""
    parts = urlsplit(address)
    path = parts.path.rstrip("/")
    if ":" in path and (found := _GEMINI.search(path)) is not None:
        return _joined(address, path[: found.start()]), "gemini"
    for ending, dialect in _ENDPOINTS:
        if path.endswith(ending):
            return _joined(address, path.removesuffix(ending)), dialect
    return _joined(address, path), ""


class OtherDialect(Exception):
    """The address is one of an endpoint of another dialect; the text says what to enter."""


def base_url_of(address: str, dialect: str, platform: str = "") -> str:
    """Returns the base URL of a pasted address. Raises OtherDialect, or ValueError for what is no URL."""
    address = address.rstrip("/")
    behind = _PLATFORMS.get(platform)
    if behind is not None and behind in (path := urlsplit(address).path):
        return _joined(address, path.partition(behind)[0])
    cut, found = without_endpoint(address)
    if platform and not found:
        return address
    if found and found != dialect:
        raise OtherDialect(
            f"This is the address of one endpoint, of the dialect {found}. Choose that dialect, or enter the base URL "
            f"of this one, such as {cut}."
        )
    return cut


def with_version(base_url: str, dialect: str) -> str:
    """Returns what may have been meant where nothing is found at a base URL without a path; "" where it has one."""
    version = {"openai_chat": "/v1", "openai_responses": "/v1", "gemini": "/v1beta"}.get(dialect, "")
    return "" if not version or urlsplit(base_url).path.strip("/") else _joined(base_url, version)


def _joined(address: str, path: str) -> str:
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, parts.fragment))
