"""The mock upstream, a process of its own: chat completions and Claude messages, streamed or whole, as the prompt says.

Prints its port; ends when its standard input does. GET /stats tells what it has seen.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from typing import Any, cast

import msgspec
import uvloop

from benchmarks import answers

_LARGE_WRITE = 65_536


class Stats(msgspec.Struct):
    """Since the start; `active` are the answers under way now."""

    requests: int = 0
    completed: int = 0
    aborted: int = 0
    active: int = 0
    connections: int = 0
    cpu_s: float = 0.0


class Upstream(asyncio.Protocol):
    """One connection. It reads a request, answers, and only then reads the next."""

    def __init__(self, stats: Stats) -> None:
        self._stats = stats
        self._loop = asyncio.get_running_loop()
        self._held = bytearray()
        self._wanted = 0
        self._full = False
        self._answering = False
        self._sent = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._fd = transport.get_extra_info("socket").fileno()
        self._stats.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._answering:
            self._answering = False
            self._stats.active -= 1
            self._stats.aborted += 1

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        if self._answering and self._timer is None:
            self._stream()

    def data_received(self, data: bytes) -> None:
        self._held += data
        if not self._answering and len(self._held) >= self._wanted:
            self._read()

    def _read(self) -> None:
        """Take one request, if it is whole."""
        end = self._held.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        head = bytes(self._held[:end]).lower()
        at = head.find(b"\r\ncontent-length:")
        length = int(head[at + 17 : head.index(b"\r\n", at + 17)]) if at >= 0 else 0
        self._wanted = end + length
        if len(self._held) < self._wanted:
            return
        self._answer(head.split(b" ", 2)[1], self._held[end : self._wanted])
        del self._held[: self._wanted]
        self._wanted = 0

    def _answer(self, target: bytes, body: bytearray) -> None:
        path = target.partition(b"?")[0]
        if path == b"/stats":
            self._stats.cpu_s = time.process_time()
            self._send(answers.json_response(200, msgspec.json.encode(self._stats)))
        elif path.endswith((b"/chat/completions", b"/messages")):
            self._stats.requests += 1
            self._stats.active += 1
            self._answering = True
            self._came = _microseconds()
            self._format = answers.OPENAI if path.endswith(b"/completions") else answers.CLAUDE
            self._shape = answers.shape_of(body)
            at = body.find(b'"stream"')
            self._streams = at >= 0 and body[at + 8 : at + 20].lstrip(b": ").startswith(b"true")
            self._sent = 0
            self._after(self._shape.first, self._begin)
        else:
            self._send(answers.json_response(404, b"{}"))

    def _begin(self) -> None:
        self._timer = None
        shape, self._waited = self._shape, _microseconds() - self._came
        if not self._streams:
            stamps = answers.stamps(_microseconds(), self._waited).decode()
            text = " ".join(stamps.ljust(shape.size, ".") for _ in range(shape.chunks))
            self._send(answers.json_response(200, self._format.whole(text, shape.chunks)))
            self._finished()
            return
        self._before, self._behind = self._format.chunk(shape.size)
        self._many = shape.together or max(1, _LARGE_WRITE // (len(self._before) + shape.size + len(self._behind)))
        self._due = self._loop.time()
        self._send(self._format.head)
        self._stream()

    def _stream(self) -> None:
        """Send what is due, until the socket is full or a pause is wanted."""
        self._timer = None
        shape = self._shape
        while self._sent < shape.chunks:
            if self._full:
                return
            count = min(self._many, shape.chunks - self._sent)
            self._send((self._before + answers.stamps(_microseconds(), self._waited) + self._behind) * count)
            self._sent += count
            if shape.gap and self._sent < shape.chunks:
                self._due += shape.gap / 1000
                self._timer = self._loop.call_at(self._due, self._stream)
                return
        self._send(self._format.tail(shape.chunks))
        self._finished()

    def _after(self, milliseconds: int, step: Any) -> None:
        if milliseconds:
            self._timer = self._loop.call_later(milliseconds / 1000, step)
        else:
            step()

    def _finished(self) -> None:
        self._answering = False
        self._stats.active -= 1
        self._stats.completed += 1
        if self._held:
            self._loop.call_soon(self._read)

    def _send(self, data: bytes) -> None:
        """One system call now, as a server that flushes each event does; uvloop would gather the calls of one turn."""
        if self._transport.is_closing():
            return
        written = 0
        if not self._transport.get_write_buffer_size():
            try:
                written = os.write(self._fd, data)
            except BlockingIOError:
                written = 0
            except ConnectionError:
                self._transport.abort()
                return
        if written < len(data):
            self._transport.write(data[written:])


def _microseconds() -> int:
    return time.monotonic_ns() // 1000


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    stats = Stats()
    server = await loop.create_server(lambda: Upstream(stats), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    # Nothing is ever written to it: it becomes readable when the parent closes it or dies.
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()


if __name__ == "__main__":
    gc.disable()
    uvloop.run(_serve())
