"""CORS: which pages of other origins may call the API from a browser (https://fetch.spec.whatwg.org/#http-cors-protocol).

Keys travel in headers and never as cookies, so credentials are not allowed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from streaming.exchange.client import Headers

_EXPOSED: Final = (
    b"request-id, retry-after, x-should-retry, x-gateway-fidelity, x-gateway-count, x-gateway-route, "
    b"x-gateway-decision, x-gateway-ignored-tags"
)
_METHODS: Final = b"GET, POST, HEAD, OPTIONS"
_REMEMBERED: Final = b"7200"
"""Seconds that a browser may remember a preflight; none remembers it for longer than two hours or a day."""


def response_headers(headers: Mapping[str, str], allowed: Collection[str]) -> Headers:
    """Returns what every answer carries: leave for the request's origin to read it, if that is one of the allowed."""
    # A cache must not give one origin's answer to another.
    vary = (b"vary", b"origin")
    origin = headers.get("origin")
    if origin is None or ("*" not in allowed and origin not in allowed):
        return [vary]
    return [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-expose-headers", _EXPOSED),
        vary,
    ]


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a browser asks what a page may send, before it sends it; such a request has no key."""
    return method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def preflight_headers(headers: Mapping[str, str]) -> Headers:
    """Returns what the answer to a preflight carries besides. Any header may be sent: the key's is one of them."""
    asked = headers.get("access-control-request-headers", "")
    return [
        (b"access-control-allow-methods", _METHODS),
        *([(b"access-control-allow-headers", asked.encode("latin-1"))] if asked else []),
        (b"access-control-max-age", _REMEMBERED),
    ]
