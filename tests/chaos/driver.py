"""The load: many clients at once over plain sockets, and for each what it sent, what it saw and how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field

import msgspec

from tests.chaos.plan import Plan
from tests.harness.patience import PATIENCE


@dataclass
class Call:
    """One request as its client knows it. Times are time.monotonic()."""

    plan: Plan
    port: int
    client: str = "chaos/1.0"
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None
    connected: bool = False
    request_id: str = ""
    status: int | None = None
    speaking: bool = False
    """Content has come."""
    finished: bool = False
    """The whole answer has come: message_stop, or a whole JSON document with status 200."""
    text: bytes = b""
    """The last of what came."""


class Driver:
    """Clients with one key, all in the event loop of a thread of their own."""

    def __init__(self, key: str) -> None:
        self.calls: list[Call] = []
        self.port = 0
        self._key = key
        self._running: list[Future[None]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="driver", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Break off what still runs."""
        asyncio.run_coroutine_threadsafe(self._cancel(), self._loop).result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def send(self, plans: Iterable[Plan], client: str = "chaos/1.0") -> list[Call]:
        """Start a request for each plan, all at once; `client` is the user agent."""
        calls = [Call(plan, self.port, client) for plan in plans]
        self.calls += calls
        for call in calls:
            # Kept, because a loop holds what runs in it weakly.
            self._running.append(asyncio.run_coroutine_threadsafe(self._call(call), self._loop))
        return calls

    def run(self, plans: Iterable[Plan], at_once: int) -> None:
        """Work through plans with so many clients; returns when all have ended."""
        self._work(plans, at_once).result(600)

    @contextlib.contextmanager
    def load(self, plans: Iterable[Plan], at_once: int) -> Iterator[None]:
        """Work through endless plans while the block runs; its end waits for the requests that were begun."""
        stop = threading.Event()
        working = self._work(itertools.takewhile(lambda _: not stop.is_set(), plans), at_once)
        try:
            yield
        finally:
            stop.set()
            working.result(2 * PATIENCE)

    def wait(self, calls: Iterable[Call], *, until: str = "ended", timeout: float = PATIENCE) -> None:
        """Until each of `calls` has ended, or is `speaking`."""
        deadline = time.monotonic() + timeout
        for call in calls:
            while call.ended is None and not (until == "speaking" and call.speaking):
                assert time.monotonic() < deadline, f"{call} after {timeout} s"
                time.sleep(0.005)

    def _work(self, plans: Iterable[Plan], at_once: int) -> Future[None]:
        queue = iter(plans)

        async def one() -> None:
            for plan in queue:
                call = Call(plan, self.port)
                self.calls.append(call)
                await self._call(call)
                if not call.connected:
                    # Nobody is there: a client that tries again does not spin.
                    await asyncio.sleep(0.02)

        async def several() -> None:
            await asyncio.gather(*(one() for _ in range(at_once)))

        return asyncio.run_coroutine_threadsafe(several(), self._loop)

    async def _cancel(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _call(self, call: Call) -> None:
        writer: asyncio.StreamWriter | None = None
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", call.port, limit=2**20)
            call.connected = True
            patience = call.plan.patience if call.plan.leaves == "unanswered" else None
            async with asyncio.timeout(patience):
                await self._converse(call, reader, writer)
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            # The server is gone, or the client lost its patience; `finished` says that no whole answer came.
            return
        finally:
            call.ended = time.monotonic()
            if writer is not None:
                writer.transport.abort()

    async def _converse(self, call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = msgspec.json.encode(call.plan.body())
        head = [
            "POST /v1/messages HTTP/1.1",
            "host: gateway",
            "connection: close",
            "content-type: application/json",
            "anthropic-version: 2023-06-01",
            f"x-api-key: {self._key}",
            f"user-agent: {call.client}",
            f"x-claude-code-session-id: {call.plan.session}",
            f"content-length: {len(body)}",
        ]
        writer.write("\r\n".join([*head, "", ""]).encode() + body)
        await writer.drain()
        line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
        headers = dict(text.lower().split(": ", 1) for text in lines)
        call.status, call.request_id = int(line.split(" ")[1]), headers.get("request-id", "")
        whole = "content-length" in headers
        while data := await (reader.readexactly(int(headers["content-length"])) if whole else reader.read(65536)):
            call.text = (call.text + data)[-1000:]
            call.speaking = call.speaking or b"content_block_delta" in call.text or whole
            if whole:
                call.finished = call.status == 200
                return
            call.finished = call.finished or b"event: message_stop" in call.text
            if call.plan.leaves == "answered" and call.speaking:
                return
