"""SQLite locked for writing by another process, as a backup or a stuck program does it, against the same run unlocked:
how quick keys without a budget are answered, and what becomes of keys with a hard one.

As a program of its own it is that process: it locks the file that it is given until its standard input ends.
"""

from __future__ import annotations

import http.client
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from statistics import median

import msgspec

from benchmarks import bodies
from benchmarks.answers import Shape
from benchmarks.children import Child, Cores
from benchmarks.load import Result
from benchmarks.rig import Rig, Traffic
from benchmarks.site import ROUTES
from benchmarks.targets import Site, Target
from benchmarks.workloads import Figure

SECONDS = 30
QUICK_SECONDS = 5
_PACED = Shape(first=100)
"""What keys without a budget ask for: the connections are idle most of the time, so that nobody queues."""
_CONNECTIONS = 8
_PAUSE = 0.2
"""Seconds between two requests of a key with a budget."""
_WARM = 1.0
"""Seconds of requests before a phase begins."""
_SERVED = 200
_TEXTS = {
    "held": "a hard budget whose money the worker holds",
    "refuse": "one near its cap, UNREADABLE_BUDGETS=refuse",
    "serve": "one near its cap, UNREADABLE_BUDGETS=serve",
}
_MUCH, _LITTLE = "1000", "0.25"
"""Dollars: a worker holds some of the one in advance; the other is less than twenty requests reserve."""


class Asked(msgspec.Struct, frozen=True):
    """One request of a key with a budget: its answer's status, when it began (time.monotonic()), how long it took."""

    status: int
    began: float
    seconds: float


class Phase(msgspec.Struct, frozen=True):
    """What a while was like: keys without a budget, and the others by name."""

    free: Result
    asked: dict[str, list[Asked]]


def measure(cores: Cores, rig: Rig, folder: Path, quick: bool) -> list[Figure]:
    """Two gateways of one database, which differ in what they do where budgets cannot be read."""
    seconds = QUICK_SECONDS if quick else SECONDS
    own = folder / "locked"
    own.mkdir()
    with ExitStack() as stack:
        site = Site(cores, rig.mock_port, own, "anthropic", postgresql=False)
        stack.callback(site.close)
        gateways = {setting: site.serve(UNREADABLE_BUDGETS=setting) for setting in ("refuse", "serve")}
        for gateway in gateways.values():
            stack.callback(gateway.stop)
        refuses, serves = gateways.values()
        keys = {
            "held": (refuses, site.key(_MUCH)),
            "refuse": (refuses, site.key(_LITTLE)),
            "serve": (serves, site.key(_LITTLE)),
        }
        time.sleep(2)  # a gateway knows new keys within a second
        before = _phase(rig, refuses, keys, seconds, nullcontext())
        during = _phase(rig, refuses, keys, seconds, locked(own))
    _check(rig, site, [*gateways.values()], before)
    return [*_free(before.free, during.free, seconds), *_budgets(during.asked)]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Another process holds SQLite's only lock for writing."""
    child = Child.module("parts.locked", str(folder / "gateway.sqlite3"), log=folder / "locked.log")
    try:
        child.answer()
        yield
    finally:
        child.stop()


def _phase(
    rig: Rig,
    target: Target,
    keys: dict[str, tuple[Target, str]],
    seconds: float,
    around: AbstractContextManager[None],
) -> Phase:
    """All of them at the same time, keys with budgets from before it begins until it has ended: what a gateway holds
    for them goes back when nobody asks."""
    ended = threading.Event()
    with ThreadPoolExecutor(len(keys)) as pool:
        asking = {name: pool.submit(_ask, *who, ended) for name, who in keys.items()}
        time.sleep(_WARM)
        with around:
            began = time.monotonic()
            rig.begin(target, Traffic(_PACED, connections=_CONNECTIONS, seconds=seconds, ramp=0.5))
            try:
                result = rig.finish(target)
            finally:
                ended.set()
            answers = {name: asked.result() for name, asked in asking.items()}
    return Phase(result, {name: [one for one in asked if one.began >= began] for name, asked in answers.items()})


def _ask(target: Target, key: str, ended: threading.Event) -> list[Asked]:
    """One request after the other."""
    body = bodies.short(ROUTES["anthropic"], Shape(chunks=1).marker, stream=False)
    headers = {"x-api-key": key, "content-type": "application/json", "anthropic-version": "2023-06-01"}
    asked: list[Asked] = []
    while not ended.wait(_PAUSE):
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=30)
        try:
            connection.request("POST", "/v1/messages", body, headers)
            response = connection.getresponse()
            response.read()
        finally:
            connection.close()
        asked.append(Asked(response.status, began, time.monotonic() - began))
    target.sent += len(asked)
    return asked


def _check(rig: Rig, site: Site, gateways: list[Target], before: Phase) -> None:
    """Every request is a row, those too that were answered while nobody could write one."""
    for name, asked in before.asked.items():
        if wrong := [one.status for one in asked if one.status != _SERVED]:
            rig.problems.append(f"a key with a budget ({name}) got status {wrong[0]} before anything was locked")
    sent, found = sum(gateway.sent for gateway in gateways), site.rows()
    if found.requests != sent or found.completed != found.attempts:
        rig.problems.append(
            f"{sent} requests were sent around the lock, and the database holds {found.requests} usage rows, "
            f"{found.completed} of them completed, and {found.attempts} attempts"
        )


def _free(before: Result, during: Result, seconds: int) -> Iterator[Figure]:
    for percentile, bar in (("p50", 1.25), ("p99", 2.0)):
        unlocked, measured = getattr(before.first, percentile), getattr(during.first, percentile)
        what = f"first token without a budget ({percentile}): {measured:.1f} ms, unlocked {unlocked:.1f} ms"
        yield Figure(f"CHAOS {percentile}", f"SQLite locked {seconds} s, {what}", measured / unlocked, "times", bar)


def _budgets(asked: dict[str, list[Asked]]) -> Iterator[Figure]:
    for name, answers in asked.items():
        share = sum(one.status == _SERVED for one in answers) / len(answers)
        waited = median(one.seconds for one in answers)
        what = f"... {_TEXTS[name]}: answered, of {len(answers)}, each after {waited:.2f} s (p50)"
        yield Figure(f"CHAOS {name}", what, 100 * share, "%")


def main(path: str) -> None:
    """Hold the lock until standard input ends."""
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    print("locked", flush=True)
    sys.stdin.read()
    connection.execute("ROLLBACK")


if __name__ == "__main__":
    main(sys.argv[1])
