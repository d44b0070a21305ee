"""What all connections of the gateway share: its name, and whose certificates it trusts."""

from __future__ import annotations

import asyncio
import select
import ssl
from functools import cache

USER_AGENT = "proxysite/0.1"


@cache
def ssl_context() -> ssl.SSLContext:
    """Returns the context, created once: loading the certificates takes tens of milliseconds."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def is_silent(transport: asyncio.BaseTransport) -> bool:
    """Returns whether nothing waits to be read on a connection, not even its end: the event loop may not know yet."""
    return not poller(transport).poll(0)


def poller(transport: asyncio.BaseTransport) -> select.poll:
    """Returns what says, as long as a connection is open, whether something waits to be read on it."""
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return poll
