"""The bad manners of upstreams, in every dialect: answers that no honest server gives, stream and whole."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from functools import cache

from tests.harness import speak
from tests.harness.script import CUT, Endless, Reply, Step
from tests.harness.speakers import SPEAKERS

SCRIPT = "<script>alert(1)</script>"
_MB = 1024 * 1024
_JSON = {"content-type": "application/json"}


@cache
def _bomb(size: int) -> bytes:
    """`size` bytes of blanks, compressed."""
    squeezed = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(squeezed.compress(b" " * _MB) for _ in range(size // _MB)) + squeezed.flush()


def _streaming(dialect: str, *steps: Step) -> Reply:
    return Reply(steps, headers={"content-type": SPEAKERS[dialect].content_type})


def _headers(count: int, size: int) -> Reply:
    def lines() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n"
        for number in range(count):
            yield b"x-%d: %s\r\n" % (number, b"a" * size)

    return Reply(before=lines(), raw=b"content-length: 0\r\n\r\n")


def _deep(dialect: str) -> Reply:
    return Reply([b'{"a":' * 200_000], headers=_JSON)


MANNERS: dict[str, Callable[[str], Reply]] = {
    "gzip bomb": lambda d: Reply([_bomb(64 * _MB)], headers={**_JSON, "content-encoding": "gzip"}),
    "gzip bomb as error": lambda d: Reply([_bomb(64 * _MB)], status=500, headers={**_JSON, "content-encoding": "gzip"}),
    "endless line": lambda d: _streaming(d, b"data: ", Endless(b"a" * 65536, 600)),
    "endless data lines": lambda d: _streaming(d, Endless(b"data: a\n" * 4096, 1200)),
    "endless comments and no event": lambda d: _streaming(d, Endless(b": ping\n\n" * 4096, 500)),
    "endless document": lambda d: Reply([b'{"a":"', Endless(b"a" * 65536, 600)], headers=_JSON),
    "endless error": lambda d: Reply([b'{"error":"', Endless(b"a" * 65536, 600)], status=400, headers=_JSON),
    "a header of 20 MB": lambda d: _headers(1, 20 * _MB),
    "30,000 headers": lambda d: _headers(30_000, 10),
    "bad chunk": lambda d: Reply(raw=b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n"),
    "length of two kinds": lambda d: Reply(
        raw=b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 9\r\n\r\nhello"
    ),
    "no HTTP": lambda d: Reply(raw=b"SSH-2.0-OpenSSH_9.2\r\n"),
    "reset before anything": lambda d: Reply(before=[CUT]),
    "reset in the stream": lambda d: _streaming(d, speak.opening(d, "half"), CUT),
    "ends in the stream": lambda d: _streaming(d, speak.opening(d, "half")),
    "deep JSON": _deep,
    "deep event": lambda d: _streaming(d, b"data: " + b"[" * 100_000 + b"\n\n"),
    "HTML": lambda d: Reply([f"<html>{SCRIPT}</html>".encode()], headers={"content-type": "text/html"}),
    "HTML as error": lambda d: Reply(
        [f"<html>{SCRIPT}</html>".encode()], status=502, headers={"content-type": "text/html"}
    ),
    "redirect": lambda d: Reply([], status=302, headers={"location": "http://169.254.169.254/latest/"}),
    "redirect that keeps the body": lambda d: Reply([], status=307, headers={"location": "http://10.0.0.1/"}),
    "a status of its own": lambda d: Reply([b"?"], status=799),
    "an upgrade": lambda d: Reply(raw=b"HTTP/1.1 101 Switching\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n"),
    "script in an error": lambda d: speak.refusal(d, 400, SCRIPT, code=SCRIPT, headers={"request-id": SCRIPT}),
    "types of other sorts": lambda d: Reply(
        [json.dumps(dict.fromkeys(("choices", "content", "candidates", "message", "output", "usage"), 7)).encode()],
        headers=_JSON,
    ),
    "nothing": lambda d: Reply([]),
    "NUL bytes": lambda d: _streaming(d, b"\0" * 10_000),
}
"""By name; each makes the reply for a dialect."""
