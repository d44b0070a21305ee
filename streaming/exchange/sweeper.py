"""One task that looks at every running request a few times a second: deadlines, held-back starts, pings.

A timer per chunk would cost more than the chunk; here a chunk only notes the time.
"""

from __future__ import annotations

import asyncio

from streaming.exchange.exchange import Exchange

TICK = 0.1


class Sweeper:
    """Runs while the process serves; `add` and `discard` requests."""

    def __init__(self) -> None:
        self.exchanges: set[Exchange] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the task in the running loop."""
        self._task = asyncio.create_task(self._run(), name="sweeper")

    async def stop(self) -> None:
        """End the task."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(TICK)
            now = loop.time()
            for exchange in tuple(self.exchanges):
                exchange.tick(now)
