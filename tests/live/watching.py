"""A browser that looks at the live view, without a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.test import Client as Browser
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from proxysite.live import rows
from tests.harness.patience import PATIENCE, until

_AT_ONCE = 6
MY_PATH = "/my/live/socket"
PATH = "/admin/console/live/socket"


class Watching:
    """What it was told so far: `running` and `ended` by the id of the request."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.running: dict[str, Any] = {}
        self.ended: dict[str, Any] = {}
        self.workers = 0

    def update(self) -> None:
        """Wait for the next update."""
        update = json.loads(self._socket.recv(PATIENCE))
        self.workers = update.get("workers", 0)
        self.running = {one["id"]: one for one in update.get("running", [])}
        if "ended" in update:
            self.ended = {one["id"]: one for one in update["ended"]}

    def until(self, found: Callable[[], Any]) -> None:
        """Take updates until it is found."""

        def updated() -> Any:
            self.update()
            return found()

        until(updated, lambda: f"running {self.running}, ended {self.ended}")

    def until_running(self, ids: set[str]) -> None:
        """Take updates until all of these streams are in one."""
        self.until(lambda: ids <= self.running.keys())

    def closed_with(self) -> int | None:
        """Take updates until the gateway closes the socket; returns its code."""
        try:
            while True:
                self._socket.recv(PATIENCE)
        except ConnectionClosed as closed:
            return None if closed.rcvd is None else closed.rcvd.code


def cookies_of(person: User) -> str:
    """A session of somebody, as a Cookie header."""
    browser = Browser()
    browser.force_login(person)
    return "; ".join(f"{name}={cookie.value}" for name, cookie in browser.cookies.items())


@contextmanager
def watching(base_url: str, cookies: str, origin: str | None = None, path: str = PATH) -> Iterator[Watching]:
    """A browser at `base_url` with these cookies, which shows a page of `origin`: by default the gateway's own."""
    url = base_url.replace("http", "ws", 1) + path
    headers = {"Cookie": cookies} if cookies else {}
    with connect(url, origin=Origin(origin or base_url), additional_headers=headers, proxy=None) as socket:
        yield Watching(socket)


def in_two_workers(begin: Callable[[], Any], eyes: Watching) -> list[list[Any]]:
    """Begin streams, several at once, until two workers have some: alone, each may go to the same one. Returns those of
    each worker, as its sample has them."""
    streams: list[Any] = []
    while True:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            streams += pool.map(lambda _: begin(), range(_AT_ONCE))
        ids = {id_of(stream): stream for stream in streams}
        eyes.until_running(set(ids))
        samples = [sample for _, sample in rows.samples().values()]
        found = [[ids[one.id] for one in sample.running if one.id in ids] for sample in samples]
        if len(groups := [group for group in found if group]) >= 2:
            return groups


def id_of(stream: Any) -> str:
    """The id of a request whose answer is being read."""
    return str(UUID(stream.headers["request-id"].removeprefix("req_")))
