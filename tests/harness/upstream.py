"""A scripted upstream: a raw HTTP/1.1 server in a thread that answers what a test wrote down and records what it saw.

A request finds its script by the mark in it, a word that the test puts into the prompt (`script.prompt`) or URL, so one
provider row serves many tests. It speaks no dialect; tests/wire_bytes.py makes the bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

from tests.harness.patience import PATIENCE
from tests.harness.script import HANG, Endless, Gate, Reply, Script, Seen, Step, Wait

_MARK = re.compile(rb"script-[0-9a-f]{12}")


class _PeerGone(Exception):
    pass


class _Reader(asyncio.StreamReader):
    """A reader that tells at once when the other side is gone, without taking bytes of its next request."""

    def __init__(self) -> None:
        super().__init__(limit=64 * 1024 * 1024)
        self.gone = asyncio.Event()

    def feed_eof(self) -> None:
        super().feed_eof()
        self.gone.set()

    def set_exception(self, exc: Any) -> None:
        super().set_exception(exc)
        self.gone.set()


class Upstream:
    """The server. `base_url` has no path; providers add prefixes of their own."""

    def __init__(self) -> None:
        self.base_url = ""
        self.strays: list[Seen] = []
        self._scripts: dict[str, Script] = {}
        self._loop = asyncio.new_event_loop()
        self._numbers = itertools.count(1)
        self._thread = threading.Thread(target=self._loop.run_forever, name="upstream", daemon=True)

    def start(self) -> None:
        """Listen on a free port."""
        self._thread.start()
        server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(PATIENCE)
        self._server = server
        self.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        """End the server and everything it was saying."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def script(self, *replies: Reply, **by_prefix: list[Reply]) -> Script:
        """A script for every path, or one per first path segment: `script(first=[...], second=[...])`."""
        made = Script({f"/{prefix}/": answers for prefix, answers in by_prefix.items()} or {"": list(replies)})
        self.play(made)
        return made

    def play(self, script: Script) -> None:
        """Answer by a script that a test made itself."""
        self._scripts[script.mark] = script

    async def _listen(self) -> asyncio.Server:
        return await self._loop.create_server(
            lambda: asyncio.StreamReaderProtocol(_Reader(), self._serve), "127.0.0.1", 0, backlog=1024
        )

    async def _end(self) -> None:
        self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert isinstance(reader, _Reader)
        number = next(self._numbers)
        with contextlib.suppress(_PeerGone, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            async for seen in _requests(reader, number, writer.get_extra_info("peername")[1]):
                mark = _MARK.findall(seen.raw) or _MARK.findall(seen.path.encode())
                script = self._scripts.get(mark[-1].decode()) if mark else None
                reply = script.next_reply(seen) if script else None
                if reply is None:
                    self.strays.append(seen)
                    reply = Reply([b'{"error":{"message":"no script for this request"}}'], status=500)
                await _answer(reply, seen, reader, writer)
        writer.transport.abort()


async def _requests(reader: asyncio.StreamReader, number: int, port: int) -> AsyncIterator[Seen]:
    while True:
        first = await reader.readexactly(1)
        if not first.isalpha():
            # Not HTTP but, say, the beginning of TLS: servers say 400 in plain text and hang up.
            raise _PeerGone
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in lines)}
        raw = b""
        if "content-length" in headers:
            raw = await reader.readexactly(int(headers["content-length"]))
        elif headers.get("transfer-encoding") == "chunked":
            while size := int(await reader.readline(), 16):
                raw += await reader.readexactly(size)
                await reader.readline()
            await reader.readline()
        yield Seen(line.split(" ")[1], headers, raw, time.monotonic(), number, port)


async def _answer(reply: Reply, seen: Seen, reader: _Reader, writer: asyncio.StreamWriter) -> None:
    """Run a reply while watching whether the other side goes."""
    speaking = asyncio.ensure_future(_speak(reply, seen, writer))
    watching = asyncio.ensure_future(reader.gone.wait())
    try:
        await asyncio.wait({speaking, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not speaking.done():
            seen.closed = time.monotonic()
            raise _PeerGone
        await speaking
    except ConnectionError:
        seen.closed = seen.closed or time.monotonic()
        raise
    finally:
        for task in (speaking, watching):
            task.cancel()
        await asyncio.gather(speaking, watching, return_exceptions=True)
    seen.finished = True


async def _speak(reply: Reply, seen: Seen, writer: asyncio.StreamWriter) -> None:
    await _run(reply.before, seen, writer, lambda data: data)
    if reply.raw is not None:
        writer.write(reply.raw)
        await writer.drain()
        raise _PeerGone
    chunked = "content-length" not in reply.headers
    headers = {**({"transfer-encoding": "chunked"} if chunked else {}), **reply.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"HTTP/1.1 {reply.status} Scripted\r\n{lines}\r\n".encode("latin-1"))
    await _run(reply.steps, seen, writer, _chunk if chunked else lambda data: data)
    if chunked:
        writer.write(b"0\r\n\r\n")
    await writer.drain()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def _run(
    steps: Iterable[Step], seen: Seen, writer: asyncio.StreamWriter, frame: Callable[[bytes], bytes]
) -> None:
    for step in steps:
        if isinstance(step, bytes):
            writer.write(frame(step))
            await writer.drain()
            seen.sent += len(step)
        elif isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
        elif isinstance(step, Gate):
            while not step.event.is_set():
                await asyncio.sleep(0.002)
        elif isinstance(step, Endless):
            await _run(itertools.repeat(step.data, step.times), seen, writer, frame)
        elif step == HANG:
            await asyncio.Event().wait()
        else:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            raise _PeerGone


@contextlib.contextmanager
def running_upstream() -> Iterator[Upstream]:
    """A started upstream that is stopped at the end."""
    upstream = Upstream()
    upstream.start()
    try:
        yield upstream
    finally:
        upstream.stop()
