"""Where a request goes, and the bytes of its head: all that can be encoded once is."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

_PATH = "/%:@!$&'()*+,;=~-._"
_QUERY = _PATH + "?[]"
_NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"[a-z0-9._~!$&'()*+,;=-]+")
_ADDRESS = re.compile(r"[0-9a-f:.]+(?:%[a-z0-9._~-]+)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """A server: `scheme` is http or https, `host` a name in ASCII or an address without brackets."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """As it stands in a Host header: without the scheme's own port."""
        return self.named if self.port == _PORTS[self.scheme] else f"{self.named}:{self.port}"

    @property
    def named(self) -> str:
        """The host, an IPv6 address in brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host


class Proxy:
    """An HTTP proxy by its URL, with the user and password in it."""

    def __init__(self, url: str) -> None:
        """Raises ValueError."""
        self.origin, _ = split(url)
        parts = urlsplit(url)
        login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()
        has_login = parts.username is not None
        self.fields = [("proxy-authorization", f"Basic {b64encode(login).decode()}")] if has_login else []

    def connect(self, origin: Origin) -> bytes:
        """The head of the request for a tunnel to a server."""
        there = f"{origin.named}:{origin.port}"
        return f"CONNECT {there} HTTP/1.1\r\n".encode() + fields([("host", there), *self.fields]) + b"\r\n"


class Target:
    """One path of a server, with the headers of every request to it. A proxy is told the whole URL but for TLS."""

    def __init__(
        self, origin: Origin, path: str, headers: Iterable[tuple[str, str]], proxy: Proxy | None, method: str = "POST"
    ) -> None:
        headers = [("host", origin.authority), *headers]
        if proxy is not None and origin.scheme == "http":
            path = f"http://{origin.authority}{path}"
            headers += proxy.fields
        self._start = f"{method} {path} HTTP/1.1\r\n".encode("ascii") + fields(headers)

    def head(self, headers: Iterable[tuple[str, str]], size: int) -> bytes:
        """The head of a request with a body of so many bytes. Raises ValueError for a header that cannot be sent."""
        return b"%b%bcontent-length: %d\r\n\r\n" % (self._start, fields(headers), size)


def fields(headers: Iterable[tuple[str, str]]) -> bytes:
    """The lines of headers. Raises ValueError for one that cannot be sent."""
    lines = [f"{name}: {value}\r\n" for name, value in headers]
    text = "".join(lines)
    count = len(lines)
    if text.count("\n") != count or text.count("\r") != count or "\0" in text:
        raise ValueError("a header holds a line break or NUL")
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def split(url: str) -> tuple[Origin, str]:
    """Returns a URL's server, and its path and query as they are sent. Raises ValueError."""
    if _CONTROL.search(url):
        raise ValueError("a control character")
    parts = urlsplit(url)
    scheme, host = parts.scheme, parts.hostname or ""
    if scheme not in _PORTS:
        raise ValueError("not a URL of http or https")
    if not host.isascii():
        import idna

        host = idna.encode(host).decode()  # Raises IDNAError, a ValueError.
    if not (_ADDRESS if ":" in host else _HOST).fullmatch(host):
        raise ValueError("not the name of a host")
    path = quote(_NO_ESCAPE.sub("%25", parts.path or "/"), safe=_PATH)
    query = f"?{quote(_NO_ESCAPE.sub('%25', parts.query), safe=_QUERY)}" if parts.query else ""
    port = parts.port
    return Origin(scheme, host, _PORTS[scheme] if port is None else port), path + query
