"""What all connections of the gateway share: its name, and whose certificates it trusts."""

from __future__ import annotations

import ssl
from functools import cache

USER_AGENT = "proxysite/0.1"


@cache
def ssl_context() -> ssl.SSLContext:
    """Returns the context, created once: loading the certificates takes tens of milliseconds."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
