"""`python -m benchmarks.count.live`: the instructions of a second in which 100 browsers look at the live view.

Everything is in one process here, as with pages inline; with pages apart a worker has the first two figures alone. It
needs valgrind and gcc. Without `--inside` it starts itself under valgrind and prints what was counted.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import django
import uvloop

from access.keys import KeyRecord
from benchmarks.children import DidNotRun
from benchmarks.count import callgrind, figures
from benchmarks.count.figures import Column
from benchmarks.targets import environment

if TYPE_CHECKING:
    from streaming.exchange.exchange import Exchange

STREAMS, BROWSERS = 60, 100
CHUNKS = 3_000
"""Chunks a second of these streams together: 50 tokens a second each, as models write them."""
MOST_SHARE = 0.05
SAMPLE = "a sample of 60 streams, 50 that ended"
WRITTEN = "of a worker's row"
READ = "reading and sorting it"
SENT = "an update to 100 browsers"
OF_A_WORKER = (SAMPLE, WRITTEN)
PARTS = (*OF_A_WORKER, READ, SENT)
_WARM, _TIMES = 5, 20
_MODULE = "benchmarks.count.live"


def share(counted: Column, chunk: int, parts: Sequence[str] = PARTS) -> float:
    """Returns what the parts add to a chunk that takes `chunk` instructions, as a share of it."""
    return sum(counted[part] for part in parts) / (CHUNKS * chunk)


async def run() -> None:
    """Runs each part under valgrind."""
    from proxysite.live import hub, rows, sampling
    from proxysite.live.sight import Sight

    requests = callgrind.Requests(os.environ[callgrind.LIBRARY])
    _make_tables()
    runtime: Any = SimpleNamespace(exchanges={exchange(number) for number in range(STREAMS)}, ended=deque())
    from benchmarks.count import gateway

    runtime.ended.extend(gateway.row(number)[0] for number in range(50))
    sampler = sampling.Sampler(runtime)
    _count(requests, SAMPLE, sampler.sample)
    sample = sampler.sample()
    _count(requests, WRITTEN, lambda: rows.write("worker", sample))
    sight = Sight(everything=True)
    reader = hub.Reader()
    _count(requests, READ, lambda: reader.read([sight]))
    found = reader.read([sight])
    if found is None:
        raise DidNotRun("the rows could not be read")
    watchers = [hub.Watcher(sight, number) for number in range(BROWSERS)]
    protocols = [_protocol() for _ in watchers]

    async def tell() -> None:
        for watcher, protocol in zip(watchers, protocols, strict=True):
            watcher.offer(found[sight])
            await protocol.send({"type": "websocket.send", "text": await watcher.next()})

    for times in (_WARM, _TIMES):
        requests.begin()
        for _ in range(times):
            await tell()
    requests.dump(SENT)
    requests.end()


def _make_tables() -> None:
    from django.db import connection

    from routing.models import Signal
    from usage.live.models import LiveSample

    with connection.schema_editor() as editor:
        editor.create_model(LiveSample)
        editor.create_model(Signal)


def _count(requests: callgrind.Requests, name: str, work: Any) -> None:
    for times in (_WARM, _TIMES):
        requests.begin()
        for _ in range(times):
            work()
    requests.dump(name)


def exchange(number: int) -> Exchange:
    """Returns a stream that has sent something; in an event loop."""
    from benchmarks.count import gateway
    from streaming.exchange.answer import Answer
    from streaming.exchange.client import Client
    from streaming.exchange.exchange import Exchange
    from streaming.exchange.lifecycle import Lifecycle
    from streaming.exchange.request import Body, Request
    from streaming.ingress.claude.frames import SseSink
    from usage.journal.account import Account

    task = asyncio.current_task()
    assert task is not None
    record, attempts = gateway.row(number)
    account = Account(None, record)
    account.attempts = attempts
    key = KeyRecord(id=1, name="k", prefix="sk-px-abcd", hash="", team_id=1, team_name="t")
    lifecycle = Lifecycle(task)
    exchange = Exchange(account, Client(_nothing), key, {}, lifecycle)
    body: Any = Body({}, None)
    request = Request("req", "m", body, {}, True, "", 1, False, None)  # type: ignore[arg-type]
    exchange.answer = Answer(request, lifecycle, SseSink, message_id="msg", client=exchange.client)
    exchange.answer.note_first_content(lifecycle.began)
    return exchange


def _protocol() -> Any:
    """A WebSocket that is open, whose transport keeps nothing."""
    from uvicorn import Config
    from websockets.protocol import OPEN

    from proxysite.live.protocol import LiveProtocol

    config = Config(_nothing, ws_per_message_deflate=False, lifespan="off")
    config.load()
    state: Any = SimpleNamespace(connections=set(), tasks=set(), default_headers=[])
    protocol = LiveProtocol(config, state, {})
    transport: Any = SimpleNamespace(write=lambda data: None, is_closing=lambda: False)
    protocol.transport, protocol.handshake_complete, protocol.conn.state = transport, True, OPEN
    return protocol


async def _nothing(*given: Any) -> None:
    """Takes what an application, or a client, is given."""


def count() -> Column:
    """Returns the instructions of each part. Raises DidNotRun."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        env = callgrind.environment(environment(folder, "sqlite:///:memory:"), callgrind.build(folder))
        env = {**env, "DJANGO_ALLOW_ASYNC_UNSAFE": "true"}
        inside = subprocess.run(
            callgrind.command(folder, _MODULE, "--inside"), env=env, check=False, capture_output=True, text=True
        )
        if inside.returncode:
            raise DidNotRun(f"the live view could not be counted:\n{inside.stderr}")
        return {name: max(by_thread.values()) // _TIMES for name, by_thread in callgrind.dumped(folder).items()}


def main() -> int:
    """Prints the instructions of one second."""
    if "--inside" in sys.argv:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proxysite.settings")
        django.setup()
        uvloop.run(run())
        return 0
    counted = count()
    for name, instructions in counted.items():
        print(f"{name:45}{instructions:>12,}")
    chunk = figures.chunk_alone(figures.read())
    print(f"of a chunk that arrives alone ({chunk:,}), at {CHUNKS:,} a second: {share(counted, chunk):.1%}")
    print(f"with pages apart: {share(counted, chunk, OF_A_WORKER):.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
