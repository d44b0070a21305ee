"""Threads that count tokens, so that the event loop never does; nobody waits for them long.

Counting is CPU work of milliseconds to a second. The thread starts, and loads its vocabulary, with the first count.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from providers.counting.tokenizer import NoTokenizer, count_tokens

_THREADS = 1
"""More would not be faster: the tokenizer keeps Python's lock while it counts."""
_WAITING = 8
"""Requests that may wait for a thread; the next one is not counted at all."""
_PATIENCE = 5.0
"""Seconds that a request waits for its count."""


class TokenPool:
    """Counts one request after the other in a thread that starts with the first."""

    def __init__(self, *, waiting: int = _WAITING, patience: float = _PATIENCE) -> None:
        self._waiting = waiting
        self._patience = patience
        self._executor: ThreadPoolExecutor | None = None
        self._running: set[Future[int]] = set()

    async def count(self, body: dict[str, Any], model_name: str) -> int | None:
        """The tokens of a request, or None: too many wait, it takes too long, or there is no tokenizer here."""
        if len(self._running) > self._waiting:
            return None
        if self._executor is None:
            self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="tokens")
        future = self._executor.submit(count_tokens, body, model_name)
        self._running.add(future)
        future.add_done_callback(self._running.discard)
        try:
            # Whoever stops waiting cancels the count, unless it has begun.
            return await asyncio.wait_for(asyncio.wrap_future(future), self._patience)
        except (TimeoutError, NoTokenizer):
            return None

    def close(self) -> None:
        """Begin no further count."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None
