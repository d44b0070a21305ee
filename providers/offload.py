"""Work on big requests, done beside the event loop: streams go on while one is read or translated.

Such work is Python's own, so a thread makes it no faster. It makes the loop wait for a switch between threads (some
milliseconds) instead of for the whole work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_THREADS: Final = 2
"""More would take more of the loop's time. Two, so that one request of the worst kind does not hold up the next."""

# Not the loop's own threads: those resolve names for requests that are waiting.
_threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="big-requests")


async def off_loop(work: Callable[[*Ts], T], *arguments: *Ts) -> T:
    """Returns what `work` returns; raises what it raises. It goes on, unheeded, when the caller is cancelled."""
    return await asyncio.get_running_loop().run_in_executor(_threads, work, *arguments)
