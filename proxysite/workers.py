"""Runs several processes of `serve`: workers on one socket, and pages on another where they have their own process.

A dead one is replaced; all stop together.
"""

from __future__ import annotations

import errno
import logging
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import msgspec
from django.conf import settings

logger = logging.getLogger("gateway.server")

_MANAGE = Path(__file__).resolve().parent.parent / "manage.py"
_CHECK_EVERY = 0.2
_SHORT_LIFETIME = 5.0
"""Seconds. A process that dies sooner after its start is replaced after a pause, so that a crash loop stays slow."""
_PAUSE = 1.0
_BACKLOG = 2048
_ASKED = 1.0
"""Seconds for a Unix socket's server to take a connection."""
_FILES = 65_536
"""Open files, connections among them, for which a process asks."""


def allow_connections() -> None:
    """Raises the number of open files as far as the system allows: its default, 1,024, is few connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def bind(host: str, port: int) -> socket.socket:
    """A listening socket that child processes inherit. Raises OSError when the address is in use."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(_BACKLOG)
    listener.set_inheritable(True)
    return listener


def bind_file(path: Path) -> socket.socket:
    """A listening Unix socket that child processes inherit and every user of this host may connect to, as web servers
    do. One that a killed server left is replaced. Raises OSError when a server listens there or nothing can be made.
    """
    if path.is_socket():
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
            caller.settimeout(_ASKED)
            status = caller.connect_ex(str(path))
        if status == errno.ECONNREFUSED:
            path.unlink(missing_ok=True)
        elif status != errno.ENOENT:
            # EAGAIN: it listens, and as many as it allows wait already.
            status = errno.EADDRINUSE if status in (0, errno.EAGAIN) else status
            raise OSError(status, os.strerror(status))
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o666)
    listener.listen(_BACKLOG)
    listener.set_inheritable(True)
    return listener


def file_of(path: Path) -> tuple[int, int, int] | None:
    """What tells the file at `path` from one that another server puts there later, None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    # The number of a file that is gone is given to another one.
    return found.st_dev, found.st_ino, found.st_mtime_ns


class Part(msgspec.Struct, frozen=True):
    """`count` processes on a listening socket, each of `serve` with these arguments beside it."""

    name: str
    listener: socket.socket
    count: int = 1
    arguments: tuple[str, ...] = ()


class _Child:
    """One of them, and those that replace it."""

    def __init__(self, part: Part, workers: int) -> None:
        self._part = part
        # So that they count against limits together.
        self._environment = {**os.environ, "WORKERS": str(workers)}
        self._start_at: float | None = None
        self.start()

    def start(self) -> None:
        descriptor = self._part.listener.fileno()
        self._began, self._start_at = time.monotonic(), None
        self.process = subprocess.Popen(  # noqa: S603 - this program
            # This process has made the checks.
            [
                sys.executable,
                str(_MANAGE),
                "serve",
                "--skip-checks",
                "--descriptor",
                str(descriptor),
                *self._part.arguments,
            ],
            pass_fds=(descriptor,),
            env=self._environment,
        )

    def look(self) -> None:
        """Replaces it where it is dead."""
        now = time.monotonic()
        if self._start_at is not None:
            if now >= self._start_at:
                self.start()
            return
        status = self.process.poll()
        if status is not None:
            fields = {"pid": self.process.pid, "status": status}
            logger.error("a %s died and is replaced", self._part.name, extra={"fields": fields})
            self._start_at = now + (_PAUSE if now - self._began < _SHORT_LIFETIME else 0.0)
            self.look()


class Workers:
    """Runs the processes of all parts until SIGTERM or SIGINT."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._children: list[_Child] = []
        self._signal: int | None = None

    def run(self) -> int:
        """Serves until a signal. Returns the exit status: 0 when every process exited with 0 or had not started."""
        for sig in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sig, self._on_signal)
        workers = max(sum(part.count for part in self._parts), settings.WORKERS)
        self._children = [_Child(part, workers) for part in self._parts for _ in range(part.count)]
        while self._signal is None:
            for child in self._children:
                child.look()
            time.sleep(_CHECK_EVERY)
        for part in self._parts:
            part.listener.close()
        processes = [child.process for child in self._children]
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        # One that is still starting has no handler yet, so the signal itself ends it: it has served nothing.
        statuses = [process.wait() for process in processes]
        return max(0 if status == -signal.SIGTERM else abs(status) for status in statuses)

    def _on_signal(self, sig: int, frame: FrameType | None) -> None:
        if self._signal is not None and sig == signal.SIGINT:
            for child in self._children:
                child.process.send_signal(sig)
        self._signal = sig
