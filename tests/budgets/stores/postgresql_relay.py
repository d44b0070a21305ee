"""A relay before PostgreSQL that can lose the answer to a COMMIT, refuse connections, or never answer."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

_COMMIT = b"COMMIT"
_TICK = 0.05


class PostgreSQLRelay:
    """Listens on a port of this machine while it is entered, and passes all on to the server of a DATABASE_URL."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = str(Path(parse_qs(parts.query)["host"][0]) / ".s.PGSQL.5432")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"postgresql://postgres@127.0.0.1:{self._listener.getsockname()[1]}{parts.path}"
        self._threads: list[threading.Thread] = []
        self._ended = threading.Event()
        self._lost: bytes | None = None
        self._then_refuse = False
        self._committed = True
        self.lost = threading.Event()
        """Whether a COMMIT was lost."""
        self.silent = threading.Event()
        """While it is set nothing is passed on, and connections are accepted."""
        self.refusing = threading.Event()
        """While it is set new connections are closed at once."""

    def lose_commit_of(self, statement: str, *, then_refuse: bool = False, committed: bool = True) -> None:
        """Ends the next connection that commits such a statement, once PostgreSQL has committed it, or before unless
        `committed`; before its client notices, new connections are refused if `then_refuse`."""
        self.lost.clear()
        self._committed = committed
        self._then_refuse = then_refuse
        self._lost = statement.encode()

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _start(self, run: object, *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        self._listener.settimeout(_TICK)
        while not self._ended.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            if self.refusing.is_set():
                client.close()
                continue
            self._start(self._relay, client)

    def _relay(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server, selectors.DefaultSelector() as ready:
            server.connect(self._server)
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            watched = False
            with contextlib.suppress(OSError):
                while not self._ended.is_set():
                    if self.silent.is_set():
                        self._ended.wait(_TICK)
                        continue
                    for key, _ in ready.select(_TICK):
                        data = key.fileobj.recv(65_536)  # type: ignore[union-attr]
                        if not data:
                            return
                        if key.fileobj is client:
                            lost = self._lost
                            watched = watched or (lost is not None and lost in data)
                            if watched and _COMMIT in data:
                                self._lose(server, data)
                                return
                        key.data.sendall(data)

    def _lose(self, server: socket.socket, data: bytes) -> None:
        if self._committed:
            server.sendall(data)
            # Its answer says that PostgreSQL has committed.
            server.recv(65_536)
        self._lost = None
        if self._then_refuse:
            self.refusing.set()
        self.lost.set()
