"""`python -m benchmarks.count.limits`: the instructions that rate limits add to a request, with counts in memory.

It needs valgrind and gcc. Without `--inside` it starts itself under valgrind and prints what was counted.
"""

from __future__ import annotations

import asyncio
import os
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
from benchmarks.count import callgrind
from benchmarks.targets import environment
from streaming.refused_keys import RefusedKeys
from usage.journal.records import AttemptRecord

if TYPE_CHECKING:
    from streaming.limits import Limits

_TIMES = 500
_PLENTY = 10**12
SIX = (
    *(("requests", "day"), ("input_tokens", "day"), ("requests", "minute")),
    *(("input_tokens", "minute"), ("output_tokens", "minute"), ("streams", "once")),
)
"""Measure and period of six limits of one key."""
FOUR = SIX[2:]
WITH_FOUR = "four limits, one of them of streams"
WITH_SIX = "six limits, one of them of streams"
REFUSED = "a refused key"
_LOOP = "an empty turn of the loop"
_CALL = "an empty call"
_MODULE = "benchmarks.count.limits"


async def run() -> None:
    """Runs each workload under valgrind."""
    # It has models of Django's behind it, which the loading of the settings comes before.
    from streaming.limits import Limits

    requests = callgrind.Requests(os.environ[callgrind.LIBRARY])
    limits = Limits(MemoryStore(), cache_reads_count=False)
    attempts = [AttemptRecord(id=UUID(int=1), request_log_id=UUID(int=1), number=1, input_tokens=90, output_tokens=70)]
    for name, some in {_LOOP: (), WITH_FOUR: FOUR, WITH_SIX: SIX}.items():
        key = _key(some)
        await _requests(limits, key, attempts, 50)
        requests.begin()
        await _requests(limits, key, attempts, _TIMES)
        requests.dump(name)
    refused = RefusedKeys(_PLENTY, ("127.0.0.0/8",))
    refused.wait("203.0.113.7", "")
    requests.begin()
    for _ in range(_TIMES):
        refused.wait("203.0.113.7", "")
    requests.dump(REFUSED)
    requests.begin()
    for _ in range(_TIMES):
        _nothing("203.0.113.7", "")
    requests.dump(_CALL)
    requests.end()


def _key(some: Sequence[tuple[str, str]]) -> KeyRecord:
    limits = tuple(
        LimitRecord(number, measure, per, _PLENTY, "key", cell_of_limit(number, measure, per), "Europe/Berlin", "many")
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


def _nothing(peer: str, forwarded_for: str) -> None:
    """What a call costs that does nothing."""


def count() -> dict[str, int]:
    """Returns the instructions that each workload adds to a request."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        env = callgrind.environment(environment(folder, "sqlite:///:memory:"), callgrind.build(folder))
        subprocess.run(callgrind.command(folder, _MODULE, "--inside"), env=env, check=True, stdout=subprocess.DEVNULL)
        counted = {name: max(by_thread.values()) // _TIMES for name, by_thread in callgrind.dumped(folder).items()}
    loop, call = counted.pop(_LOOP), counted.pop(_CALL)
    return {name: instructions - (call if name == REFUSED else loop) for name, instructions in counted.items()}


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
