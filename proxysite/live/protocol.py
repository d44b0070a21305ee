"""A WebSocket on a connection that began as HTTP, with limits like those of HTTP (proxysite.http.watched).

It is imported where pages are served alone: the gateway's own processes need no library for it.
"""

from __future__ import annotations

from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode

from proxysite.http.connections import GatewayState
from proxysite.live.hub import Update

_STALLED_SECONDS = 20.0
"""For how long a browser may take nothing of what it was sent."""


class LiveProtocol(WebSocketsSansIOProtocol):
    """One WebSocket, once its offer was taken. `counted` is the address that its connection counts for."""

    counted: str | None = None
    _stalled = 0.0
    _unsent = 0

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, object]) -> None:
        super().__init__(config, server_state, app_state)
        self._state = cast(GatewayState, server_state)

    async def send(self, message: Any) -> None:
        """Sends a message; of an update, the bytes that were made for the first browser that got it."""
        text = message.get("text")
        if not isinstance(text, Update) or not self.handshake_complete or self.close_sent:
            await super().send(message)
            return
        await self.writable.wait()
        if self.disconnected:
            raise ClientDisconnected
        if not hasattr(text, "frame"):
            # Of a server, and without compression, a frame depends on nothing but its text.
            text.frame = Frame(Opcode.TEXT, text.encode()).serialize(mask=False)
        self.transport.write(text.frame)

    def connection_lost(self, exc: Exception | None) -> None:
        """Counts the end."""
        if self.counted is not None:
            self._state.leaves(self.counted)
        super().connection_lost(exc)

    def look(self, clock: float, step: float) -> None:
        """Drops a browser that takes nothing, or does not go."""
        unsent = self.transport.get_write_buffer_size()
        if unsent == 0 or unsent != self._unsent:
            self._unsent, self._stalled = unsent, 0.0
            return
        self._stalled += step
        if self._stalled >= _STALLED_SECONDS:
            self.transport.abort()

    def close_if_idle(self) -> None:
        """Does nothing: the server's stop ends it (`shutdown`), and the browser comes back."""
