"""One client connection with limits: for its head, its body, its time, and for bytes that are neither head nor body.

What it waits for is its phase, and `_due` says until when; the server looks twice a second (GatewayState.sweep).
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import Final

from access.addresses import counted_by
from proxysite.http.connection import Connection
from proxysite.http.connections import NEVER
from proxysite.http.cycle import GatewayCycle
from proxysite.http.known_head import KnownHead

# The phases. Numbers, not an enumeration: each request compares them a few times.
HEAD: Final = 0
"""A request's head is on its way, or a new connection has not said anything yet."""
BODY: Final = 1
ANSWER: Final = 2
"""All of the request has come."""
REST: Final = 3
"""The answer is complete, the body is not: what still comes is read and forgotten."""
IDLE: Final = 4
LEAVING: Final = 5
"""Refused: whatever still comes is not even parsed."""

_REST: Final = 3
"""For how many times the limit on a head the rest of a body is read after its answer: many clients send all first."""
_LEAVE_SECONDS: Final = 2.0
"""How long a refused client may take to read why: a connection closed with bytes unread would be reset."""
_MOST_PIPELINED: Final = 100
"""Requests that may wait behind one that is being answered."""


class Refusal(Exception):
    """Raised while the parser works on a head that is not taken: the status and the text of the answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status)
        self.status = status
        self.text = text


class WatchedConnection(Connection):
    """A connection that is ended when it takes too much or too long."""

    _phase = HEAD
    _due = 0.0
    """When something must have happened, in seconds of the state's clock."""
    _unclaimed = 0
    """Bytes in a row that were neither a complete head nor a body."""
    _received = 0
    """Bytes of the body that is arriving."""
    _began = 0.0
    """When it began."""
    _unsent = 0
    _stalled = 0.0
    """For how long nothing of what is unsent was taken."""
    _counted: str | None = None
    _known: KnownHead | None = None
    _unlearned: bytes | None = None
    """What came first of a request whose head is to be remembered."""
    _lessons = 3
    """How many heads of a connection may still be remembered, each in place of the one before."""

    @abstractmethod
    def feed(self, data: bytes) -> None:
        """Parses what came."""

    @abstractmethod
    def refuse(self, status: int, text: str, *, linger: bool = True) -> None:
        """Answers with an error, if that is possible now, and ends the connection."""

    @abstractmethod
    def _end_together(self) -> None:
        """Ends the connection with an answer while the server stops, unless more has come on it."""

    @abstractmethod
    def close_if_idle(self) -> None:
        """Closes a connection of which nothing more has come."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Counts the connection, and refuses it where its address has too many."""
        super().connection_made(transport)
        state, self._limits = self.state, self.state.limits
        self._due = NEVER
        state.opened()
        self._due = state.clock + state.limits.header_seconds
        if self.client is None:
            return
        self._counted = counted_by(self.client[0], state.limits.proxies)
        if self._counted is not None and not state.enters(self._counted):
            self.refuse(429, "Your address has too many open connections to this gateway.", linger=False)

    def connection_lost(self, exc: Exception | None) -> None:
        """Counts the end."""
        if self._counted is not None:
            self.state.leaves(self._counted)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parses what came, and notes what the connection waits for now."""
        if self._phase == LEAVING or (self._phase == IDLE and self._is_known(data)):
            return
        before = self.cycle
        self._unclaimed += len(data)
        self.feed(data)
        cycle = self.cycle
        if self._unclaimed > self._limits.header_bytes and self._phase != LEAVING:
            self._refuse_unclaimed()
        elif self._phase == LEAVING:
            return
        elif self._in_head or cycle is None:
            if self._phase != HEAD or cycle is not before:
                self._phase = HEAD
                self._due = self.state.clock + self._limits.header_seconds
        elif cycle.response_complete:
            self._read_on(cycle)
        elif cycle.more_body:
            if self._phase != BODY or cycle is not before:
                self._phase, self._due = BODY, 0.0
                self._began, self._received = self.state.clock, 0
            self._received += len(data)
        elif self._phase != ANSWER:
            self._phase, self._due = ANSWER, NEVER

    def on_body(self, body: bytes) -> None:
        """Takes a part of the body."""
        self._unclaimed = 0
        if self.cycle is not None:
            self.cycle.take_body(body)

    def answered(self, cycle: GatewayCycle) -> None:
        """Starts the next request that has come, or waits for one; ends the connection after its last answer."""
        if not cycle.keep_alive:
            self._end_after(cycle)
        elif self.ends_together:
            self._end_together()
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self._pipeline:
            if self._phase == LEAVING and self._pipeline[0].more_body:
                # The rest of that one was not read.
                self.transport.close()
                return
            self._start(self._pipeline.popleft())
        elif self._phase == ANSWER:
            self._wait()
        elif self._phase == BODY:
            self._phase, self._due = REST, self.state.clock + _REST * self._limits.header_seconds

    def resume_writing(self) -> None:
        """Notes that the client reads."""
        self._stalled = 0.0
        super().resume_writing()

    def look(self, clock: float, step: float) -> None:
        """Ends the connection where it is overdue. `step` is the time since the last look."""
        if self.flow.write_paused or self.transport.is_closing():
            self._look_at_writing(step)
        elif clock >= self._due:
            self._overdue(clock, step)

    def leave(self) -> None:
        """Parses nothing any more; waits for the end of what is being answered."""
        self._phase, self._due = LEAVING, NEVER

    def leave_soon(self, seconds: float = _LEAVE_SECONDS) -> None:
        """Parses nothing any more; gives the client a moment to read its answer."""
        self._phase, self._due = LEAVING, self.state.clock + seconds
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _begin(self, cycle: GatewayCycle) -> None:
        """Starts a request, and remembers its head where it is not a connection's first."""
        if self._unlearned is not None:
            learned = KnownHead.of(self._unlearned, cycle.scope, self._limits.header_bytes)
            self._known, self._unlearned = learned or self._known, None
        super()._begin(cycle)

    def _check_head(self) -> None:
        """Raises Refusal for a head that is too large, and for too many requests at once."""
        limits = self._limits
        if len(self._headers) > limits.headers:
            raise Refusal(431, f"The request has more than {limits.headers} headers.")
        if self._unclaimed > limits.header_bytes:
            size = len(self._url) + sum(len(name) + len(value) + 4 for name, value in self._headers)
            if size > limits.header_bytes:
                raise Refusal(431, f"The headers of the request are larger than {limits.header_bytes} bytes.")
        if len(self._pipeline) >= _MOST_PIPELINED:
            raise Refusal(429, "Too many requests at once on one connection.")
        self._unclaimed = 0

    def _end_after(self, cycle: GatewayCycle) -> None:
        """Closes the connection, or lets the client send to the end first: a connection that is closed with bytes
        unread is reset, and many clients send all before they read why not."""
        if cycle.more_body and not self.transport.is_closing():
            self.leave_soon(_REST * self._limits.header_seconds)
        else:
            self.transport.close()

    def _is_known(self, data: bytes) -> bool:
        """Whether what came while nothing was under way is a whole request with the head before, which then begins."""
        if self._unclaimed or self._in_head or self.state.draining:
            return False
        request = None if self._known is None else self._known.request(data)
        if request is None:
            if self._lessons:
                self._lessons -= 1
                self._unlearned = data
            return False
        self._phase, self._due = ANSWER, NEVER
        self.begin_known(*request)
        return True

    def _read_on(self, cycle: GatewayCycle) -> None:
        """Waits for the next request where the rest of an answered one has come."""
        if self._phase == REST and not cycle.more_body:
            self._wait()

    def _wait(self) -> None:
        self._phase, self._due = IDLE, self.state.clock + self._limits.idle_seconds

    def _refuse_unclaimed(self) -> None:
        limit = self._limits.header_bytes
        if self._phase == REST:
            # It has its answer.
            self.leave_soon()
        elif self._phase == HEAD:
            self.refuse(431, f"The headers of the request are larger than {limit} bytes.")
        else:
            self.refuse(400, f"The request has more than {limit} bytes that are neither headers nor a body.")

    def _look_at_writing(self, step: float) -> None:
        """Ends a connection of which the client has taken nothing for too long."""
        unsent = self.transport.get_write_buffer_size()
        if unsent != self._unsent:
            self._unsent, self._stalled = unsent, 0.0
            return
        self._stalled += step
        if self._stalled >= self._limits.send_seconds:
            self.transport.abort()

    def _overdue(self, clock: float, step: float) -> None:
        if self._phase == BODY:
            self._look_at_body(clock, step)
        elif self._phase == IDLE:
            self.close_if_idle()
        elif self._phase != HEAD or not self._in_head:
            # Refused, or silent since the connection was made.
            self.transport.close()
        elif self.flow.read_paused:
            # It waits behind another request, not for the client.
            self._due = clock + self._limits.header_seconds
        else:
            self.refuse(408, f"The headers of the request did not come within {self._limits.header_seconds:g} seconds.")

    def _look_at_body(self, clock: float, step: float) -> None:
        """Ends a request whose body comes too slowly. The time in which nothing of it was read does not count."""
        if self.flow.read_paused:
            self._began += step
            return
        limits, taken = self._limits, clock - self._began
        if taken > limits.body_seconds:
            self.refuse(408, f"The body of the request did not come within {limits.body_seconds:g} seconds.")
        elif self._received < limits.body_rate * (taken - limits.header_seconds):
            self.refuse(408, f"The body of the request came more slowly than {limits.body_rate:g} bytes per second.")
