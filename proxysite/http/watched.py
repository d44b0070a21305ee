"""One client connection with limits: for its head, its body, its time, and for bytes that are neither head nor body.

What it waits for is its phase, and `_due` says until when; the server looks twice a second (GatewayState.sweep).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Final, cast
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from access.addresses import counted_by
from proxysite.http.connections import NEVER, GatewayState
from proxysite.http.cycle import GatewayCycle

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
_USUAL_LENGTH: Final = 80
"""Characters of a target that clients ask for again and again."""
_MOST_PIPELINED: Final = 100
"""Requests that may wait behind one that is being answered."""


class Refusal(Exception):
    """Raised while the parser works on a head that is not taken: the status and the text of the answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status)
        self.status = status
        self.text = text


class WatchedProtocol(HttpToolsProtocol, ABC):
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

    @abstractmethod
    def feed(self, data: bytes) -> None:
        """Parses what came."""

    @abstractmethod
    def refuse(self, status: int, text: str, *, linger: bool = True) -> None:
        """Answers with an error, if that is possible now, and ends the connection."""

    @abstractmethod
    def close_if_idle(self) -> None:
        """Closes a connection of which nothing more has come."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Counts the connection, and refuses it where its address has too many."""
        super().connection_made(transport)
        state = cast(GatewayState, self.server_state)
        self._state, self._limits = state, state.limits
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
            self._state.leaves(self._counted)
        super().connection_lost(exc)
        cycle = cast("GatewayCycle | None", self.cycle)
        if cycle is not None:
            cycle.lost()

    def data_received(self, data: bytes) -> None:
        """Parses what came, and notes what the connection waits for now."""
        if self._phase == LEAVING:
            return
        before = self.cycle
        self._unclaimed += len(data)
        self.feed(data)
        cycle, scope = self.cycle, self.scope
        if self._unclaimed > self._limits.header_bytes and self._phase != LEAVING:
            self._refuse_unclaimed()
        elif scope is None or self._phase == LEAVING:  # type: ignore[redundant-expr]
            return
        elif "path" not in scope:
            # Its scope is made with the first byte of a request, and completed at the end of the head.
            if self._phase != HEAD or cycle is not before:
                self._phase = HEAD
                self._due = self._state.clock + self._limits.header_seconds
        elif cycle.response_complete:
            self._read_on(cycle)
        elif cycle.more_body:
            if self._phase != BODY or cycle is not before:
                self._phase, self._due = BODY, 0.0
                self._began, self._received = self._state.clock, 0
            self._received += len(data)
        elif self._phase != ANSWER:
            self._phase, self._due = ANSWER, NEVER

    def on_headers_complete(self) -> None:
        """Starts the request. Raises Refusal for a head that is too large, and for too many requests at once."""
        limits = self._limits
        if len(self.headers) > limits.headers:
            raise Refusal(431, f"The request has more than {limits.headers} headers.")
        if self._unclaimed > limits.header_bytes:
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > limits.header_bytes:
                raise Refusal(431, f"The headers of the request are larger than {limits.header_bytes} bytes.")
        if len(self.pipeline) >= _MOST_PIPELINED:
            raise Refusal(429, "Too many requests at once on one connection.")
        self._unclaimed = 0
        self._begin()

    def _begin(self) -> None:
        """Starts the request whose head is complete, or lets it wait for the one before. In place of uvicorn's."""
        parser, scope, url = self.parser, self.scope, self.url
        version = parser.get_http_version()
        if version != "1.1":
            scope["http_version"] = version
        scope["method"] = parser.get_method().decode("ascii")
        target = _usual_target(url) if len(url) <= _USUAL_LENGTH else _target(url)
        scope["path"], scope["raw_path"], scope["query_string"] = target
        before = self.cycle
        keep_alive = version != "1.0" and parser.should_keep_alive()
        self.cycle = cycle = GatewayCycle(self, scope, keep_alive=keep_alive)
        # There is none before the first request, whatever uvicorn declares.
        if before is None or before.response_complete:  # type: ignore[redundant-expr]
            self._start_asgi_task(cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def on_body(self, body: bytes) -> None:
        """Takes a part of the body. In place of uvicorn's, which asks each time whether the connection is upgraded."""
        self._unclaimed = 0
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.body += body
            if len(cycle.body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
            cycle.message_event.set()

    def on_message_complete(self) -> None:
        """Ends the body, also one whose answer is complete already."""
        self.cycle.more_body = False
        self.cycle.message_event.set()

    def on_response_complete(self) -> None:
        """Starts the next request that has come, or waits for one. In place of uvicorn's, which makes a timer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            if self._phase == LEAVING and self.pipeline[-1][0].more_body:
                # The rest of that one was not read.
                self.transport.close()
                return
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        elif self._phase == ANSWER:
            self._wait()
        elif self._phase == BODY:
            self._phase, self._due = REST, self._state.clock + _REST * self._limits.header_seconds

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

    def leave_with_rest(self) -> None:
        """Parses nothing any more; gives the client the time to send the rest of its body, and to read its answer."""
        self.leave_soon(_REST * self._limits.header_seconds)

    def leave_soon(self, seconds: float = _LEAVE_SECONDS) -> None:
        """Parses nothing any more; gives the client a moment to read its answer."""
        self._phase, self._due = LEAVING, self._state.clock + seconds
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _read_on(self, cycle: RequestResponseCycle) -> None:
        """Waits for the next request where the rest of an answered one has come."""
        if self._phase == REST and not cycle.more_body:
            self._wait()

    def _wait(self) -> None:
        self._phase, self._due = IDLE, self._state.clock + self._limits.idle_seconds

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
        elif self._phase != HEAD or self.scope is None:
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


def _target(url: bytes) -> tuple[str, bytes, bytes]:
    """Returns a request's path, as it was sent too, and its query. Raises httptools.HttpParserInvalidURLError."""
    target = httptools.parse_url(url)
    path = target.path.decode("ascii")
    return unquote(path) if "%" in path else path, target.path, target.query or b""


_usual_target = lru_cache(maxsize=128)(_target)
