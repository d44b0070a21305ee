"""A relay between a client and the gateway that writes down each request and how it was answered."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.harness.patience import PATIENCE

_OF_ONE_CONNECTION = {"connection", "transfer-encoding", "content-length", "keep-alive"}


@dataclass(frozen=True)
class Relayed:
    """One POST: what was asked, and the whole answer."""

    streamed: bool
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def sentence(self) -> str:
        """The message of an error."""
        return str(json.loads(self.raw)["error"]["message"])

    @property
    def type(self) -> str:
        """The type of an error."""
        return str(json.loads(self.raw)["error"]["type"])


@dataclass
class Relay:
    """Listens on a port of this machine while it is entered. Answers are passed on when they are whole.

    `before_first` is called when the first request has come: what it uses up is still used up when the gateway gets it,
    however long the client took to start.
    """

    port: int
    before_first: Callable[[], object] = lambda: None
    seen: list[Relayed] = field(default_factory=list)

    def __post_init__(self) -> None:
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                relay._relay(self)

            def do_HEAD(self) -> None:
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.address = f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join(PATIENCE)
        self._server.server_close()

    def _relay(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["content-length"]))
        if not self.seen:
            self.before_first()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            sent = {name: value for name, value in handler.headers.items() if name.lower() not in _OF_ONE_CONNECTION}
            connection.request("POST", handler.path, body, sent)
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            raw = response.read()
        finally:
            connection.close()
        self.seen.append(Relayed(bool(json.loads(body).get("stream")), response.status, headers, raw))
        handler.send_response(response.status)
        for name, value in headers.items():
            if name not in _OF_ONE_CONNECTION:
                handler.send_header(name, value)
        handler.send_header("content-length", str(len(raw)))
        handler.end_headers()
        handler.wfile.write(raw)
