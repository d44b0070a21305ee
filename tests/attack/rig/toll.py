"""What something took of a server: CPU seconds, memory, and the longest time in which it answered nobody else.

Figures of a busy machine are too high and never too low. So bars are for an idle one, and CPU is what a test of `make
test-all` looks at.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Toll:
    """What the watched time took; complete after the block."""

    cpu: float = 0.0
    """Seconds of all workers."""
    grown: int = 0
    """Bytes: the highest resident memory of all workers above that of before."""
    blocked: float = 0.0
    """Seconds: the longest wait for /healthz on one of a few connections that were open all the time."""


@contextlib.contextmanager
def watching(port: int, pids: Sequence[int]) -> Iterator[Toll]:
    """Watch the workers `pids` of a server while the block runs."""
    toll = Toll()
    command = [sys.executable, "-m", "tests.attack.rig.toll", str(port)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as pinger:
        assert pinger.stdin is not None
        assert pinger.stdout is not None
        assert pinger.stdout.readline() == b"watching\n"
        for pid in pids:
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        cpu, held = sum(map(_cpu, pids)), sum(_memory(pid, "VmRSS:") for pid in pids)
        try:
            yield toll
        finally:
            toll.cpu = sum(map(_cpu, pids)) - cpu
            toll.grown = sum(_memory(pid, "VmHWM:") for pid in pids) - held
            pinger.stdin.close()
            toll.blocked = float(pinger.stdout.readline())


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _memory(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no {name}")


def _ping(port: int) -> None:
    """Ask for /healthz on four connections in turn until stdin ends; print the longest wait."""
    # One connection belongs to one worker. Four of them seldom all belong to the same.
    connections = [http.client.HTTPConnection("127.0.0.1", port, timeout=300) for _ in range(4)]
    os.set_blocking(0, False)
    longest = 0.0
    for number, connection in enumerate(connections * 10**6):
        began = time.monotonic()
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, f"{answer.status} for /healthz"
        if number == 8:
            print("watching", flush=True)
        elif number > 8:
            longest = max(longest, time.monotonic() - began)
        with contextlib.suppress(BlockingIOError):
            if os.read(0, 1) == b"":
                break
        time.sleep(0.005)
    print(longest, flush=True)


if __name__ == "__main__":
    _ping(int(sys.argv[1]))
