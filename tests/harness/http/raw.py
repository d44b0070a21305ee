"""A client over a bare socket, for what no HTTP library would send: each byte is the test's."""

from __future__ import annotations

import io
import json
import socket
import time
from collections.abc import Mapping
from http.client import parse_headers
from typing import Any

from tests.harness.call import Answer
from tests.harness.patience import PATIENCE

CLOSE = ("Connection", "close")


def request(
    body: Any = None,
    *lines: tuple[str, str],
    start: str = "POST /v1/messages HTTP/1.1",
    chunked: bool = False,
    trailers: Mapping[str, str] | None = None,
) -> bytes:
    """A request: a body that is no bytes is sent as JSON; its length or its chunks are added, nothing else."""
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    head = [start, *(f"{name}: {value}" for name, value in lines)]
    if chunked:
        # In three pieces, of which one is a single byte.
        pieces = [data[:1], data[1:20], data[20:]]
        data = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece) + b"0\r\n"
        data += "".join(f"{name}: {value}\r\n" for name, value in (trailers or {}).items()).encode() + b"\r\n"
        head.append("Transfer-Encoding: chunked")
    elif body is not None:
        head.append(f"Content-Length: {len(data)}")
    return "\r\n".join([*head, "", ""]).encode("latin-1") + data


def talk(port: int, *parts: bytes, pause: float = 0.05) -> list[Answer]:
    """What a server of this machine answers to these bytes, sent one part after the other, until it closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        for number, part in enumerate(parts):
            if number:
                time.sleep(pause)
            connection.sendall(part)
        received = bytearray()
        while data := connection.recv(65536):
            received += data
    return answers_in(bytes(received))


def answers_in(received: bytes) -> list[Answer]:
    """The answers in all that a server sent, interim ones among them."""
    stream = io.BytesIO(received)
    found = []
    while line := stream.readline():
        version, status, *_ = line.decode().split(" ")
        assert version == "HTTP/1.1", received[:500]
        headers = {name.lower(): value for name, value in parse_headers(stream).items()}
        raw = b"" if int(status) in (100, 204) else _body(stream, headers)
        found.append(Answer(int(status), headers, raw))
    return found


def _body(stream: io.BytesIO, headers: Mapping[str, str]) -> bytes:
    if "content-length" in headers:
        return stream.read(int(headers["content-length"]))
    if headers.get("transfer-encoding") != "chunked":
        return stream.read()
    data = b""
    while size := int(stream.readline(), 16):
        data += stream.read(size)
        assert stream.readline() == b"\r\n"
    assert stream.readline() == b"\r\n"
    return data


def assert_done(*answers: Answer) -> None:
    """Assert that each is a whole stream that says "done"."""
    assert [answer.stream().text for answer in answers] == ["done"] * len(answers)
