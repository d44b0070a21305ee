"""The application in process, as a program that callgrind runs: usage rows, then each workload, no socket anywhere.

Only the loop's own thread works while it counts; its figures are printed by `benchmarks.count`, which reads the dumps.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from pathlib import Path
from typing import Any

import django
import msgspec
from django.conf import settings

from benchmarks.count import callgrind
from benchmarks.count.stillness import HeldThreads, HeldWaits, StillLoop
from benchmarks.count.workloads import APP, BUDGET, Workload
from benchmarks.site import ROUTES

_BATCHES = {"usage row in a batch of 50": (50, 4), "usage row alone": (1, 20)}
"""How many rows are written at once, and how many times."""
ROWS = {what: size * times for what, (size, times) in _BATCHES.items()}
"""How many usage rows are written in each of these windows."""
_WARM_BATCHES = 10
_LONGEST = 3_600
"""Seconds after which the program is ended: with a stopped clock, whoever waits for a timer waits for ever."""


class Asked(msgspec.Struct):
    """What the application sent back for one request."""

    status: int = 0
    body: bytes = b""
    whole: bool = False

    async def send(self, message: dict[str, Any]) -> None:
        """The server's side of ASGI's `send`."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.body += message["body"]
            self.whole = not message.get("more_body", False)

    def send_now(self, body: bytes) -> bool:
        """As the gateway's own server takes parts of a stream."""
        self.body += body
        return True


def main(key: str) -> None:
    """Count everything, and say so at the end."""
    signal.alarm(_LONGEST)
    requests = callgrind.Requests(os.environ[callgrind.LIBRARY])
    _rows(requests)
    with_budget = _budget_key()
    loop = StillLoop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(_serve(loop, requests, key, with_budget))
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    print("counted", flush=True)


def _rows(requests: callgrind.Requests) -> None:
    from benchmarks.count import gateway

    numbers = iter(range(1_000_000))
    journal = gateway.Journal(Path(settings.JOURNAL_DIR))
    journal.start()
    writer = gateway.Writer(journal.written)

    def batch(size: int) -> list[gateway.Account]:
        return gateway.closed([gateway.row(next(numbers)) for _ in range(size)], journal)

    for what, (size, times) in _BATCHES.items():
        for _ in range(_WARM_BATCHES):
            gateway.write(writer, batch(size))
        batches = [batch(size) for _ in range(times)]
        gc.collect()
        gc.freeze()  # as the application does when it has started
        requests.begin()
        for accounts in batches:
            gateway.write(writer, accounts)
        requests.dump(what)
        requests.end()
    journal.stop()


def _budget_key() -> str:
    from benchmarks.count import gateway

    return gateway.budget_key()


async def _serve(loop: StillLoop, requests: callgrind.Requests, key: str, with_budget: str) -> None:
    """Start the application as a server does, count each workload, stop it."""
    from benchmarks.count import gateway

    threads, waits = HeldThreads(gateway.THREADS_AT_START), HeldWaits()
    inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    outbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    lifespan = loop.create_task(gateway.application({"type": "lifespan", "asgi": {}}, inbox.get, outbox.put))
    inbox.put_nowait({"type": "lifespan.startup"})
    if (await outbox.get())["type"] != "lifespan.startup.complete":
        raise RuntimeError("the application did not start")
    waits.hold()
    try:
        for workload in APP:
            await _count(loop, requests, workload, key)
        for workload in BUDGET:
            await _count(loop, requests, workload, with_budget)
    finally:
        loop.start_clock()
        waits.release()
        threads.release()
        inbox.put_nowait({"type": "lifespan.shutdown"})
        await lifespan


async def _count(loop: StillLoop, requests: callgrind.Requests, workload: Workload, key: str) -> None:
    from benchmarks.count import gateway

    gateway.answer_with(workload)
    body, scope = workload.body(ROUTES["openai_chat"]), _scope(key)
    loop.stop_clock()
    for _ in range(workload.warm):
        _check(await _ask(loop, gateway.application, scope, body), workload)
    gc.collect()
    requests.begin()
    asked = [await _ask(loop, gateway.application, scope, body) for _ in range(workload.counted)]
    requests.dump(workload.key)
    requests.end()
    for each in asked:
        _check(each, workload)


def _scope(key: str) -> dict[str, Any]:
    """What uvicorn makes of a request's head (https://asgi.readthedocs.io/en/latest/specs/www.html)."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/messages",
        "raw_path": b"/v1/messages",
        "query_string": b"",
        "root_path": "",
        "server": ("127.0.0.1", 3456),
        "client": ("127.0.0.1", 50_000),
        "headers": [
            (b"host", b"127.0.0.1:3456"),
            (b"user-agent", b"benchmarks/1.0"),
            (b"content-type", b"application/json"),
            (b"x-api-key", key.encode()),
        ],
        "state": {},
    }


async def _ask(loop: StillLoop, application: Any, scope: dict[str, Any], body: bytes) -> Asked:
    """One request in a task of its own, as servers run it; its client reads everything and stays."""
    asked, bodies = Asked(), [body]

    async def receive() -> dict[str, Any]:
        if bodies:
            return {"type": "http.request", "body": bodies.pop(), "more_body": False}
        await loop.create_future()
        raise AssertionError("unreachable: nobody completes it")

    await loop.create_task(application({**scope}, receive, asked.send))
    return asked


def _check(asked: Asked, workload: Workload) -> None:
    """Raises RuntimeError for an answer that is not the workload's: its instructions would count something else."""
    texts = asked.body.count(b'"text_delta"') if workload.stream else asked.body.count(b'"type":"text"')
    merged = len(workload.reads) < workload.chunks
    if asked.status != 200 or not asked.whole or not (texts == workload.chunks or (merged and texts)):
        raise RuntimeError(f"{workload.key} was answered with {asked.status}: {asked.body[:1000]!r}")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proxysite.settings")
    django.setup()
    main(sys.argv[1])
