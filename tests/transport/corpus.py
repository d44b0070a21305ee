"""Responses as servers send them, and as none should."""

from __future__ import annotations

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"content-type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

AGREED: dict[str, bytes] = {
    "a length": OK + b'Content-Type: text/json\r\nContent-Length: 13\r\nx-request-id: r1\r\n\r\n{"answer": 7}',
    "no body by length": OK + b"content-length: 0\r\n\r\n",
    "chunks": CHUNKED + b"6\r\ndata: \r\n3\r\none\r\n2\r\n\n\n\r\n0\r\n\r\n",
    "a chunk that looks like an end": CHUNKED + b"b\r\n\r\n0\r\n\r\nabcd\r\n0\r\n\r\n",
    "capital sizes": CHUNKED + b"A\r\n0123456789\r\n0A\r\n0123456789\r\n000\r\n\r\n",
    "extensions": CHUNKED + b'3;name=value;other="x"\r\nabc\r\n0;last\r\n\r\n',
    "trailers": CHUNKED + b"3\r\nabc\r\n0\r\nx-sum: 1\r\nx-more: 2\r\n\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\nx-request-id: 1\r\n\r\n",
    "an error": b"HTTP/1.1 529 Overloaded\r\ncontent-length: 2\r\nretry-after: 1\r\n\r\n{}",
    "no reason": b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\n{}",
    "hints first": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    + OK + b"content-length: 2\r\n\r\nhi",
    "repeated fields": OK + b"vary: a\r\nvary: b\r\ncontent-length: 2\r\n\r\nhi",
    "odd blanks": OK + b"Content-Length:2\r\nx:\t tab \t\r\nempty:\r\n\r\nhi",
    "told to close": OK + b"connection: Close\r\ncontent-length: 2\r\n\r\nhi",
    "old, and kept": b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nhi",
    "old, with a length": b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi",
}  # fmt: skip
"""Both transports take these in the same way, whole or cut off; all but the last and the third last are kept."""

UNTIL_CLOSE: dict[str, bytes] = {
    "old": b"HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\nall until the end",
    "without a length": OK + b"content-type: text/plain\r\n\r\nall until the end",
    "and told to close": OK + b"connection: close\r\n\r\nall until the end",
}

LEFT_OVER: dict[str, bytes] = {
    "bytes after a length": OK + b"content-length: 2\r\n\r\nhiX",
    "a second answer": OK + b"content-length: 2\r\n\r\nhi" + OK + b"content-length: 3\r\n\r\nbad",
    "line ends after a length": OK + b"content-length: 2\r\n\r\nhi\r\n\r\n",
    "bytes after chunks": CHUNKED + b"2\r\nhi\r\n0\r\n\r\nX",
    "line ends after chunks": CHUNKED + b"2\r\nhi\r\n0\r\n\r\n\r\n",
    "a second answer after chunks": CHUNKED + b"2\r\nhi\r\n0\r\n\r\n" + CHUNKED + b"3\r\nbad\r\n0\r\n\r\n",
    "bytes after an end that closes": OK + b"connection: close\r\ncontent-length: 2\r\n\r\nhiX",
}
"""Each answers `hi`, and then says more than it was asked for."""

NO_HTTP: dict[str, bytes] = {
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "another protocol that looks alike": b"RTSP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
    "another version": b"HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n",
    "two lengths": OK + b"content-length: 2\r\ncontent-length: 2\r\n\r\nhi",
    "two different lengths": OK + b"content-length: 2\r\ncontent-length: 3\r\n\r\nhi!",
    "a list of lengths": OK + b"content-length: 2, 2\r\n\r\nhi",
    "a signed length": OK + b"content-length: +2\r\n\r\nhi",
    "a length too long": OK + b"content-length: 99999999999999999999999\r\n\r\nhi",
    "an empty length": OK + b"content-length:\r\n\r\nhi",
    "length and chunks": OK + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "chunks and length": OK + b"transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "another coding": OK + b"transfer-encoding: gzip, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "chunks in an old answer": b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "a folded field": OK + b"x: one\r\n two\r\ncontent-length: 2\r\n\r\nhi",
    "a folded field by a tab": OK + b"x: one\r\n\ttwo\r\ncontent-length: 2\r\n\r\nhi",
    "a bare line feed": OK + b"x: one\ncontent-length: 2\r\n\r\nhi",
    "bare line feeds alone": b"HTTP/1.1 200 OK\ncontent-length: 2\n\nhi",
    "a bare carriage return": OK + b"x: one\rtwo\r\ncontent-length: 2\r\n\r\nhi",
    "NUL in a value": OK + b"x: a\0b\r\ncontent-length: 2\r\n\r\nhi",
    "NUL in a name": OK + b"x\0y: ab\r\ncontent-length: 2\r\n\r\nhi",
    "NUL in the reason": b"HTTP/1.1 200 O\0K\r\ncontent-length: 2\r\n\r\nhi",
    "a blank before the colon": OK + b"content-length : 2\r\n\r\nhi",
    "no colon": OK + b"content-length 2\r\n\r\nhi",
    "no name": OK + b": 2\r\ncontent-length: 2\r\n\r\nhi",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n",
    "a status below 100": b"HTTP/1.1 099 OK\r\ncontent-length: 0\r\n\r\n",
    "another protocol from here": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",
    "a head of a megabyte": OK + b"x: " + b"a" * 1_000_000,
    "a field of 20 KB": OK + b"x: " + b"a" * 20_000 + b"\r\ncontent-length: 2\r\n\r\nhi",
    "200 fields without an end": OK + b"".join(b"x-%d: y\r\n" % number for number in range(200)),
    "200 fields": OK + b"".join(b"x-%d: y\r\n" % number for number in range(200)) + b"content-length: 2\r\n\r\nhi",
    "a head of 70 KB": OK + b"".join(b"x-%d: %b\r\n" % (n, b"y" * 1_000) for n in range(70)) + b"\r\n",
}

BAD_CHUNKS: dict[str, bytes] = {
    "no size": CHUNKED + b"2\r\nhi\r\nzz\r\n",
    "a signed size": CHUNKED + b"2\r\nhi\r\n-2\r\nhi\r\n",
    "a blank after the size": CHUNKED + b"2\r\nhi\r\n2 \r\nhi\r\n",
    "a size too long": CHUNKED + b"2\r\nhi\r\n" + b"f" * 17 + b"\r\nhi",
    "more than the size": CHUNKED + b"2\r\nhi\r\n2\r\nhi!\r\n",
    "a bare line feed": CHUNKED + b"2\r\nhi\r\n2\nhi\n",
    "endless extensions": CHUNKED + b"2\r\nhi\r\n2;" + b"x" * 200_000,
    "extensions of every chunk": CHUNKED + b"2\r\nhi\r\n" + b"1;%b\r\nx\r\n" % (b"x" * 5_000) * 50,
    "endless trailers": CHUNKED + b"2\r\nhi\r\n0\r\n" + b"x-y: z\r\n" * 20_000,
}
"""Each begins with `hi`, and then breaks."""
