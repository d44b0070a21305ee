"""The deadlines of one attempt, as plain numbers that the sweeper compares: noting an event costs no timer."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from typing import Any

from providers.errors import ErrorKind, UpstreamError

NEVER = math.inf
_TIMED_OUT: Mapping[ErrorKind, str] = {
    ErrorKind.CONNECT_TIMEOUT: "The provider could not be reached in time.",
    ErrorKind.FIRST_EVENT_TIMEOUT: "The provider did not begin to answer in time.",
    ErrorKind.IDLE_TIMEOUT: "The provider fell silent in the middle of its answer.",
    ErrorKind.TOTAL_TIMEOUT: "The provider's answer took longer than this gateway allows.",
    ErrorKind.DEADLINE: "The answer took longer than this route allows.",
}


def timed_out(kind: ErrorKind) -> UpstreamError:
    """Returns the failure of an attempt that missed a deadline."""
    return UpstreamError(kind, _TIMED_OUT[kind])


class Watch:
    """The deadlines of one attempt, in event-loop seconds; `touch` on every event, `pause` while the client is slow.

    `fired` is the deadline for which the attempt's task was cancelled.
    """

    __slots__ = ("_idle", "_total_kind", "due", "fired", "kind", "task", "total_due")

    def __init__(self) -> None:
        self.due = NEVER
        self.total_due = NEVER
        self.kind = ErrorKind.CONNECT_TIMEOUT
        self.fired: ErrorKind | None = None
        self.task: asyncio.Task[Any] | None = None
        self._idle = NEVER
        self._total_kind = ErrorKind.TOTAL_TIMEOUT

    def begin(
        self,
        now: float,
        *,
        connect: float,
        idle: float,
        total: float,
        task: asyncio.Task[Any] | None = None,
        deadline: float = NEVER,
    ) -> None:
        """Starts watching an attempt in `task`; `deadline` is the request's."""
        self.kind = ErrorKind.CONNECT_TIMEOUT
        self.due = now + connect
        self.total_due, self._total_kind = now + total, ErrorKind.TOTAL_TIMEOUT
        if deadline < self.total_due:
            self.total_due, self._total_kind = deadline, ErrorKind.DEADLINE
        self.task = task
        self._idle = idle

    def expect_connection(self, now: float, seconds: float) -> None:
        """Expects a connection within so many seconds."""
        self.due = now + seconds

    def expect_first_event(self, now: float, seconds: float) -> None:
        """Expects the first event, now that there is a connection."""
        self.kind = ErrorKind.FIRST_EVENT_TIMEOUT
        self.due = now + seconds

    def touch(self, now: float) -> None:
        """Notes that an event arrived."""
        self.kind = ErrorKind.IDLE_TIMEOUT
        self.due = now + self._idle

    def pause(self) -> None:
        """Stops the idle clock while the client is written to: a slow client is not a silent provider."""
        self.due = NEVER

    def end(self) -> None:
        """Stops watching."""
        self.due = self.total_due = NEVER

    def expired(self, now: float) -> ErrorKind | None:
        """Returns the deadline that has passed, if any."""
        if now >= self.total_due:
            return self._total_kind
        return self.kind if now >= self.due else None

    def fire(self, kind: ErrorKind) -> None:
        """Cancels the attempt for a deadline that has passed."""
        self.end()
        self.fired = kind
        if self.task is not None:
            self.task.cancel()
