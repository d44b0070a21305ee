"""`python -m benchmarks.count.limits`: the instructions that rate limits add to a request.

It needs valgrind and gcc, and counts what Redis costs where Debian's redis-server is installed. Without `--inside` it
starts itself under valgrind and prints what was counted.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import django
import uvloop

from access.allowances.limits import LimitRecord, cell_of_limit
from access.allowances.memory import MemoryStore
from access.keys import KeyRecord
from benchmarks.children import DidNotRun
from benchmarks.count import callgrind
from benchmarks.count.figures import Column
from benchmarks.targets import environment
from streaming.refused_keys import RefusedKeys
from tests.allowances.redis_server import RedisServer
from usage.journal.records import AttemptRecord

if TYPE_CHECKING:
    from access.allowances.policy import Charge, Store
    from streaming.limits import Limits

_WARM, _TIMES = 50, 500
_PATIENCE = 60.0
_MOST = 10**6
"""Of each limit: it refuses nothing here, and what a request took is still there when the next one comes."""
SIX = (
    *(("requests", "day"), ("input_tokens", "day"), ("requests", "minute")),
    *(("input_tokens", "minute"), ("output_tokens", "minute"), ("streams", "once")),
)
"""Measure and period of six limits of one key."""
FOUR = SIX[2:]
WITH_FOUR = "four limits of a key, in memory"
WITH_SIX = "six limits of a key, in memory"
CHARGE = "of it the charge of six"
REFUSED = "a refused key"
REDIS = "a charge of six limits in Redis"
MOST = {WITH_FOUR: 45_000, WITH_SIX: 50_000, REFUSED: 3_000}
"""How many instructions each may take."""
_LOOP = "an empty turn of the loop"
_CALL = "an empty call"
_MODULE = "benchmarks.count.limits"
_REDIS_URL = "COUNT_REDIS_URL"
_PEER = "203.0.113.7"


async def run() -> None:
    """Runs each workload under valgrind."""
    # It has models of Django's behind it, which the loading of the settings comes before.
    from streaming.limits import MESSAGES, Limits

    requests = callgrind.Requests(os.environ[callgrind.LIBRARY])
    limits = Limits(MemoryStore(), cache_reads_count=False)
    attempt = AttemptRecord(id=UUID(int=1), request_log_id=UUID(int=1), number=1)
    attempt.input_tokens, attempt.cache_read_tokens, attempt.output_tokens = 60, 30, 70
    for name, some in {_LOOP: (), WITH_FOUR: FOUR, WITH_SIX: SIX}.items():
        key = _key(some)
        await _requests(limits, key, [attempt], _WARM)
        requests.begin()
        await _requests(limits, key, [attempt], _TIMES)
        requests.dump(name)
    held = await limits.take(_key(SIX), MESSAGES, 100, "session")
    assert held is not None
    await _charges(requests, CHARGE, MemoryStore(), held.charges)
    _refused(requests)
    if os.environ.get(_REDIS_URL):
        # The library is an extra.
        from access.allowances import redis

        # What Redis is given to answer in is meant for a program that does not run under valgrind.
        redis.TIME_OUT = redis.PATIENT_TIME_OUT = _PATIENCE
        store = redis.RedisStore(os.environ[_REDIS_URL], "count")
        await store.keep()
        await _charges(requests, REDIS, store, held.charges)
        await store.close()
    requests.end()


def _key(some: Sequence[tuple[str, str]]) -> KeyRecord:
    limits = tuple(
        LimitRecord(number, measure, per, _MOST, "key", cell_of_limit(number, measure, per), "Europe/Berlin", "many")
        for number, (measure, per) in enumerate(some, 1)
    )
    return KeyRecord(id=1, name="k", prefix="sk-px-abcd", hash="", team_id=1, team_name="t", limits=limits)


async def _requests(limits: Limits, key: KeyRecord, attempts: list[AttemptRecord], times: int) -> None:
    from streaming.limits import MESSAGES

    for _ in range(times):
        held = None
        if key.limits:
            held = await limits.take(key, MESSAGES, 100, "session")
        if held is not None:
            held.settle(attempts)
        # Others get their turn, as between any two requests.
        await asyncio.sleep(0)


async def _charges(requests: callgrind.Requests, name: str, store: Store, charges: list[Charge]) -> None:
    for _ in range(_WARM):
        await store.charge(charges)
    requests.begin()
    for _ in range(_TIMES):
        if await store.charge(charges) is not None:
            raise DidNotRun("a limit is reached")
    requests.dump(name)


def _refused(requests: callgrind.Requests) -> None:
    refused = RefusedKeys(_MOST, ("127.0.0.0/8",))
    refused.wait(_PEER, "")
    for name, call in {REFUSED: refused.wait, _CALL: _nothing}.items():
        requests.begin()
        for _ in range(_TIMES):
            call(_PEER, "")
        requests.dump(name)


def _nothing(peer: str, forwarded_for: str) -> int:
    """What a call costs that does nothing."""
    return 0


def count() -> Column:
    """Returns the instructions that each workload adds to a request, or takes. Raises DidNotRun."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        env = callgrind.environment(environment(folder, "sqlite:///:memory:"), callgrind.build(folder))
        server = RedisServer() if shutil.which("redis-server") else None
        try:
            if server is not None:
                server.start()
                env = {**env, _REDIS_URL: server.url}
            inside = subprocess.run(
                callgrind.command(folder, _MODULE, "--inside"), env=env, check=False, capture_output=True, text=True
            )
        finally:
            if server is not None:
                server.kill()
        if inside.returncode:
            raise DidNotRun(f"the limits could not be counted:\n{inside.stderr}")
        counted = {name: max(by_thread.values()) // _TIMES for name, by_thread in callgrind.dumped(folder).items()}
    loop, call = counted.pop(_LOOP), counted.pop(_CALL)
    empty = {WITH_FOUR: loop, WITH_SIX: loop, REFUSED: call}
    return {name: instructions - empty.get(name, 0) for name, instructions in counted.items()}


def exceeded(counted: Column) -> list[str]:
    """Returns what takes more than it may, in words."""
    return [
        f"{name}: {counted[name]:,} instructions, of {most:,}" for name, most in MOST.items() if counted[name] > most
    ]


def main() -> int:
    """Prints the instructions of one request."""
    if "--inside" in sys.argv:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proxysite.settings")
        django.setup()
        uvloop.run(run())
        return 0
    for name, instructions in count().items():
        print(f"{name:45}{instructions:>9,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
