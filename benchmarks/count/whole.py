"""The whole server under callgrind, asked over loopback one request at a time, its threads counted apart.

A window begins and ends while nothing is under way: every request in it is complete, and its usage row is written. What
comes by the clock, however many requests there are (the loop's ticks, the pollers' looks), is held until the end.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import msgspec

from benchmarks.children import Child, DidNotRun
from benchmarks.count import callgrind
from benchmarks.count.figures import LOOP, Column
from benchmarks.count.mock import Client, Mock, Wrong
from benchmarks.count.served import ANSWER, Threads
from benchmarks.count.setup import Site
from benchmarks.count.workloads import WHOLE, Workload
from benchmarks.site import LOCAL, ROUTES
from benchmarks.targets import free_port, get
from tests.transport.servers import Certificates

_THREADS = {"MainThread": LOOP, "usage-writer": "usage writer, a row alone"}
_WARM, _COUNTED = 16, 16
_LAST_TICK = 2.0
"""Seconds until everybody is held: who sleeps already wakes once more."""
_SETTLE = 0.3
"""Seconds after a row is in the database for its writer to finish."""
_PATIENCE = 600.0


class Server:
    """The gateway under callgrind, its data in `folder`."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._folder = folder
        self.port = free_port()
        command = callgrind.command(folder, "benchmarks.count.served", str(self.port))
        self._child = Child(command, log=folder / "served.log", env=env)

    def wait(self) -> None:
        """Until it is ready."""
        deadline = time.monotonic() + _PATIENCE
        while get(self.port, "/readyz")[0] != 200:
            if self._child.ended is not None or time.monotonic() > deadline:
                raise DidNotRun(f"the gateway did not start under valgrind:\n{self._child.log_tail()}")
            time.sleep(0.5)

    def order(self, line: str) -> Threads:
        """See served.Obedience."""
        self._child.ask(line.encode())
        while not (answer := self._child.answer()).startswith(ANSWER):
            pass
        return msgspec.json.decode(answer.removeprefix(ANSWER), type=Threads)

    def dump(self, name: str) -> Column:
        """What was executed since `begin`, by the name of a thread; take another `name` each time."""
        threads = self.order(f"dump {name}")
        numbers, counts = callgrind.native_threads(self._folder), callgrind.dumped(self._folder)[name]
        return {thread: counts.get(numbers[native], 0) for native, thread in threads.items()}

    def stop(self) -> None:
        """End it."""
        self._child.stop(_PATIENCE)


def count(folder: Path, library: Path, *, tls: bool = False) -> dict[str, Column]:
    """For each workload, the instructions per request of the loop's thread and of the usage writer's.

    With `tls` the upstream is asked over TLS, by an authority that the gateway trusts by SSL_CERT_FILE.
    """
    folder.mkdir(exist_ok=True)
    return asyncio.run(_count(folder, library, Certificates(folder) if tls else None))


async def _count(folder: Path, library: Path, authority: Certificates | None) -> dict[str, Column]:
    mock = Mock(None if authority is None else authority.server("localhost"))
    await mock.start()
    site = Site(folder, mock.port, LOCAL if authority is None else "https://localhost")
    trusted = {} if authority is None else {"SSL_CERT_FILE": str(authority.trusted)}
    server = Server(folder, callgrind.environment({**site.env, **trusted}, library))
    try:
        await asyncio.to_thread(server.wait)
        client = Client(server.port, site.key, mock)
        await client.connect()
        for workload in WHOLE:
            await _ask(client, mock, workload, _WARM, site.database)
        server.order("hold")
        await asyncio.sleep(_LAST_TICK)
        figures = {}
        for workload in WHOLE:
            server.order("begin")
            await _ask(client, mock, workload, _COUNTED, site.database)
            threads = server.dump(workload.key)
            figures[workload.key] = {what: round(threads[name] / _COUNTED) for name, what in _THREADS.items()}
        server.order("release")
        client.close()
        return figures
    finally:
        server.stop()
        await mock.stop()


async def _ask(client: Client, mock: Mock, workload: Workload, times: int, database: Path) -> None:
    """One request after the other, each with its row in the database before the next: no thread waits for another."""
    mock.workload = workload
    body = workload.body(ROUTES["openai_chat"])
    for _ in range(times):
        rows = _rows(database)
        await client.ask(body, workload)
        deadline = time.monotonic() + _PATIENCE
        while _rows(database) == rows:
            if time.monotonic() > deadline:
                raise Wrong("a usage row did not come")
            await asyncio.sleep(0.02)
    await asyncio.sleep(_SETTLE)


def _rows(database: Path) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM usage_requestlog").fetchone()[0])
