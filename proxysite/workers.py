"""Runs several workers on one socket: each is a `serve` process. A dead worker is replaced; all stop together."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from django.conf import settings

logger = logging.getLogger("gateway.server")

_MANAGE = Path(__file__).resolve().parent.parent / "manage.py"
_CHECK_EVERY = 0.2
_SHORT_LIFETIME = 5.0
"""Seconds. A worker that dies sooner after its start is replaced after a pause, so that a crash loop stays slow."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket that child processes inherit. Raises OSError when the address is in use."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(2048)
    listener.set_inheritable(True)
    return listener


class Workers:
    """Runs `count` workers on a socket until SIGTERM or SIGINT."""

    def __init__(self, listener: socket.socket, count: int) -> None:
        self._listener = listener
        self._children: list[tuple[subprocess.Popen[bytes], float]] = []
        self._count = count
        self._signal: int | None = None

    def run(self) -> int:
        """Serves until a signal. Returns the exit status: 0 when every worker exited with 0 or had not started."""
        for sig in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sig, self._on_signal)
        self._children = [self._start() for _ in range(self._count)]
        while self._signal is None:
            self._children = [self._alive_or_replaced(child, began) for child, began in self._children]
            time.sleep(_CHECK_EVERY)
        self._listener.close()
        for child, _ in self._children:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        # A worker that is still starting has no handler yet, so the signal itself ends it: it has served nothing.
        statuses = [child.wait() for child, _ in self._children]
        return max(0 if status == -signal.SIGTERM else abs(status) for status in statuses)

    def _on_signal(self, sig: int, frame: FrameType | None) -> None:
        if self._signal is not None and sig == signal.SIGINT:
            for child, _ in self._children:
                child.send_signal(sig)
        self._signal = sig

    def _start(self) -> tuple[subprocess.Popen[bytes], float]:
        descriptor = self._listener.fileno()
        child = subprocess.Popen(  # noqa: S603 - this program
            [sys.executable, str(_MANAGE), "serve", "--descriptor", str(descriptor)],
            pass_fds=(descriptor,),
            # So that they count against limits together.
            env={**os.environ, "WORKERS": str(max(self._count, settings.WORKERS))},
        )
        return child, time.monotonic()

    def _alive_or_replaced(self, child: subprocess.Popen[bytes], began: float) -> tuple[subprocess.Popen[bytes], float]:
        status = child.poll()
        if status is None:
            return child, began
        logger.error("a worker died and is replaced", extra={"fields": {"pid": child.pid, "status": status}})
        if time.monotonic() - began < _SHORT_LIFETIME:
            time.sleep(1.0)
        return self._start()
