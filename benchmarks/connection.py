"""One client connection of the load generator: sends the same request again and again and judges every answer."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import cast

import msgspec

_STAMPS = re.compile(rb"@(\d{16})~(\d{8})")


class BrokenAnswer(Exception):
    """The server does not speak HTTP/1.1 as we know it."""


class Verdict(msgspec.Struct):
    """One answer. `error` is None when it was good; times are microseconds.

    `waited` is how long the mock itself waited before the first chunk, `lags` run from making a chunk to its arrival.
    """

    error: str | None
    detail: str
    began: int
    ended: int
    first_chunk: int
    waited: int
    chunks: int
    lags: list[int]


class Body:
    """An HTTP/1.1 response: `feed` bytes as they come, take decoded `payload`."""

    def __init__(self) -> None:
        self.status = 0
        self.done = False
        self.closes = False
        self._held = b""
        self._chunked = False
        self._left = 0

    def feed(self, data: bytes) -> bytes:
        """The payload in `data`; `done` is set at the end of the body."""
        if not self.status:
            data = self._held + data
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._held = data
                return b""
            self._head(data[:end].lower())
            data, self._held = data[end + 4 :], b""
        if self._chunked:
            return self._dechunked(data)
        self._left -= len(data)
        self.done = self._left <= 0
        return data

    def _head(self, head: bytes) -> None:
        if not head.startswith(b"http/1.1 "):
            raise BrokenAnswer(repr(head[:60]))
        self.status = int(head[9:12])
        self._chunked = b"\r\ntransfer-encoding: chunked" in head
        self.closes = b"\r\nconnection: close" in head
        at = head.find(b"\r\ncontent-length:")
        if at < 0 and not self._chunked:
            raise BrokenAnswer("a body without a length")
        if not self._chunked:
            self._left = int(head[at + 17 :].split(b"\r\n", 1)[0])

    def _dechunked(self, data: bytes) -> bytes:
        """Whole HTTP chunks only: what is cut off waits for the next bytes."""
        if self._held:
            data, self._held = self._held + data, b""
        parts: list[bytes] = []
        at = 0
        while True:
            end = data.find(b"\r\n", at)
            if end < 0:
                break
            size = int(data[at:end].partition(b";")[0], 16)
            after = end + 4 + size
            if len(data) < after:
                break
            if not size:
                self.done = True
                return b"".join(parts)
            parts.append(data[end + 2 : after - 2])
            at = after
        self._held = data[at:]
        return b"".join(parts)


class Client(asyncio.Protocol):
    """Sends `request` while `more()` says so, and reports each answer to `judged`.

    A stream is good when it has status 200, ends with message_stop, holds `expect` of the mock's chunks however they
    were cut or merged on the way, and no error event. A whole answer must hold them in one JSON object.
    """

    def __init__(
        self,
        request: bytes,
        *,
        stream: bool,
        expect: int,
        more: Callable[[], bool],
        judged: Callable[[Verdict], None],
    ) -> None:
        self._request = request
        self._stream = stream
        self._expect = expect
        self._more = more
        self._judged = judged
        self.closed = asyncio.Event()
        self.busy = False
        self.began = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        self._body = Body()
        self._tail = b""
        self._whole: list[bytes] = []
        self._lags: list[int] = []
        self._chunks = self._first_chunk = self._waited = 0
        self._stopped = False
        self._bad = ""
        self.busy = True
        self.began = microseconds()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self.busy:
            self.give_up("unasked", data[:200])
            return
        try:
            payload = self._body.feed(data)
        except (BrokenAnswer, ValueError) as error:
            self.give_up("not_http", str(error).encode())
            return
        if payload:
            if self._stream and self._body.status == 200:
                self._take(payload)
            else:
                self._whole.append(payload)
        if self._body.done:
            self._end(*self._judge())

    def _take(self, payload: bytes) -> None:
        """Look through the whole events of a stream."""
        payload = self._tail + payload
        cut = payload.rfind(b"\n\n") + 2
        self._tail = payload[cut:] if cut >= 2 else payload
        if cut < 2:
            return
        events = payload[:cut]
        self._stamps(events)
        stop = events.find(b"event: message_stop\n")
        if self._stopped or 0 <= stop < events.rfind(b"\n\n", 0, -2):
            self._bad = "after_stop"
        self._stopped = self._stopped or stop >= 0
        if b"event: error\n" in events:
            self._bad = "error_event"
        if self._bad:
            self._whole.append(events[-300:])

    def _stamps(self, text: bytes) -> None:
        found = _STAMPS.findall(text)
        if not found:
            return
        now = microseconds()
        if not self._first_chunk:
            self._first_chunk, self._waited = now, int(found[0][1])
        self._chunks += len(found)
        # Chunks of one burst carry nearly one stamp: the first of each read says enough.
        self._lags.append(now - int(found[0][0]))

    def _judge(self) -> tuple[str | None, bytes]:
        whole = b"".join(self._whole)
        if self._body.status != 200:
            return f"status_{self._body.status}", whole
        if not self._stream:
            self._stamps(whole)
            self._stopped = b'"stop_reason":"end_turn"' in whole.replace(b'": "', b'":"') and whole.endswith(b"}")
        if self._bad:
            return self._bad, whole
        if not self._stopped:
            return "cut_short", self._tail or whole[-200:]
        return (None, b"") if self._chunks == self._expect else ("wrong_count", b"%d chunks" % self._chunks)

    def _end(self, error: str | None, detail: bytes) -> None:
        self.busy = False
        self._judged(
            Verdict(
                error,
                detail[:300].decode(errors="replace"),
                self.began,
                microseconds(),
                self._first_chunk,
                self._waited,
                self._chunks,
                self._lags,
            )
        )
        if error is not None or self._body.closes:
            self._transport.close()
        elif self._more():
            self._send()
        else:
            self._transport.close()

    def give_up(self, error: str, detail: bytes = b"") -> None:
        """Count what is under way as an error and hang up."""
        if self.busy:
            self._end(error, detail)
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.busy:
            self._end("cut_short" if self._body.status else "no_answer", repr(exc).encode())
        self.closed.set()


def microseconds() -> int:
    """The clock of all stamps; the same one in every process of the machine."""
    return time.monotonic_ns() // 1000
