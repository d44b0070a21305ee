"""How long the run is, from which seed, and how much it proved: what the tests and `make chaos` share."""

from __future__ import annotations

import os
from pathlib import Path

LONG = os.environ.get("CHAOS_LONG", "") == "1"
SEED = int(os.environ.get("CHAOS_SEED", "3"))


def add(*, requests: int, attempts: int) -> None:
    """Count what was proved, where somebody sums it up."""
    path = os.environ.get("CHAOS_TALLY")
    if path:
        with Path(path).open("a") as file:
            file.write(f"{requests} {attempts}\n")


def total(path: Path) -> tuple[int, int]:
    """The sums of requests and attempts in a tally's file."""
    lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return sum(int(requests) for requests, _ in lines), sum(int(attempts) for _, attempts in lines)
