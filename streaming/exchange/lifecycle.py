"""How long a request runs and what ends it: its task, its deadlines, and an ending from outside."""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import Any

from streaming.exchange.watch import NEVER, Watch


class Ending(Enum):
    """Why a running request was cancelled from outside."""

    CLIENT_CLOSED = "client_closed"
    SHUTDOWN = "shutdown"


class Lifecycle:
    """The task that answers a request. Times are in the event loop's seconds.

    `deadline` is when all attempts must be over, `watches` are the deadlines of the attempts that run.
    """

    __slots__ = ("began", "deadline", "ending", "loop", "task", "watches")

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self.task = task
        # Stored, because in Python 3.11 asking for the running loop is a system call.
        self.loop = task.get_loop()
        self.began = self.loop.time()
        self.deadline = NEVER
        self.ending: Ending | None = None
        self.watches: list[Watch] = []

    def limit(self, seconds: float) -> None:
        """Gives all attempts together so many seconds from the start of the request."""
        self.deadline = self.began + seconds

    def end(self, ending: Ending) -> None:
        """Cancels whatever the request is waiting for, for good."""
        if self.ending is None:
            self.ending = ending
            self.task.cancel()

    def tick(self, now: float) -> bool:
        """Cancels the attempts that are overdue; returns whether there were any."""
        fired = False
        for watch in self.watches:
            expired = watch.expired(now)
            if expired is not None and self.ending is None:
                watch.fire(expired)
                fired = True
        return fired
