"""Putting a model's name into a path, so that every HTTP library sends it as it stands here."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

# All that a path may hold unescaped (RFC 3986), less the plus: other escapes are undone on the way by aiohttp's URLs,
# and a signature is made over what is sent.
_SAFE = "-._~!$&'()*,;=:@"


def segment(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe=_SAFE)


def base_path(base_url: str) -> str:
    """The path of a base URL, without a slash at its end."""
    return urlsplit(base_url).path.rstrip("/")


def host(base_url: str) -> str:
    """The host of a base URL, in lower case."""
    return (urlsplit(base_url).hostname or "").lower()
