"""A provider's own headers: public ones as they are, and secret ones, encrypted and bound to an address as credentials.

`Provider.headers` holds the public ones, name -> value. `Provider.secret_headers` holds name -> {"ciphertext",
"bound_to"}; "plain" instead of "ciphertext" where there was no encryption key when an upgrade moved the value there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from providers import secrets

PUBLIC = frozenset({"anthropic-beta", "http-referer", "x-title", "openai-organization"})
"""Names whose values are no secrets: public unless somebody says otherwise."""

_STEERING = re.compile(
    r"host|url|uri|target|endpoint|upstream|forward|proxy|config|provider|(?:^|-)base", re.IGNORECASE
)
"""Names of headers that make a relay send a request, with its credential, elsewhere."""


def sealed(value: str, bound_to: str) -> dict[str, str]:
    """Returns what is stored of a secret header. Raises ImproperlyConfigured without an encryption key."""
    return {"ciphertext": secrets.encrypt(value), "bound_to": bound_to}


def opened(stored: Mapping[str, str]) -> str:
    """Returns a secret header's value, "" where it has none yet. Raises secrets.UnreadableSecret."""
    ciphertext = stored.get("ciphertext", "")
    return secrets.decrypt(ciphertext) if ciphertext else stored.get("plain", "")


def steering(public: Any, secret: Any) -> Iterator[str]:
    """Yields the headers that choose where a relay sends a request: a credential is bound to them too."""
    values = {**public} if isinstance(public, dict) else {}
    for name, stored in secret.items() if isinstance(secret, dict) else ():
        if _STEERING.search(name):
            try:
                values[name] = opened(stored)
            except secrets.UnreadableSecret:
                values[name] = stored.get("ciphertext", "")
    for name, value in sorted(values.items()):
        if _STEERING.search(name):
            yield f"{name.lower()}: {value}"


def why_inactive(stored: Mapping[str, str], now: str) -> str:
    """Returns why a secret header of a provider that points to `now` cannot be sent; "" if it can."""
    if not stored.get("ciphertext") and not stored.get("plain"):
        return "it has no value: enter it"
    return "" if stored.get("bound_to") == now else "it was entered for another address: enter it again"
