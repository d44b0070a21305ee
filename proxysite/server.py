"""uvicorn with a graceful stop: not ready, then no new connections, then a deadline for streams, then exit 0."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import time
from types import FrameType

import uvicorn
from django.conf import settings

from proxysite.protocol import GatewayProtocol
from streaming.runtime import serve

logger = logging.getLogger("gateway.server")

_KEEP_ALIVE = 75
"""Seconds before an idle client connection is closed: longer than coding agents usually wait between requests."""
_GRACE = 5
"""Seconds between the drain deadline and uvicorn's own, for streams to send their error event."""


def configuration(host: str, port: int) -> uvicorn.Config:
    """uvicorn's settings for one worker."""
    return uvicorn.Config(
        "proxysite.asgi:application",
        host=host,
        port=port,
        loop="uvloop",
        http=GatewayProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=int(settings.DRAIN_DEADLINE) + _GRACE,
    )


class GatewayServer(uvicorn.Server):
    """SIGTERM or SIGINT: /readyz answers 503 for DRAIN_DELAY seconds, then the server stops accepting; streams have
    until DRAIN_DEADLINE to finish, the rest end with an error event; rows are written; exit status 0.

    A second SIGINT ends the streams at once, a third ends the process without waiting for anything.
    """

    _stop_accepting_at: float | None = None
    _interrupts = 0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handles a signal. Unlike uvicorn's own handler it does not raise it again, so that the exit status is 0."""
        if self._stop_accepting_at is None:
            serve().draining = True
            self._stop_accepting_at = time.monotonic() + settings.DRAIN_DELAY
            self.should_exit = settings.DRAIN_DELAY <= 0
        elif sig == signal.SIGINT:
            self._interrupts += 1
            self.should_exit = True
            if self._interrupts == 1:
                serve().end_all()
            else:
                self.force_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Checks every 0.1 s whether to stop accepting."""
        if self._stop_accepting_at is not None and time.monotonic() >= self._stop_accepting_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops accepting, lets streams finish until the deadline, ends the others, and writes the rows."""
        runtime = serve()
        running = len(runtime.exchanges)
        if running:
            logger.warning(
                "waiting for requests to finish; Ctrl-C ends them now",
                extra={"fields": {"requests": running, "deadline_s": settings.DRAIN_DEADLINE}},
            )
        deadline = asyncio.get_running_loop().call_later(settings.DRAIN_DEADLINE, runtime.end_all)
        await super().shutdown(sockets)
        deadline.cancel()
