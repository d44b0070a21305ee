"""How long a test waits for what must happen. A busy machine makes everything late and nothing wrong: so a test waits
for the thing itself, looks often, and gives up only after a time in which any machine would have got there.

How quick something is belongs to benchmarks. Where a promise names a time ("within a second"), `at_best` proves it: a
gateway that keeps it keeps it at least once in a few tries; one that polls too slowly never does.
"""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 120.0
"""Seconds. Long enough for any machine, and short enough that a test that waits in vain ends."""
SOON = 20.0
"""Seconds. What is over by then did not wait for a time-out of a gateway with the settings it ships with."""
TRIES = 8


def until(true: Callable[[], object], what: Callable[[], object] | str = "", *, timeout: float = PATIENCE) -> None:
    """Wait until `true()`; `what` says in the failure what it was waited for, or how things stand."""
    deadline = time.monotonic() + timeout
    while not true():
        late = time.monotonic() > deadline
        assert not late, f"not within {timeout:.0f} s: {what() if callable(what) else what or true}"
        time.sleep(0.01)


def at_best(seconds: float, attempt: Callable[[], float]) -> None:
    """Hold what `attempt` measures, in seconds, against a promise, which must be kept in one of a few tries."""
    took = []
    for _ in range(TRIES):
        took.append(attempt())
        if took[-1] < seconds:
            return
    raise AssertionError(f"not once within {seconds} s, but after {', '.join(f'{one:.2f}' for one in took)} s")
