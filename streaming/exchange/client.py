"""The sending side of one request: status and headers are held back until there is something to say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from streaming.ingress.claude.errors import Headers

Send = Callable[[dict[str, Any]], Awaitable[None]]

_STREAM_HEADERS: Headers = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class Client:
    """Writes one answer: either `respond` once, or `write` any number of times and `finish`.

    `queue` and `flush` are for whoever speaks beside the stream (pings): what is queued goes out before the next write,
    so nothing overtakes anything. `fidelity` holds the codes of the translation for a header, `routing` the headers
    that tell the decision.
    """

    __slots__ = (
        "_queued",
        "_send",
        "done",
        "fidelity",
        "request_id",
        "routing",
        "started",
        "status",
        "writing",
        "written_at",
    )

    def __init__(self, send: Send) -> None:
        self._send = send
        self._queued = b""
        self.request_id = ""
        self.fidelity = ""
        self.routing: Headers = []
        self.started = False
        self.done = False
        self.status: int | None = None
        self.writing = 0
        self.written_at = 0.0

    def queue(self, data: bytes) -> None:
        """Put bytes before whatever is written next."""
        self._queued += data

    async def flush(self) -> None:
        """Send what is queued, if nobody else has by now."""
        if self._queued and not self.done:
            await self.write(b"")

    async def write(self, data: bytes) -> None:
        """Send bytes of the stream; the first ones bring status 200 with them. Waits while the client does not read."""
        if self._queued:
            data, self._queued = self._queued + data, b""
        self.writing += 1
        try:
            if not self.started:
                await self._start(200, [*_STREAM_HEADERS])
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
        finally:
            self.writing -= 1

    async def finish(self, data: bytes) -> None:
        """Send the last bytes of the stream."""
        if self._queued:
            data, self._queued = self._queued + data, b""
        if not self.started:
            await self._start(200, [*_STREAM_HEADERS])
        self.done = True
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def respond(self, status: int, body: bytes, headers: Headers | None = None) -> None:
        """Send a whole JSON answer."""
        await self._start(
            status,
            [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                *(headers or ()),
            ],
        )
        self.done = True
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def _start(self, status: int, headers: Headers) -> None:
        self.started = True
        self.status = status
        if self.request_id:
            headers.append((b"request-id", self.request_id.encode()))
        if self.fidelity:
            headers.append((b"x-gateway-fidelity", self.fidelity.encode()))
        headers += self.routing
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
