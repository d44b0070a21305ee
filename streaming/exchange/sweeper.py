"""One task that looks at every running request a few times a second: deadlines, held-back starts, pings.

A timer per chunk would cost more than the chunk; here a chunk only notes the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Protocol

INTERVAL = 0.1


class Swept(Protocol):
    """What the sweeper looks at."""

    def tick(self, now: float) -> object:
        """Does what is due at `now`, in the event loop's seconds."""
        ...


class Sweeper:
    """Ticks each member of `running` while the process serves."""

    def __init__(self, running: Collection[Swept]) -> None:
        self._running = running
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts the task in the running loop."""
        self._task = asyncio.create_task(self._run(), name="sweeper")

    async def stop(self) -> None:
        """Ends the task."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(INTERVAL)
            now = loop.time()
            for swept in tuple(self._running):
                swept.tick(now)
