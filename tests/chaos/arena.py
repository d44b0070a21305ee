"""One scenario's own world: a database, a witness, the configuration, a journal's folder, servers and their clients."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import msgspec

from providers.models import Model
from providers.pricing.prices import Price
from tests.chaos import parity, tally
from tests.chaos.databases import Database
from tests.chaos.driver import Driver
from tests.chaos.parity import PriceList, Rows
from tests.chaos.plan import Act, Plan
from tests.chaos.witness import Sighting
from tests.harness import database as harness
from tests.harness.configure import make_key, make_provider, make_route, unique
from tests.harness.gateway import ROOT, Gateway
from tests.harness.patience import PATIENCE, until

ENDLESS = Act(words=1_000_000, pause=0.2)
_PLACES = {"chat": "openai_chat", "claude": "anthropic", "first": "openai_chat", "second": "anthropic"}
_ROUTES = {"chat": ["chat"], "claude": ["claude"], "chain": ["first", "second"], "back": ["second", "first"]}


class Server(Gateway):
    """A server that may be killed and started again, on the same port."""

    def kill(self) -> float:
        """SIGKILL, as a crash; when that was (time.monotonic())."""
        self.signal(signal.SIGKILL)
        now = time.monotonic()
        self.wait_exit()
        return now

    def limit_files(self, size: int) -> None:
        """No file of the server may be larger: what a full disk is to it alone."""
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def restart(self) -> None:
        """Stop it as a service manager does, and start it on the same port."""
        assert self.stop() == 0
        self.launch()
        self.wait_ready()

    def workers(self) -> list[int]:
        """The process ids of its workers."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(child) for child in children]


class Arena:
    """`serve`, send with `driver`, do harm, then `prove`."""

    def __init__(self, folder: Path, database: Database, driver: Driver, witness_port: int, rng: random.Random) -> None:
        self.folder = folder
        self.database = database
        self.driver = driver
        self.rng = rng
        self.routes: dict[str, str] = {}
        self.prices: dict[str, PriceList] = {}
        self.killed: list[float] = []
        self.torn: set[str] = set()
        self._witness_url = f"http://127.0.0.1:{witness_port}"
        self._numbers = itertools.count(1)
        self.servers: list[Server] = []

    def configure(self) -> None:
        """Providers, models with odd prices, and routes; inside `orm_on` this arena's database."""
        models: dict[str, Model] = {}
        for number, (place, dialect) in enumerate(_PLACES.items(), 1):
            base = f"{self._witness_url}/{place}" + ("/v1" if dialect == "openai_chat" else "")
            model = Model.objects.create(provider=make_provider(dialect, base), name=unique("model"))
            prices = self.prices[place] = PriceList(
                Decimal(f"{number}.123457"), Decimal(f"7{number}.000001"), Decimal("0.000001"), Decimal(f"3.75{number}")
            )
            Price.objects.create(
                model=model,
                input=prices.input,
                output=prices.output,
                cache_read=prices.cache_read,
                cache_write_5m=prices.cache_write,
            )
            models[place] = model
        for name, places in _ROUTES.items():
            self.routes[name] = make_route([models[place] for place in places], name=unique(name)).name

    @property
    def journal(self) -> Path:
        """Where the servers keep their journals."""
        return self.folder / "journal"

    def serve(
        self,
        *,
        workers: int = 1,
        program: Sequence[str] = (sys.executable, "manage.py"),
        listener: socket.socket | None = None,
        **env: str,
    ) -> Server:
        """Start a server; the driver's requests go there from now on."""
        server = self._server(env, workers=workers, program=program, listener=listener)
        server.start()
        self.driver.port = server.port
        return server

    def serve_two(self, **env: str) -> tuple[Server, Server]:
        """Start two servers at the same time."""
        first, second = self._server(env), self._server(env)
        for server in (first, second):
            server.launch()
        for server in (first, second):
            server.wait_ready()
        return first, second

    def _server(self, env: Mapping[str, str], **fields: Any) -> Server:
        settings = {
            "DATABASE_URL": self.database.url,
            "DATA_DIR": str(self.folder),
            "ADOPT_SECONDS": "1",
            "USAGE_LINGER": "1",
            "LOG_LEVEL": "INFO",
            **env,
        }
        server = Server(f"{self.folder.name}", env=settings, **fields)
        self.servers.append(server)
        return server

    def plan(self, route: str = "", act: Act | None = None, **fields: Any) -> Plan:
        """A plan for one of the routes; by turns, if none is given, the two dialects. Every place acts the same."""
        number = next(self._numbers)
        route = route or ("chat", "claude")[number % 2]
        acts = dict.fromkeys(_ROUTES[route], act or Act())
        return Plan(session=f"session-{number}", route=self.routes[route], **{"acts": acts, **fields})

    @staticmethod
    def places(route: str) -> list[str]:
        """The places of a route's candidates, in order."""
        return _ROUTES[route]

    def short_plans(self) -> Iterator[Plan]:
        """Endless requests of a load: short answers, some slower, some not streamed."""
        while True:
            act = Act(
                words=self.rng.randint(1, 5), pause=self.rng.choice([0, 0, 0.01, 0.1]), output=self.rng.randint(1, 9999)
            )
            yield self.plan(act=act, stream=self.rng.random() < 0.8)

    def ledger(self) -> list[Sighting]:
        """What the witness saw until now."""
        answer = httpx.get(f"{self._witness_url}/ledger", timeout=PATIENCE, trust_env=False, verify=False)
        return msgspec.json.decode(answer.content, type=list[Sighting])

    def wait_seen(self, count: int) -> None:
        """Until the witness has seen so many attempts."""
        until(lambda: len(self.ledger()) >= count, lambda: f"{count} attempts, not {len(self.ledger())}")

    def wait_journaled(self, plans: Iterable[Plan]) -> None:
        """Until the journals have a line of the beginning and one of the end of each of these requests."""
        marks = [f'"{plan.session}"'.encode() for plan in plans]

        def are_there() -> bool:
            lines = [line for path in self.segments() for line in path.read_bytes().splitlines()]
            return all(sum(mark in line for line in lines) >= 2 for mark in marks)

        until(are_there, "the ends of requests in the journals")

    def prove(self, *, timeout: float = PATIENCE, refused: bool = False) -> Rows:
        """Parity, at the latest after `timeout` seconds; the rows."""
        calls = self.driver.calls

        def check() -> Rows:
            return parity.check(self.ledger(), calls, killed=self.killed, torn=self.torn, refused=refused)

        rows = parity.settle(check, timeout)
        tally.add(requests=len(rows.requests), attempts=len(rows.attempts))
        return rows

    @staticmethod
    def rows() -> Rows:
        """All rows as they are now."""
        return Rows.read()

    def segments(self) -> list[Path]:
        """The journals' files."""
        return sorted(self.journal.rglob("*.journal"))

    def end(self) -> None:
        """Stop every server that still runs; one that complains with a traceback fails the test."""
        with contextlib.ExitStack() as stack:
            for server in self.servers:
                stack.callback(server.stop)


@contextlib.contextmanager
def running_witness() -> Iterator[int]:
    """A witness in a process of its own; its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.witness"],
        cwd=ROOT,
        env=os.environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.kill()


@contextlib.contextmanager
def arena_in(name: str, database: Database, rng: random.Random) -> Iterator[Arena]:
    """A configured arena; inside `orm_on` its database."""
    folder = harness.FOLDER / name
    folder.mkdir()
    with running_witness() as port:
        driver = Driver(make_key().secret)
        arena = Arena(folder, database, driver, port, rng)
        arena.configure()
        try:
            yield arena
        finally:
            driver.close()
            arena.end()
