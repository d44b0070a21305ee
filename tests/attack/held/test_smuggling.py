"""Two readings of one request: what is ambiguous is refused or closed, and no second request hides in a first one."""

from __future__ import annotations

import json
import socket

import pytest

from tests.attack.rig.rig import Rig
from tests.harness.http.raw import answers_in

_AMBIGUOUS = {
    "CL.TE": "Content-Length: {all}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
    "TE.CL": "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{hidden}",
    "two lengths": "Content-Length: 0\r\nContent-Length: {all}\r\n\r\n{hidden}",
    "two lengths in one": "Content-Length: 0, {all}\r\n\r\n{hidden}",
    "a length with a sign": "Content-Length: +0\r\n\r\n{hidden}",
    "a negative length": "Content-Length: -1\r\n\r\n{hidden}",
    "a length in hex": "Content-Length: 0x0\r\n\r\n{hidden}",
    "a length with a blank before the colon": "Content-Length : 0\r\n\r\n{hidden}",
    "a length of 2^64": "Content-Length: 18446744073709551616\r\n\r\n{hidden}",
    "chunked twice": "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
    "chunked, identity": "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}",
    "identity": "Transfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n{hidden}",
    "xchunked": "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{hidden}",
    "chunked with a vertical tab": "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n{hidden}",
    "chunked in quotes": 'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n{hidden}',
    "chunked folded": "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n{hidden}",
    "a blank before the colon": "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{hidden}",
    "a chunk size with a sign": "Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n{hidden}",
    "a chunk size of 2^64": "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n{hidden}",
    "a chunk size in no hex": "Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n{hidden}",
    "a NUL in a name": "X-\0: a\r\nContent-Length: 0\r\n\r\n{hidden}",
    "a bare CR in a value": "X-A: a\rContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n{hidden}",
    "a line without a colon": "Content-Length 0\r\nTransfer-Encoding chunked\r\n\r\n{hidden}",
}
"""Behind the request line, Host and key of a POST; {hidden} is a whole request of its own."""


def _exchange(port: int, data: bytes) -> bytes:
    """All that a server answers until it closes, or falls silent for a moment."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=3) as connection:
        try:
            connection.sendall(data)
            while piece := connection.recv(65536):
                received += piece
        except (TimeoutError, ConnectionError):
            pass
    return received


def _post(rig: Rig, rest: str) -> str:
    return f"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: {rig.key.secret}\r\n{rest}"


@pytest.mark.parametrize("shape", _AMBIGUOUS)
def test_what_is_ambiguous_hides_no_second_request(shape: str, rig: Rig) -> None:
    script = rig.script()
    body = json.dumps(rig.body(script))
    hidden = _post(rig, f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}")
    data = _post(rig, _AMBIGUOUS[shape].replace("{all}", str(len(hidden) + 5)).replace("{hidden}", hidden))
    answers = answers_in(_exchange(rig.port, data.encode("latin-1")))
    statuses = [answer.status for answer in answers]
    assert script.seen == [], statuses
    assert all(status in (400, 411, 413, 501) for status in statuses), statuses
    assert len(statuses) <= 1


def test_pipelined_requests_are_as_many_answers(rig: Rig) -> None:
    scripts = [rig.script() for _ in range(3)]
    data = b""
    for number, script in enumerate(scripts):
        body = json.dumps(rig.body(script, stream=False))
        end = "Connection: close\r\n" if number == 2 else ""
        data += _post(rig, f"{end}Content-Length: {len(body)}\r\n\r\n{body}").encode()
    answers = answers_in(_exchange(rig.port, data))
    assert [answer.status for answer in answers] == [200] * 3
    assert [len(script.seen) for script in scripts] == [1] * 3


@pytest.mark.parametrize(
    "head",
    [
        "GET /v1/me\r\n\r\n",
        "GET /v1/me HTTP/0.9\r\n\r\n",
        "GET /v1/me HTTP/2.0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /v1/me HTTP/1.1\n\n",
        "get /v1/me HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /v1/me HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET http://evil.example/v1/me HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /v1/me HTTP/1.1\r\nHost: a\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n",
        "GET /v1/me HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n",
        "GET /v1/me\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    ],
)
def test_what_is_no_plain_request_is_refused_and_never_upgraded(head: str, rig: Rig) -> None:
    received = _exchange(rig.port, head.encode("latin-1"))
    assert b" 101 " not in received[:100]
    assert b" 200 " not in received[:20]
    assert rig.marks.found_in(received) == []


def test_an_unread_body_is_no_next_request(rig: Rig) -> None:
    script = rig.script()
    body = json.dumps(rig.body(script))
    hidden = _post(rig, f"Content-Length: {len(body)}\r\n\r\n{body}")
    # Refused before the body is read: no key, no such path, no such method.
    for start in ("POST /v1/messages", "POST /v1/nothing", "GET /v1/messages", "DELETE /v1/me"):
        head = f"{start} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(hidden)}\r\n\r\n"
        _exchange(rig.port, (head + hidden).encode())
    assert script.seen == []
