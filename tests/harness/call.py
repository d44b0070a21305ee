"""A plain client of the gateway over a socket: no SDK, so that a test sees each byte, when it came and how it ended."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.claude.claude_stream import ParsedStream, check_stream
from tests.harness.patience import PATIENCE


def message(model: str, prompt: Any = "Hi", *, stream: bool = True, **fields: Any) -> dict[str, Any]:
    """A small Messages request."""
    return {
        "model": model,
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": prompt}],
        "stream": stream,
        **fields,
    }


@dataclass(frozen=True)
class Answer:
    """A whole response; header names in lower case."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        """The JSON body."""
        return json.loads(self.raw)

    @property
    def request_id(self) -> str:
        """The request's id."""
        return self.headers["request-id"]

    def stream(self) -> ParsedStream:
        """The whole stream, held against every rule of the wire."""
        return self._parsed(complete=True)

    def broken_stream(self) -> tuple[ParsedStream, dict[str, Any]]:
        """A legal stream that ends with an error event, and that error: its type and message."""
        parsed = self._parsed(complete=False)
        assert parsed.error is not None, self.raw[-500:]
        return parsed, parsed.error

    def _parsed(self, *, complete: bool) -> ParsedStream:
        assert self.status == 200, self.raw[:500]
        assert self.headers["content-type"].startswith("text/event-stream")
        return check_stream(self.raw, complete=complete)

    def error(self, status: int, kind: str) -> str:
        """The message of an error in Claude's shape, which has this status and type and the request's id."""
        assert (self.status, self.json.get("error", {}).get("type")) == (status, kind), (self.status, self.raw[:500])
        assert self.json["type"] == "error"
        assert self.json["request_id"] == self.request_id
        assert self.headers["content-type"].startswith("application/json")
        text = self.json["error"]["message"]
        assert isinstance(text, str)
        assert text
        return text


class Reading:
    """A response that is still coming."""

    def __init__(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        self._connection = connection
        self._response = response
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.raw = bytearray()
        self.ended_at: float | None = None

    def read(self) -> bytes:
        """What has come, waiting for at least a byte; b"" at the end."""
        data = self._response.read1(65536)
        if not data:
            self.ended_at = time.monotonic()
        self.raw += data
        return data

    def until(self, found: bytes | Callable[[bytearray], bool]) -> None:
        """Read on until the bytes so far contain (or satisfy) `found`."""
        done = found if callable(found) else lambda raw: found in raw
        while not done(self.raw):
            assert self.read(), f"the stream ended before {found!r}: {self.raw[-500:]!r}"

    def finish(self) -> Answer:
        """Read to the end."""
        while self.read():
            pass
        return Answer(self.status, self.headers, bytes(self.raw))

    def leave(self, *, reset: bool = False) -> float:
        """Close the connection as a client that goes away; when that was (time.monotonic())."""
        sock = self._connection.sock
        if sock is None:
            raise AssertionError("the response is over, there is nothing to leave")
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        now = time.monotonic()
        # The response holds a file on the socket: shutting down is what the other side sees at once.
        if not reset:
            sock.shutdown(socket.SHUT_RDWR)
        self._response.close()
        self._connection.close()
        return now


class Client:
    """Someone with a key. `headers` are sent with every request."""

    def __init__(self, base_url: str, key: str | None, **headers: str) -> None:
        self._base_url = base_url
        parts = urlsplit(base_url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._headers = {"anthropic-version": "2023-06-01", "user-agent": "tests/1.0", **headers}
        if key is not None:
            self._headers["x-api-key"] = key

    def with_key(self, key: str) -> Client:
        """A caller of the same gateway with another key."""
        return Client(self._base_url, key)

    @contextlib.contextmanager
    def reading(
        self,
        body: Any = None,
        *,
        method: str = "POST",
        path: str = "/v1/messages",
        headers: Mapping[str, str | None] | None = None,
        timeout: float = PATIENCE,
    ) -> Iterator[Reading]:
        """Send a request (a dict as JSON, bytes as they are) and give the response once its head is there.

        A header whose value is None is not sent.
        """
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {name: value for name, value in {**self._headers, **(headers or {})}.items() if value is not None}
        if data:
            sent.setdefault("content-type", "application/json")
        connection = http.client.HTTPConnection(*self._address, timeout=timeout)
        try:
            connection.request(method, path, body=data or None, headers=sent)
            yield Reading(connection, connection.getresponse())
        finally:
            connection.close()

    def post(self, body: Any, **options: Any) -> Answer:
        """A POST and its whole answer."""
        with self.reading(body, **options) as reading:
            return reading.finish()

    def leave_unanswered(self, body: Any, until: Callable[[], object], session: str) -> float:
        """Send a request, wait for `until()` and go away before any answer; when that was (time.monotonic())."""
        data = json.dumps(body).encode()
        with socket.create_connection(self._address, timeout=PATIENCE) as sock:
            sock.sendall(self._head(len(data), **{"x-claude-code-session-id": session}) + data)
            until()
            return time.monotonic()

    def leave_half_sent(self, model: str) -> None:
        """Go away in the middle of sending a request."""
        data = json.dumps(message(model)).encode()
        with socket.create_connection(self._address, timeout=PATIENCE) as sock:
            sock.sendall(self._head(len(data) + 100) + data)

    def _head(self, length: int, **headers: str) -> bytes:
        sent = {"host": "gateway", "content-length": str(length), **self._headers, **headers}
        lines = ["POST /v1/messages HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
        return "\r\n".join(lines).encode()

    def get(self, path: str, *, method: str = "GET", **options: Any) -> Answer:
        """A GET (or another method) and its whole answer."""
        with self.reading(method=method, path=path, **options) as reading:
            return reading.finish()
