"""The deadlines of one attempt, as plain numbers that a sweeper compares: noting an event costs no timer."""

from __future__ import annotations

import math

from providers.errors import ErrorKind

NEVER = math.inf


class Watch:
    """The deadlines of one attempt, in event-loop seconds. `touch` on every event; `pause` while the client is slow."""

    __slots__ = ("_idle", "due", "kind", "total_due")

    def __init__(self) -> None:
        self.due = NEVER
        self.total_due = NEVER
        self.kind = ErrorKind.CONNECT_TIMEOUT
        self._idle = NEVER

    def begin(self, now: float, *, connect: float, idle: float, total: float) -> None:
        """An attempt starts."""
        self.kind = ErrorKind.CONNECT_TIMEOUT
        self.due = now + connect
        self.total_due = now + total
        self._idle = idle

    def expect_connection(self, now: float, seconds: float) -> None:
        """What had to be fetched for the request is there; now it is sent."""
        self.due = now + seconds

    def expect_first_event(self, now: float, seconds: float) -> None:
        """A connection stands and the request is on its way."""
        self.kind = ErrorKind.FIRST_EVENT_TIMEOUT
        self.due = now + seconds

    def touch(self, now: float) -> None:
        """An event arrived."""
        self.kind = ErrorKind.IDLE_TIMEOUT
        self.due = now + self._idle

    def end(self) -> None:
        """The attempt is over."""
        self.due = self.total_due = NEVER

    def expired(self, now: float) -> ErrorKind | None:
        """Which deadline has passed, if any."""
        if now >= self.total_due:
            return ErrorKind.TOTAL_TIMEOUT
        return self.kind if now >= self.due else None
