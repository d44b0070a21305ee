"""A worker's store in a process of its own: `python -m tests.allowances.child WHERE [PREFIX]`.

WHERE is a folder or the address of a Redis. It does what each line of its standard input says, and answers it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from access.allowances import redis
from access.allowances.mapped import MappedStore
from access.allowances.policy import Store, StoreUnreadable
from access.allowances.redis import RedisStore
from tests.allowances.charges import quota, rate, slot
from tests.harness.gateway import ROOT
from tests.harness.patience import SOON


async def take(store: Store, times: int) -> int:
    """How many of so many calls were taken, each of one unit of a day for 100 and of a rate for more."""
    taken = 0
    for _ in range(times):
        while True:
            try:
                taken += await store.charge([quota("day", 100), rate("minute", 1e6, span=1e9)]) is None
            except StoreUnreadable:
                # Busy.
                continue
            break
    return taken


async def hold(store: Store, count: int) -> int:
    """Holds slots, of 10 for all."""
    taken = 0
    for _ in range(count):
        taken += await store.charge([slot("streams", 10)]) is None
    return taken


async def hammer(store: Store) -> None:
    """Charges and releases without end, and says after each charge that it was taken."""
    while True:
        charges = [quota("a", 1e9), rate("b", 1e9, span=1e12), quota("c", 1e9), slot("streams", 1000)]
        await store.charge(charges)
        sys.stdout.write(".")
        sys.stdout.flush()
        await store.release(charges[3:])


async def keep(store: Store) -> None:
    """As a worker does, more often: its leases are shorter here."""
    while True:
        with contextlib.suppress(StoreUnreadable):
            await store.keep()
        await asyncio.sleep(0.2)


async def main(where: str, prefix: str = "") -> None:
    # Redis may take its time, as on a busy machine: what it answered too late would be counted, and not be known here.
    redis.TIME_OUT = redis.PATIENT_TIME_OUT = SOON
    store = RedisStore(where, prefix, lease_seconds=1.0) if "://" in where else MappedStore(Path(where))
    loop = asyncio.get_running_loop()
    keeping = loop.create_task(keep(store))
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        word, _, number = line.strip().partition(" ")
        if word == "hammer":
            await hammer(store)
        print(await {"take": take, "hold": hold}[word](store, int(number)), flush=True)
    keeping.cancel()
    await store.close()


class Child:
    """Runs it."""

    def __init__(self, *where: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.allowances.child", *where],
            cwd=ROOT,
            # It is killed, and would leave a PostgreSQL server of its own behind.
            env={**os.environ, "TEST_DATABASE": "sqlite"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def ask(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")

    def answer(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: Any) -> None:
        """Without mercy."""
        self.process.kill()
        self.process.communicate()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
