"""Work on big requests, done beside the event loop: streams go on while one is read or translated.

Such work is Python's own, so a thread makes it no faster. It makes the loop wait for a switch between threads (some
milliseconds) instead of for the whole work.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar, TypeVarTuple

from usage.collector import at_rest

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_THREADS: Final = 2
"""More would take more of the loop's time. Two, so that one request of the worst kind does not hold up the next."""

# Not the loop's own threads: those resolve names for requests that are waiting.
_threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="big-requests")


async def off_loop(work: Callable[[*Ts], T], *arguments: *Ts) -> T:
    """Returns what `work` returns; raises what it raises. It goes on, unheeded, when the caller is cancelled."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _at_rest, work, *arguments)


def _at_rest(work: Callable[[*Ts], T], *arguments: *Ts) -> T:
    """Works without the garbage collector: over so many objects one of its looks stops all threads for 0.1 s."""
    try:
        with at_rest:
            return work(*arguments)
    finally:
        if not gc.isenabled():
            # Somebody else lets it rest, and the next one may before that one is done: the young are looked at here.
            gc.collect(1)
