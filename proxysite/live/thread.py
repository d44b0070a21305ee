"""A thread of a worker that sleeps until it is woken, or until something is due."""

from __future__ import annotations

import asyncio
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from typing import Any, TypeVar

from django.db import Error as DatabaseError
from django.db import connection

logger = logging.getLogger("gateway.live")

INTERVAL = 1.0
"""Seconds between two turns of the work, and after one that failed."""
_PATIENCE = 5.0
T = TypeVar("T")


class Sleeper(ABC):
    """A companion of the runtime. Whatever a turn throws, the thread goes on."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._wake = threading.Event()
        self._stopping = self._failing = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread; call it in the event loop."""
        self._stopping = False
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, args=(loop,), name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        thread, self._thread = self._thread, None
        self._stopping = True
        self._wake.set()
        if thread is not None:
            thread.join(_PATIENCE)

    @abstractmethod
    def _sleep(self) -> float | None:
        """Returns after how many seconds it is to work unless it is woken before, None for never."""

    @abstractmethod
    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        """Does what is due."""

    @abstractmethod
    def _end(self) -> None:
        """Removes what it has written."""

    @abstractmethod
    def _put_off(self) -> None:
        """Makes the next turn due an INTERVAL later."""

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            while not self._stopping:
                self._wake.wait(self._sleep())
                self._wake.clear()
                try:
                    if self._stopping:
                        self._end()
                    else:
                        self._work(loop)
                    self._failing = False
                except (DatabaseError, TimeoutError) as error:
                    self._failed(error)
                except Exception:
                    # The thread must go on.
                    logger.exception("the live view failed")
                    self._put_off()
        finally:
            connection.close()

    def _failed(self, error: Exception) -> None:
        if not self._failing:
            logger.warning("the live view waits for the database", extra={"fields": {"cause": str(error)}})
        self._failing = True
        self._put_off()
        connection.close()


def in_loop(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """Runs it in the event loop. Raises TimeoutError."""
    return asyncio.run_coroutine_threadsafe(work, loop).result(_PATIENCE)
