"""The people who look at pages, as a program: one asks for home, one downloads an export, one tests a provider.

Each line of its input is a Visit to make, each of its output the Seen of it.
"""

from __future__ import annotations

import http.client
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable
from urllib.parse import urlencode

import msgspec

_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_COOKIE = re.compile(r"csrftoken=[^;]+")
_PATIENCE = 120.0


class Visit(msgspec.Struct, frozen=True):
    """What is looked at for `seconds` on a port: home every `pause` seconds, one export, one test of a provider."""

    port: int
    cookie: str
    home: str
    export: str
    provider_test: str
    model: str
    seconds: float
    pause: float = 0.5


class Seen(msgspec.Struct):
    """How long each home took, in ms; what came of the export, and whether all of it did; what the test answered."""

    home_ms: list[float] = []
    export_bytes: int = 0
    export_lines: int = 0
    export_ended: bool = False
    tested: bool = False
    problems: list[str] = []


class Visitors:
    """One Visit under way."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._until = time.monotonic() + visit.seconds
        self.seen = Seen()

    def make(self) -> Seen:
        """Looks at everything, each in a thread of its own."""
        threads = [
            threading.Thread(target=self._guarded, args=(look,)) for look in (self._home, self._export, self._test)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self.seen

    def _guarded(self, look: Callable[[], None]) -> None:
        try:
            look()
        except (OSError, http.client.HTTPException, RuntimeError):
            self.seen.problems.append(traceback.format_exc(limit=3))

    def _home(self) -> None:
        due = time.monotonic()
        while due < self._until:
            time.sleep(max(0.0, due - time.monotonic()))
            began = time.monotonic()
            self._text("GET", self._visit.home)
            self.seen.home_ms.append((time.monotonic() - began) * 1000)
            due = max(due + self._visit.pause, time.monotonic())

    def _export(self) -> None:
        connection = self._asked("GET", self._visit.export)
        try:
            response = connection.getresponse()
            self._judge(response, self._visit.export)
            while data := response.read1(1 << 16):
                self.seen.export_bytes += len(data)
                self.seen.export_lines += data.count(b"\n")
                if time.monotonic() > self._until:
                    return
            self.seen.export_ended = True
        finally:
            connection.close()

    def _test(self) -> None:
        time.sleep(self._visit.seconds / 2)
        path = self._visit.provider_test
        page, token_cookie = self._text("GET", path)
        token = _TOKEN.search(page)
        if token is None:
            raise RuntimeError(f"{path} has no form")
        form = urlencode({"csrfmiddlewaretoken": token[1], "model": self._visit.model, "other": ""})
        answer, _ = self._text("POST", path, form, f"{self._visit.cookie}; {token_cookie}")
        self.seen.tested = "It works." in answer

    def _asked(self, method: str, path: str, body: str = "", cookie: str = "") -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self._visit.port, timeout=_PATIENCE)
        address = f"http://127.0.0.1:{self._visit.port}"
        headers = {"cookie": cookie or self._visit.cookie, "referer": address + path, "origin": address}
        if body:
            headers["content-type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, body=body or None, headers=headers)
        return connection

    def _text(self, method: str, path: str, body: str = "", cookie: str = "") -> tuple[str, str]:
        """The answer's text and the cookie of its form's token. Raises RuntimeError for any other than a page."""
        connection = self._asked(method, path, body, cookie)
        try:
            response = connection.getresponse()
            self._judge(response, path)
            found = _COOKIE.search(response.getheader("set-cookie") or "")
            return response.read().decode(), found[0] if found else ""
        finally:
            connection.close()

    def _judge(self, response: http.client.HTTPResponse, path: str) -> None:
        if response.status != 200:
            raise RuntimeError(f"{path} answered {response.status} {response.getheader('location', '')}")


if __name__ == "__main__":
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(msgspec.json.encode(Visitors(msgspec.json.decode(line, type=Visit)).make()) + b"\n")
        sys.stdout.buffer.flush()
