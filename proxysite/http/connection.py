"""A connection as uvicorn's server has them, and the requests that httptools finds on it.

One that comes before the one in front of it is answered waits in a pipeline.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections import deque
from functools import lru_cache
from typing import Any, Final, cast
from urllib.parse import unquote

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl
from uvicorn.server import ServerState

from proxysite.http.connections import GatewayState
from proxysite.http.cycle import GatewayCycle, Scope

Header = tuple[bytes, bytes]

_USUAL_LENGTH: Final = 80
"""Characters of a target that clients ask for again and again."""


class Connection(asyncio.Protocol, ABC):
    """Makes a request of what the parser finds, and lets the application answer one after the other."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        # uvicorn's server makes it, with these names.
        if not config.loaded:
            config.load()
        self.config = config
        self.loop = _loop or asyncio.get_event_loop()
        self.state = cast(GatewayState, server_state)
        self.tasks = server_state.tasks
        self.transport: asyncio.Transport
        self.flow: FlowControl
        self.client: tuple[str, int] | None = None
        self.cycle: GatewayCycle | None = None
        """The request that came last."""
        self.ends_together = False
        """Whether the end of the answer and that of the connection are to leave in one packet."""
        self._answered_now: GatewayCycle | None = None
        self._app = config.loaded_app
        self._app_state = app_state
        self._of_connection: dict[str, Any] = {}
        self._pipeline: deque[GatewayCycle] = deque()
        self._url = b""
        self._headers: list[Header] = []
        self._expects_100 = False
        self._in_head = False
        self._parser = self._new_parser()

    @abstractmethod
    def answered(self, cycle: GatewayCycle) -> None:
        """Goes on, or ends the connection, when an answer is complete."""

    @abstractmethod
    def cork(self) -> None:
        """Keeps what is written until the connection is closed."""

    @abstractmethod
    def _check_head(self) -> None:
        """Raises Refusal for a head that is not taken."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Takes in whose connection it is."""
        self.transport = made = cast(asyncio.Transport, transport)
        self.flow = FlowControl(made)
        self.client = get_remote_addr(made)
        self.state.connections.add(cast("Any", self))
        self._of_connection = {
            "type": "http",
            "asgi": {"version": self.config.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": get_local_addr(made),
            "client": self.client,
            "scheme": "https" if is_ssl(made) else "http",
            "root_path": "",
        }

    def connection_lost(self, exc: Exception | None) -> None:
        """Tells the request that is under way."""
        self.state.connections.discard(self)
        self.flow.resume_writing()
        self.transport.close()
        if self._answered_now is not None:
            self._answered_now.lost()
        self._let_go()

    def _let_go(self) -> None:
        """Drops what refers to the connection, which then needs no garbage collector."""
        del self._parser
        self.cycle = self._answered_now = None
        self._pipeline.clear()

    def pause_writing(self) -> None:
        """Lets answers wait for the client to read."""
        self.flow.pause_writing()

    def resume_writing(self) -> None:
        """Lets them go on."""
        self.flow.resume_writing()

    # --- what the parser calls ----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begins a request."""
        self._url = b""
        self._headers = []
        self._expects_100 = False
        self._in_head = True

    def on_url(self, url: bytes) -> None:
        """Takes a part of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Takes a header."""
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self._expects_100 = True
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Starts the request whose head is complete, or lets it wait for the one before. Raises Refusal."""
        parser, state = self._parser, self.state
        if parser.should_upgrade():
            # It is read again without the offer, or handed over.
            return
        self._check_head()
        version, url = parser.get_http_version(), self._url
        target = _usual_target(url) if len(url) <= _USUAL_LENGTH else _target(url)
        scope = self._of_connection.copy()
        scope["method"] = parser.get_method().decode("ascii")
        scope["path"], scope["raw_path"], scope["query_string"] = target
        scope["headers"], scope["state"] = self._headers, self._app_state.copy()
        keep_alive, expects_100 = parser.should_keep_alive(), self._expects_100
        if version != "1.1":
            scope["http_version"] = version
            if version == "1.0":
                keep_alive = expects_100 = False
        if state.draining:
            keep_alive, state.last_request = False, time.monotonic()
        # Trailers go into another list, which nobody reads.
        self._headers, self._in_head = [], False
        self._begin(GatewayCycle(self, scope, keep_alive=keep_alive, expects_100=expects_100))

    def begin_known(self, scope: Scope, body: bytes) -> None:
        """Starts a request that has come whole, without the parser; none is under way."""
        scope["state"] = self._app_state.copy()
        self.cycle = cycle = GatewayCycle(self, scope, keep_alive=True, expects_100=False)
        cycle.take_whole(body)
        self._start(cycle)

    def on_message_complete(self) -> None:
        """Ends the body, also one whose answer is complete already, but for a request that is read again."""
        if self.cycle is not None and not self._in_head:
            self.cycle.end_body()

    def _new_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        # What follows a connection's last request is not looked at.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    def _unanswered(self) -> GatewayCycle | None:
        """Returns the request that came last, unless its answer is complete."""
        return None if self.cycle is None or self.cycle.response_complete else self.cycle

    def _begin(self, cycle: GatewayCycle) -> None:
        before, self.cycle = self.cycle, cycle
        if before is None or before.response_complete:
            self._start(cycle)
        else:
            self.flow.pause_reading()
            self._pipeline.append(cycle)

    def _start(self, cycle: GatewayCycle) -> None:
        self._answered_now = cycle
        cycle.task = task = self.loop.create_task(cycle.run(self._app))
        self.tasks.add(task)


def _target(url: bytes) -> tuple[str, bytes, bytes]:
    """Returns a request's path, as it was sent too, and its query. Raises httptools.HttpParserInvalidURLError."""
    target = httptools.parse_url(url)
    path = target.path.decode("ascii")
    return unquote(path) if "%" in path else path, target.path, target.query or b""


_usual_target = lru_cache(maxsize=128)(_target)
