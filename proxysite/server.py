"""uvicorn with a graceful stop: not ready, then no new connections, then a deadline for streams, then exit 0.

No request is lost on the way: what waits to be accepted is accepted before the listener closes, from the signal on each
answer is its connection's last, and idle connections, to which a proxy may be sending right now, are closed at the end.
"""

from __future__ import annotations

import asyncio
import logging
import select
import signal
import socket
import time
from email.utils import formatdate
from types import FrameType
from typing import Any, cast

import uvicorn
from django.conf import settings

from proxysite.http.connections import INTERVAL, GatewayState
from proxysite.http.protocol import GatewayProtocol
from streaming.runtime import current, serve

logger = logging.getLogger("gateway.server")

_GRACE = 5
"""Seconds between the drain deadline and uvicorn's own, for streams to send their error event."""
_BACKLOG = 1.0
"""Seconds in which connections that wait are still accepted at the end, should more and more come."""
_LINGER = 2.0
"""Seconds without a request until idle connections are closed: the answer to one would say that it was the last."""
_LONGEST_LINGER = 5.0
"""Seconds after which they are closed all the same."""


_MESSAGE_BYTES = 4096
"""What a browser may send at once over a WebSocket: pages send nothing."""
_PING_SECONDS = 20.0
"""Seconds between two pings of a WebSocket, and until one that is not answered ends it."""
_PONG = 10
"""For how many times LIVE_CHECK_SECONDS an answer is waited for where that is shorter."""
_STOPPING_TICK = 0.1
"""Seconds between two looks once a stop has been asked for."""
_IDLE_TICK = 10.0
"""The same while nobody is connected; a connection or a signal wakes before."""


def configuration(application: Any, host: str, port: int, *, sockets: bool = True) -> uvicorn.Config:
    """uvicorn's settings for one worker of an ASGI application, or of what its import string names. Without `sockets`
    every WebSocket is declined, and the library for them not even loaded."""
    return uvicorn.Config(
        application,
        host=host,
        port=port,
        loop="uvloop",
        http=GatewayProtocol,
        ws="proxysite.live.protocol:LiveProtocol" if sockets else "none",
        ws_max_size=_MESSAGE_BYTES,
        ws_ping_interval=min(_PING_SECONDS, settings.LIVE_CHECK_SECONDS),
        ws_ping_timeout=min(_PING_SECONDS, _PONG * settings.LIVE_CHECK_SECONDS),
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=int(settings.DRAIN_DEADLINE + _LONGEST_LINGER) + _GRACE,
    )


class GatewayServer(uvicorn.Server):
    """SIGTERM or SIGINT: /readyz answers 503 for DRAIN_DELAY seconds, then the server stops accepting; streams have
    until DRAIN_DEADLINE to finish, the rest end with an error event; rows are written; exit status 0.

    A second SIGINT ends the streams at once, a third ends the process without waiting for anything.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.server_state = self._state = GatewayState()
        self._stop_accepting_at: float | None = None
        self._linger = _LINGER
        self._interrupts = 0
        self._state.on_first = self._begin_to_tick
        self._pause: asyncio.Task[None] | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handles a signal. Unlike uvicorn's own handler it does not raise it again, so that the exit status is 0."""
        if self._stop_accepting_at is None:
            self._state.draining = True
            if (runtime := current()) is not None:
                runtime.draining = True
            if sig == signal.SIGINT:
                # Somebody waits for it.
                self._linger = 0.0
            self._stop_accepting_at = time.monotonic() + settings.DRAIN_DELAY
            self.should_exit = settings.DRAIN_DELAY <= 0
        elif sig == signal.SIGINT:
            self._interrupts += 1
            self.should_exit = True
            if self._interrupts > 1:
                self.force_exit = True
            elif (runtime := current()) is not None:
                runtime.end_all()
        if (pause := self._pause) is not None:
            # A signal may come in the middle of anything.
            pause.get_loop().call_soon_threadsafe(pause.cancel)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts the runtime, which is not ready where the signal came first."""
        await super().startup(sockets)
        serve().draining = self._state.draining

    async def main_loop(self) -> None:
        """Ticks until it is time to stop: seldom while nobody is connected, which uvicorn does ten times a second."""
        while not self._tick():
            if self._stop_accepting_at is not None:
                seconds = _STOPPING_TICK
            else:
                seconds = INTERVAL if self._state.connections else _IDLE_TICK
            # A task, because whoever wakes it cancels it.
            self._pause = asyncio.create_task(asyncio.sleep(seconds), name="tick")
            await asyncio.wait([self._pause])

    def _tick(self) -> bool:
        """Looks after the connections and the Date of answers. Returns whether to stop accepting."""
        self._state.sweep(time.monotonic())
        if self._stop_accepting_at is not None and time.monotonic() >= self._stop_accepting_at:
            self.should_exit = True
        self._tell_date()
        return self.should_exit

    def _tell_date(self) -> None:
        date = formatdate(time.time(), usegmt=True).encode()
        # The first is uvicorn's, for WebSockets.
        self._state.default_headers = [(b"date", date)]
        self._state.date = b"date: %b\r\n" % date

    def _begin_to_tick(self) -> None:
        """Somebody connects after a time without connections."""
        self._tell_date()
        self._state.sweep(time.monotonic())
        if self._pause is not None:
            self._pause.cancel()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops accepting, lets streams finish until the deadline, ends the others, and writes the rows."""
        runtime = serve()
        running = len(runtime.exchanges)
        if running:
            logger.warning(
                "waiting for requests to finish; Ctrl-C ends them now",
                extra={"fields": {"requests": running, "deadline_s": settings.DRAIN_DEADLINE}},
            )
        await _accept_waiting(sockets or [])
        draining = asyncio.create_task(self._drain())
        await super().shutdown(sockets)
        draining.cancel()

    async def _drain(self) -> None:
        """Closes idle connections once no more requests come, and ends at the deadline whatever still runs then.

        A request that comes on an idle connection has as long as any other: DRAIN_DEADLINE counts from the last one.
        """
        began = time.monotonic()
        ended = False
        while True:
            now = time.monotonic()
            self._state.sweep(now)
            last = min(max(began, self._state.last_request), began + _LONGEST_LINGER)
            if now >= min(last + self._linger, began + _LONGEST_LINGER) or self._interrupts:
                for connection in tuple(self._state.connections):
                    cast(GatewayProtocol, connection).close_if_idle()
            if now >= last + settings.DRAIN_DEADLINE and not ended:
                ended = True
                serve().end_all()
            await asyncio.sleep(0.05)


async def _accept_waiting(sockets: list[socket.socket]) -> None:
    """Lets the loop accept the connections that wait: closing a listener resets them."""
    waiting = select.poll()
    for listener in sockets:
        waiting.register(listener, select.POLLIN)
    until = time.monotonic() + _BACKLOG
    while waiting.poll(0) and time.monotonic() < until:  # noqa: ASYNC110
        # Not until an event: each round of the loop accepts.
        await asyncio.sleep(0)
