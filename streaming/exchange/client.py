"""The client's side of one request: status and headers are held back until there is something to send."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from streaming.exchange.quota import Quota

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_STREAM_HEADERS: Headers = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class Client:
    """Writes one answer: either `respond` once, or `write` any number of times and then `finish`.

    `queue` and `flush` are for the sweeper's pings: what is queued goes out before the next write, so the order holds.
    `fidelity` is the value of the header with the translation's codes, `routing` the headers that show the decision,
    `shared` those that let pages of other origins read the answer. `quota_headers` makes those that show `quota` with
    an answer; a refusal has its own.
    """

    __slots__ = (
        "_queued",
        "_send",
        "_send_now",
        "done",
        "fidelity",
        "quota",
        "quota_headers",
        "request_id",
        "routing",
        "shared",
        "started",
        "status",
        "writing",
    )

    def __init__(self, send: Send) -> None:
        self._send = send
        self._send_now: Callable[[bytes], bool] | None = None
        self._queued = b""
        self.request_id = ""
        self.fidelity = ""
        self.quota: Quota | None = None
        self.quota_headers: Callable[[Quota], Headers] | None = None
        self.routing: Headers = []
        self.shared: Headers = []
        self.started = False
        self.done = False
        self.status: int | None = None
        self.writing = 0

    def queue(self, data: bytes) -> None:
        """Puts bytes before whatever is written next."""
        self._queued += data

    async def flush(self) -> None:
        """Sends what is queued, unless another write has sent it by now."""
        if self._queued and not self.done:
            await self.write(b"")

    async def write(self, data: bytes) -> None:
        """Sends bytes of the stream, the first ones with status 200. Waits while the client does not read."""
        if self._queued:
            data, self._queued = self._queued + data, b""
        self.writing += 1
        try:
            if not self.started:
                await self._start(200, [*_STREAM_HEADERS])
                # The gateway's own server has it.
                self._send_now = getattr(getattr(self._send, "__self__", None), "send_now", None)
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
        finally:
            self.writing -= 1

    def write_now(self, data: bytes) -> bool:
        """Sends bytes of a stream that has begun, if nobody has to wait for it; returns whether it did."""
        # Hot: each read of a stream.
        if self._send_now is None or self._queued or self.writing:
            return False
        return self._send_now(data)

    async def finish(self, data: bytes) -> None:
        """Sends the last bytes of the stream."""
        if self._queued:
            data, self._queued = self._queued + data, b""
        if not self.started:
            await self._start(200, [*_STREAM_HEADERS])
        self.done = True
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def respond(self, status: int, body: bytes, headers: Headers | None = None) -> None:
        """Sends a complete JSON answer."""
        sent = self._headers(
            status, [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *(headers or ())]
        )
        # The gateway's own server has it.
        answer_now = getattr(getattr(self._send, "__self__", None), "answer_now", None)
        if answer_now is not None and answer_now(status, sent, body):
            self.done = True
            return
        await self._send({"type": "http.response.start", "status": status, "headers": sent})
        self.done = True
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def respond_empty(self, headers: Headers) -> None:
        """Sends a complete answer without a body."""
        await self._start(204, headers)
        self.done = True
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def _start(self, status: int, headers: Headers) -> Awaitable[None]:
        return self._send({"type": "http.response.start", "status": status, "headers": self._headers(status, headers)})

    def _headers(self, status: int, headers: Headers) -> Headers:
        """Begins the answer. Returns its headers, `headers` among them."""
        self.started = True
        self.status = status
        if self.request_id:
            headers.append((b"request-id", self.request_id.encode()))
        if self.fidelity:
            headers.append((b"x-gateway-fidelity", self.fidelity.encode()))
        if self.quota is not None and self.quota_headers is not None and status == 200:
            headers += self.quota_headers(self.quota)
        headers += self.routing
        headers += self.shared
        return headers
