"""The snapshot in use in this process, and the thread that swaps it within a second of any change.

A load that fails leaves the old snapshot in place and is reported by `status()`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import msgspec
from django.db import Error as DatabaseError
from django.db import connection
from django.utils import timezone

from routing.loading import load, revision
from routing.models import Revision
from routing.snapshot import Snapshot

logger = logging.getLogger("gateway.snapshot")

INTERVAL = 0.3
"""Seconds between two looks at the revisions."""


class Status(msgspec.Struct, frozen=True):
    """`loaded_at` is POSIX seconds; `error` says what is wrong with the configuration saved last, and since when."""

    loaded_at: float | None = None
    revisions: dict[str, int] = {}
    error: str | None = None
    failing_since: float | None = None


class SnapshotStore:
    """Holds the current snapshot; `start` loads it and keeps it current until `stop`."""

    def __init__(self) -> None:
        self.current: Snapshot | None = None
        self.status = Status()
        self._listeners: list[Callable[[Snapshot], None]] = []
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._tried: dict[str, int] = {}

    def subscribe(self, listener: Callable[[Snapshot], None]) -> None:
        """Call `listener` with each new snapshot, in the watching thread."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Start watching; returns after the first load was tried."""
        if self._thread is not None:
            return
        self._stopping.clear()
        tried = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(tried,), name="snapshot", daemon=True)
        self._thread.start()
        tried.wait(30)

    def stop(self) -> None:
        """End the watching thread; the snapshot stays."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            thread.join(5)
        self._listeners.clear()

    def refresh(self) -> None:
        """Look at the revisions once and load what they say has changed. Raises nothing: see `status`."""
        try:
            numbers = revision.numbers()
            if numbers != self._tried:
                self._load(numbers)
                self._tried = numbers
        except load.BrokenConfiguration as error:
            self._tried = numbers
            self._failed(str(error))
        except DatabaseError as error:
            self._failed(f"The database does not answer: {error}")
            connection.close()
        else:
            if self.status.error is not None and self.current is not None and numbers == self.current.revisions:
                self.status = Status(loaded_at=self.status.loaded_at, revisions=self.status.revisions)

    def _watch(self, tried: threading.Event) -> None:
        try:
            while True:
                try:
                    self.refresh()
                except Exception as error:
                    logger.exception("loading the configuration failed")
                    self._failed(f"Loading failed: {type(error).__name__}. The log has the details.")
                tried.set()
                if self._stopping.wait(INTERVAL):
                    return
        finally:
            connection.close()

    def _load(self, numbers: dict[str, int]) -> None:
        before = self.current
        routing = Revision.Scope.ROUTING.value
        if before is not None and before.revisions.get(routing) == numbers.get(routing):
            snapshot = msgspec.structs.replace(before, keys=load.load_keys(), revisions=numbers)
        else:
            snapshot = load.load_snapshot(numbers)
        self.current = snapshot
        self.status = Status(loaded_at=timezone.now().timestamp(), revisions=numbers)
        logger.debug("snapshot loaded", extra={"fields": {"revisions": numbers, "routes": len(snapshot.routes)}})
        for listener in self._listeners:
            listener(snapshot)

    def _failed(self, error: str) -> None:
        if self.status.error != error:
            logger.error("configuration not loaded, the last good one stays", extra={"fields": {"cause": error}})
        self.status = Status(
            loaded_at=self.status.loaded_at,
            revisions=self.status.revisions,
            error=error,
            failing_since=self.status.failing_since or time.time(),
        )


store = SnapshotStore()
"""The one of this process."""


def status() -> Status:
    """What the admin and /readyz show of the snapshot in use."""
    return store.status
