"""`python -m benchmarks.count.wrong_keys`: the instructions of `caller` for wrong keys and for a right one.

It needs valgrind and gcc. Without `--inside` it starts itself under valgrind and prints what was counted.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from access.keys import KeyRecord, Keys, caller, new_key
from benchmarks.count import callgrind

_TIMES = 1000
WRONG = {
    "a new format, wrong checksum": "sk-px-" + "a" * 49,
    "the older format, wrong character": "sk-px-" + "a" * 31 + "!",
    "another gateway's": "sk-" + "a" * 40,
}
"""Wrong forms of keys, which are not looked up."""
_LOOP = "an empty call"
_MODULE = "benchmarks.count.wrong_keys"


def run() -> None:
    """Runs each workload under valgrind."""
    requests = callgrind.Requests(os.environ[callgrind.LIBRARY])
    new = new_key()
    keys = Keys([KeyRecord(id=1, name="k", prefix=new.prefix, hash=new.hash, team_id=1, team_name="t")])
    workloads = {**WRONG, "the older format, unknown: it is hashed": "sk-px-" + "a" * 32, "right": new.secret}
    for secret in workloads.values():
        _ask(secret, keys, 50)
    for name, secret in workloads.items():
        headers = {"x-api-key": secret}
        requests.begin()
        _ask(secret, keys, _TIMES, headers)
        requests.dump(name)
    requests.begin()
    for _ in range(_TIMES):
        _nothing({}, keys, 0.0)
    requests.dump(_LOOP)
    requests.end()


def _nothing(headers: dict[str, str], keys: Keys, now: float) -> None:
    """What a call costs that does nothing."""


def _ask(secret: str, keys: Keys, times: int, headers: dict[str, str] | None = None) -> None:
    headers = headers or {"x-api-key": secret}
    for _ in range(times):
        caller(headers, keys, 0.0)


def count() -> dict[str, int]:
    """Returns the instructions of one call, without those of the loop around it and of an empty call, by workload."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        env = callgrind.environment(os.environ, callgrind.build(folder))
        subprocess.run(callgrind.command(folder, _MODULE, "--inside"), env=env, check=True, stdout=subprocess.DEVNULL)
        counted = {name: max(by_thread.values()) // _TIMES for name, by_thread in callgrind.dumped(folder).items()}
    loop = counted.pop(_LOOP)
    return {name: instructions - loop for name, instructions in counted.items()}


def main() -> int:
    """Prints the instructions of one call."""
    if "--inside" in sys.argv:
        run()
        return 0
    for name, instructions in count().items():
        print(f"{name:45}{instructions:>9,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
