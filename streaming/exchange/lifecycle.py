"""How long a request and its attempts may run, and what ends them: tasks, deadlines, an ending from outside.

Deadlines are plain numbers that one task (streaming.exchange.sweeper) compares a few times a second at most: a timer
per chunk would cost more than the chunk, and here a chunk only notes the time.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from providers.errors import ErrorKind, UpstreamError
from streaming.exchange.lag import LoopLag
from usage.sentence import Sentence

NEVER = math.inf
CANCELLED = -math.inf
_SILENCE = 1.0
"""Seconds without an event after which an answer is looked at closely."""
_LONG_LAG = 1.0
"""Seconds of the gateway's own lag after which what it may have caused is not the provider's failure."""
# Python 3.11 takes long to find a member through its class, and a chunk of a stream asks for some.
_CONNECT_TIMEOUT: Final = ErrorKind.CONNECT_TIMEOUT
_FIRST_EVENT_TIMEOUT: Final = ErrorKind.FIRST_EVENT_TIMEOUT
_IDLE_TIMEOUT: Final = ErrorKind.IDLE_TIMEOUT
_TOTAL_TIMEOUT: Final = ErrorKind.TOTAL_TIMEOUT
_DEADLINE: Final = ErrorKind.DEADLINE
_CAUSED_BY_LAG = frozenset(
    {
        *(ErrorKind.CONNECT, ErrorKind.CONNECT_TIMEOUT, ErrorKind.FIRST_EVENT_TIMEOUT, ErrorKind.IDLE_TIMEOUT),
        *(ErrorKind.TOTAL_TIMEOUT, ErrorKind.CONNECTION_LOST),
    }
)
_TIMED_OUT: Mapping[ErrorKind, str] = {
    ErrorKind.CONNECT_TIMEOUT: Sentence("The provider could not be reached in time.", code="provider_connect_timeout"),
    ErrorKind.FIRST_EVENT_TIMEOUT: Sentence(
        "The provider did not begin to answer in time.", code="provider_first_event_timeout"
    ),
    ErrorKind.IDLE_TIMEOUT: Sentence(
        "The provider fell silent in the middle of its answer.", code="provider_idle_timeout"
    ),
    ErrorKind.TOTAL_TIMEOUT: Sentence(
        "The provider's answer took longer than this gateway allows.", code="provider_total_timeout"
    ),
    ErrorKind.DEADLINE: Sentence("The answer took longer than this route allows.", code="route_deadline"),
}


def timed_out(kind: ErrorKind) -> UpstreamError:
    """Returns the failure of an attempt that missed a deadline."""
    return UpstreamError(kind, _TIMED_OUT[kind])


class Watch:
    """The deadlines of one attempt, in event-loop seconds; `touch` on every event, `pause` while the client is slow.

    `fired` is the deadline for which the attempt's task was cancelled, `late` the gateway's own lag so far.
    """

    __slots__ = (
        "_deadline", "_idle", "_lag", "_lag_before", "_total_kind", "due", "fired", "kind", "late", "task", "total_due",
    )  # fmt: skip

    def __init__(self, lag: LoopLag | None = None) -> None:
        self._lag = lag
        self._lag_before = 0.0 if lag is None else lag.total
        self.due = NEVER
        self.total_due = NEVER
        self.kind = _CONNECT_TIMEOUT
        self.fired: ErrorKind | None = None
        self.task: asyncio.Task[Any] | None = None
        self.late = 0.0
        self._idle = self._deadline = NEVER
        self._total_kind = _TOTAL_TIMEOUT

    def begin(
        self,
        now: float,
        connect: float,
        idle: float,
        total: float,
        task: asyncio.Task[Any] | None = None,
        deadline: float = NEVER,
    ) -> None:
        """Starts watching an attempt in `task`; `deadline` is the request's."""
        if self._lag is not None:
            self._lag.attend()
        self.kind = _CONNECT_TIMEOUT
        self.due = now + connect
        self.total_due, self._total_kind = now + total, _TOTAL_TIMEOUT
        self._deadline = deadline
        self._keep_deadline()
        self.task = task
        self._idle = idle

    def expect_connection(self, now: float, seconds: float) -> None:
        """Expects a connection within so many seconds."""
        self.due = now + seconds

    def expect_first_event(self, now: float, seconds: float) -> None:
        """Expects the first event, now that there is a connection."""
        self.kind = _FIRST_EVENT_TIMEOUT
        self.due = now + seconds

    def touch(self, now: float) -> None:
        """Notes that an event arrived."""
        self.kind = _IDLE_TIMEOUT
        self.due = now + self._idle

    def pause(self) -> None:
        """Stops the idle clock while the client is written to: a slow client is not a silent provider."""
        self.due = NEVER

    def end(self) -> None:
        """Stops watching."""
        self.due = self.total_due = NEVER

    def forgive(self, late: float) -> None:
        """Gives the provider the time back in which this process read nothing. The request's own deadline stays."""
        self.late += late
        self.due += late
        if self._total_kind is _TOTAL_TIMEOUT and self.total_due < NEVER:
            self.total_due += late
            self._keep_deadline()

    def without_lag(self, now: float) -> float:
        """Returns the time that it would be without the gateway's own lag since the attempt began."""
        return now if self._lag is None else now - (self._lag.until(now) - self._lag_before)

    def excuses(self, kind: ErrorKind) -> bool:
        """Whether the gateway's own lag may have caused a failure of this kind."""
        return self.late >= _LONG_LAG and kind in _CAUSED_BY_LAG

    def _keep_deadline(self) -> None:
        if self._deadline < self.total_due:
            self.total_due, self._total_kind = self._deadline, _DEADLINE

    def expired(self, now: float) -> ErrorKind | None:
        """Returns the deadline that has passed, if any."""
        if now >= self.total_due:
            return self._total_kind
        return self.kind if now >= self.due else None

    def spare_until(self, now: float) -> float:
        """Returns before when it need not be looked at: `now` until events come, and where they no longer do."""
        if self.kind is not _IDLE_TIMEOUT or self.silence(now) > _SILENCE:
            return now
        return min(self.due, self.total_due, now + self._idle)

    def silence(self, now: float) -> float:
        """Returns the seconds since the latest event, 0.0 where no other is waited for."""
        return now - (self.due - self._idle) if self.kind is _IDLE_TIMEOUT and self.due < NEVER else 0.0

    def fire(self, kind: ErrorKind) -> None:
        """Cancels the attempt for a deadline that has passed."""
        self.end()
        self.fired = kind
        if self.task is not None:
            self.task.cancel()


class Ending(Enum):
    """Why a running request was cancelled from outside."""

    CLIENT_CLOSED = "client_closed"
    SHUTDOWN = "shutdown"
    KEY_REVOKED = "key_revoked"
    KEY_EXPIRED = "key_expired"
    KEY_DELETED = "key_deleted"
    KEY_DISABLED = "key_disabled"
    KEY_REPLACED = "key_replaced"
    TEAM_DISABLED = "team_disabled"
    OWNER_DISABLED = "owner_disabled"
    OWNER_LEFT = "owner_left"
    CUT = "cut_by_administrator"
    SESSION_ENDED = "session_ended"


class Lifecycle:
    """The task that answers a request. Times are in the event loop's seconds.

    `deadline` is when all attempts must be over, `watches` are the deadlines of the attempts that run, `lag` is the
    sweeper's.
    """

    __slots__ = ("began", "deadline", "ending", "lag", "loop", "task", "watches")

    def __init__(self, task: asyncio.Task[Any], lag: LoopLag | None = None) -> None:
        self.lag = lag
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

    def tick(self, now: float, late: float = 0.0, most: float = 0.0) -> float:
        """Cancels the attempts that are overdue, lag aside; returns what Swept.tick does, CANCELLED for any."""
        spare_until = NEVER if self.watches else now
        for watch in self.watches:
            if late:
                # Until its latest event the loop did not stand still.
                watch.forgive(max(late, min(most, watch.silence(now))))
            expired = watch.expired(now)
            if expired is not None and self.ending is None:
                watch.fire(expired)
                spare_until = CANCELLED
            else:
                spare_until = min(spare_until, watch.spare_until(now))
        return spare_until
