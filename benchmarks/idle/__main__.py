"""`python -m benchmarks.idle`: what a gateway costs that nobody asks anything, beside the same of other checkouts.

One round after the other, of each checkout in turn: it is started, rests, and is watched for so many seconds. Nobody
sends it anything meanwhile. Its database is a fresh one with a provider, a route and a key.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import msgspec

from benchmarks.children import ROOT, Child, DidNotRun
from benchmarks.idle.threads import resident, used
from benchmarks.rig import machine
from benchmarks.targets import environment, free_port, get
from tests.harness.postgresql import PostgreSQL, PostgreSQLMissing

_NAMES = Path(__file__).parent / "names"
_PATIENCE = 120.0


class Round(msgspec.Struct):
    """One life of a gateway: CPU seconds until it was ready, bytes of memory, CPU by thread in microseconds a second,
    and how often a second each was given a core."""

    start_s: float
    resident: int
    threads: dict[str, float]
    wakes: dict[str, float]

    @property
    def idle(self) -> float:
        """CPU of all threads, in milliseconds a second."""
        return sum(self.threads.values()) / 1000


class Checkout:
    """One version of the gateway with a database of its own."""

    def __init__(self, name: str, folder: Path, place: Path, database: str) -> None:
        self.name = name
        self.rounds: list[Round] = []
        self._folder = folder
        self._place = place
        self._env = {
            **environment(place, database or f"sqlite:///{place}/gateway.sqlite3"),
            "PYTHONPATH": str(_NAMES),
            "LOG_LEVEL": "ERROR",
        }
        # A start is one of modules that are compiled already, as all are but the first.
        self._env.pop("PYTHONDONTWRITEBYTECODE", None)
        prepared = self._child([sys.executable, "-m", "benchmarks.site", "prepare", str(free_port())], output=True)
        try:
            prepared.answer()
        finally:
            prepared.stop()

    def live(self, options: Namespace) -> None:
        """One round. Raises DidNotRun."""
        port = free_port()
        command = ["manage.py", "serve", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        gateway = self._child([sys.executable, *command, *shlex.split(options.serve)])
        try:
            deadline = time.monotonic() + _PATIENCE
            while get(port, "/readyz")[0] != 200:
                if gateway.ended is not None or time.monotonic() > deadline:
                    raise DidNotRun(f"{self.name} is not ready:\n{gateway.log_tail()}")
                time.sleep(0.02)
            start = gateway.cpu_seconds()
            time.sleep(options.rest)
            began, before = time.monotonic(), used(gateway.pid)
            time.sleep(options.seconds)
            after, seconds = used(gateway.pid), time.monotonic() - began
            after.subtract(before)
            threads = {name: count / 1000 / seconds for name, count in after.items() if ":" not in name}
            wakes = {name: after[f"{name}:times"] / seconds for name in threads}
            self.rounds.append(Round(start, resident(gateway.pid), threads, wakes))
        finally:
            gateway.stop()

    def _child(self, command: Sequence[str], *, output: bool = False) -> Child:
        log = self._place / "log"
        return Child(command, log=log, env=self._env, reads_output=output, folder=self._folder)


def main() -> int:
    """Measures all checkouts; returns the exit status."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that whatever was started is stopped
    about = machine()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="proxysite-benchmarks-")))
        server = None
        if options.database == "postgresql":
            server = PostgreSQL(folder / "postgresql")
            server.start()
            stack.callback(server.stop)
        checkouts = []
        for number, (name, path) in enumerate([("this", ROOT), *options.beside]):
            place = folder / str(number)
            place.mkdir()
            if server is not None:
                _make(server, f"idle_{number}")
            database = "" if server is None else server.url(f"idle_{number}")
            checkouts.append(Checkout(name, path, place, database))
        for _ in range(options.rounds):
            for checkout in checkouts:
                print(f"{checkout.name} ...", end=" ", flush=True)
                checkout.live(options)
    print()
    for checkout in checkouts:
        _tell(checkout, checkouts[-1])
    print(f"\nLoad average {about['load_average']:.1f} before, {os.getloadavg()[0]:.1f} after; {about['python']}.")
    return 0


def _tell(checkout: Checkout, other: Checkout) -> None:
    """Prints the medians of its rounds, and how many times those of another checkout they are."""
    ours, theirs = checkout.rounds, other.rounds
    figures = (
        ("idle", "ms CPU a second", [one.idle for one in ours], [one.idle for one in theirs]),
        ("start", "s CPU", [one.start_s for one in ours], [one.start_s for one in theirs]),
        ("memory", "MB", [one.resident / 1e6 for one in ours], [one.resident / 1e6 for one in theirs]),
    )
    print(f"\n{checkout.name}")
    for what, unit, values, beside in figures:
        times = "" if checkout is other else f", {median(values) / median(beside):.2f} times {other.name}"
        single = ", ".join(f"{value:.2f}" for value in values)
        print(f"  {what:7} {median(values):7.2f} {unit}{times} (rounds: {single})")
    threads, wakes = defaultdict(list), defaultdict(list)
    for one in ours:
        for name, value in one.threads.items():
            threads[name].append(value)
            wakes[name].append(one.wakes[name])
    for name, values in sorted(threads.items(), key=lambda item: -median(item[1])):
        print(f"  {name:22} {median(values):8.0f} µs/s {median(wakes[name]):7.2f} times/s")


def _make(server: PostgreSQL, name: str) -> None:
    import psycopg

    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())


def _beside(text: str) -> tuple[str, Path]:
    name, _, path = text.rpartition("=")
    return name or Path(path).name, Path(path).resolve()


def _options() -> Namespace:
    parser = ArgumentParser(prog="python -m benchmarks.idle", description="Measure a gateway that nobody asks.")
    parser.add_argument(
        "--beside",
        action="append",
        type=_beside,
        default=[],
        metavar="NAME=FOLDER",
        help="another checkout to measure in turn; the last one is what the others are compared with",
    )
    parser.add_argument("--rounds", type=int, default=3, help="(default 3)")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each is watched (default 20)")
    parser.add_argument("--rest", type=float, default=8.0, help="seconds from ready until it is watched (default 8)")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite", help="(default sqlite)")
    parser.add_argument(
        "--serve", default="", metavar="OPTIONS", help="more options of serve, such as '--only gateway'"
    )
    return parser.parse_args()


if __name__ == "__main__":
    if not Path("/proc/self/schedstat").exists():
        sys.exit("This reads /proc/PID/task/*/schedstat: it needs Linux with scheduler statistics.")
    try:
        sys.exit(main())
    except (DidNotRun, PostgreSQLMissing) as failure:
        sys.exit(f"\n{failure}")
