"""What the connections of a server share: their limits, a clock, and how many each address has.

Twice a second one look at all of them (`GatewayState.sweep`) ends those that are overdue: there is no timer per
request, and nothing per chunk of a stream. The clock is that of the looks and never jumps: a process that stood still
has read nothing meanwhile, and its clients are not to blame.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, cast

from django.conf import settings
from uvicorn.server import ServerState

if TYPE_CHECKING:
    from proxysite.http.watched import WatchedConnection

logger = logging.getLogger("gateway.server")

NEVER: Final = math.inf
INTERVAL: Final = 0.5
"""Seconds between two looks."""
_WARN_EVERY: Final = 60.0


class Limits:
    """The settings that hold for connections, read once per server."""

    __slots__ = (
        "body_rate", "body_seconds", "connections", "header_bytes", "header_seconds", "headers", "idle_seconds",
        "proxies", "send_seconds",
    )  # fmt: skip

    def __init__(self) -> None:
        self.header_bytes: int = settings.MAX_HEADER_BYTES
        self.headers: int = settings.MAX_HEADERS
        self.header_seconds: float = settings.HEADER_SECONDS
        self.body_seconds: float = settings.BODY_SECONDS
        self.body_rate: float = settings.MIN_BODY_RATE
        self.idle_seconds: float = settings.IDLE_SECONDS
        self.send_seconds: float = settings.SEND_SECONDS
        self.connections: int = settings.MAX_CONNECTIONS_PER_ADDRESS
        self.proxies = tuple(settings.TRUSTED_PROXIES)


class GatewayState(ServerState):
    """What the connections of a server share, besides uvicorn's."""

    def __init__(self) -> None:
        super().__init__()
        self.draining = False
        """Whether the server is stopping."""
        self.last_request = 0.0
        """When the last request came since then (time.monotonic())."""
        self.limits = Limits()
        self.date = b""
        """The Date of answers, as a line of their heads."""
        self.clock = 0.0
        """Seconds in which this process has looked after its connections."""
        self.on_first: Callable[[], None] = _nobody
        """Called before a connection is looked after that is the only one."""
        self._looked_at: float | None = None
        self._addresses: dict[str, int] = {}
        self._warned_at = -_WARN_EVERY

    def sweep(self, now: float) -> None:
        """Ends connections that are overdue; call it several times a second, `now` in seconds of any clock."""
        last = self._looked_at
        if last is not None and now - last < INTERVAL:
            return
        self._looked_at = now
        step = INTERVAL if last is None else min(now - last, 2 * INTERVAL)
        self.clock += step
        for connection in tuple(self.connections):
            cast("WatchedConnection", connection).look(self.clock, step)

    def opened(self) -> None:
        """Takes in that a connection was opened: `connections` has it already."""
        if len(self.connections) == 1:
            self.on_first()

    def enters(self, client: str) -> bool:
        """Counts a connection from `client` (access.addresses.counted_by). Returns whether it is within the limit."""
        count = self._addresses[client] = self._addresses.get(client, 0) + 1
        if count <= self.limits.connections:
            return True
        if self.clock - self._warned_at >= _WARN_EVERY:
            self._warned_at = self.clock
            logger.warning(
                "an address has too many connections; if it is a proxy of yours, name it in TRUSTED_PROXIES",
                extra={"fields": {"address": client, "limit": self.limits.connections}},
            )
        return False

    def leaves(self, client: str) -> None:
        """Counts the end of a connection that entered."""
        count = self._addresses[client] - 1
        if count:
            self._addresses[client] = count
        else:
            del self._addresses[client]


def _nobody() -> None:
    """Nobody waits for connections yet."""
