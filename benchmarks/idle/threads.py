"""CPU of a process tree by thread, in nanoseconds, as the kernel's scheduler counts it (/proc/PID/task/*/schedstat)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from benchmarks.children import processes

MAIN = "loop"
"""What the main thread of a process is called here."""


class Used(Counter[str]):
    """Nanoseconds by the name of the thread, and with `:times` behind it how often it was given a core."""


def used(root: int) -> Used:
    """Returns what the threads that live have used so far."""
    found = Used()
    for number, pid in enumerate(processes(root)):
        for task in Path(f"/proc/{pid}/task").iterdir():
            try:
                name = (task / "comm").read_text().strip() if int(task.name) != pid else MAIN
                nanoseconds, _, times = (task / "schedstat").read_text().split()
            except (FileNotFoundError, ProcessLookupError):
                continue  # ended while we looked
            where = name if not number else f"{name} ({number})"
            found[where] += int(nanoseconds)
            found[f"{where}:times"] += int(times)
    return found


def resident(root: int) -> int:
    """Returns the bytes of memory that the processes hold."""
    total = 0
    for pid in processes(root):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * 1024
    return total
