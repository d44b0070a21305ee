"""The snapshot in use in this process, which is replaced within a second of any change (routing.watch says of which).

A load that fails leaves the old snapshot in use and is reported by `status()`; client keys follow their changes as long
as the database answers. What cannot read it serves the old snapshot for MAX_STALE seconds.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable

import msgspec
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.utils import timezone

from providers import dropped_fields
from routing.loading import load, revision
from routing.models import Revision
from routing.snapshot import Snapshot
from routing.watch.news import Topic
from routing.watch.watcher import Turn

logger = logging.getLogger("gateway.snapshot")

STORE_INTERVAL = 2.0
"""Seconds between two writes of the fields that clients lost, at least."""


class Status(msgspec.Struct, frozen=True):
    """`loaded_at` and `failing_since` are POSIX seconds; `error` says what is wrong with the latest configuration.

    `failure` is the class of that error, for those who may not know more.
    """

    loaded_at: float | None = None
    revisions: dict[str, int] = {}
    error: str | None = None
    failure: str | None = None
    failing_since: float | None = None


class SnapshotStore:
    """Holds the current snapshot. A routing.watch.watcher.Watcher loads it, and again after every change."""

    topic = Topic.CONFIGURATION

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.current: Snapshot | None = None
        self.status = Status()
        self.checked_at: float | None = None
        """When the database was last seen to have nothing newer than the keys of `current`, in monotonic seconds."""
        self.too_old_at = math.inf
        """The monotonic second from which on nobody is authenticated by `current`."""
        self._clock = clock
        self._listeners: list[Callable[[Snapshot], None]] = []
        self._signal_listeners: list[Callable[[str], None]] = []
        self._signals: dict[str, int] | None = None
        self._tried: dict[str, int] = {}
        self._stored_at = 0.0

    def subscribe(self, listener: Callable[[Snapshot], None]) -> None:
        """Calls `listener` with each new snapshot, in the watching thread."""
        self._listeners.append(listener)

    def subscribe_signals(self, listener: Callable[[str], None]) -> None:
        """Calls `listener` with each signal (routing.models.Signal.Name), in the watching thread: at once."""
        self._signal_listeners.append(listener)

    @property
    def age(self) -> float | None:
        """Seconds since `checked_at`; None where nothing was loaded."""
        return None if self.checked_at is None else self._clock() - self.checked_at

    def stop(self) -> None:
        """Forgets who listens; the snapshot stays."""
        self._listeners.clear()
        self._signal_listeners.clear()

    def turn(self, *, changed: bool, certain: bool) -> Turn:
        """Loads what changed, and stores now and then which fields clients lost. Raises nothing: see `status`."""
        turn = Turn()
        if changed:
            turn = self._refreshed()
        elif certain:
            self._checked(self._clock())
        if time.monotonic() - self._stored_at >= STORE_INTERVAL:
            dropped_fields.store()
            self._stored_at = time.monotonic()
        return turn

    def unreadable(self, error: DatabaseError) -> None:
        """Takes in that the database does not answer."""
        self._failed(f"The database does not answer: {error}", error)

    def refresh(self) -> Turn:
        """Reads the revisions once and loads what changed. Raises nothing that is wrong with database or configuration:
        see `status`."""
        # What changes while it is read is seen by the next look alone.
        began, found = self._clock(), False
        try:
            numbers, signals = revision.read()
            found = signals != self._signals or numbers != self._tried
            if signals != self._signals:
                self._pass_on(signals)
            if numbers != self._tried:
                self._load(numbers)
                self._tried = numbers
        except load.BrokenConfiguration as error:
            self._tried = numbers
            self._failed(str(error), error)
            self._checked(began)
        except DatabaseError as error:
            self.unreadable(error)
            connection.close()
            return Turn(found, again=True)
        else:
            if self.status.error is not None and self.current is not None and numbers == self.current.revisions:
                self.status = Status(loaded_at=self.status.loaded_at, revisions=self.status.revisions)
            self._checked(began)
        return Turn(found)

    def _refreshed(self) -> Turn:
        try:
            return self.refresh()
        except Exception as error:
            logger.exception("loading the configuration failed")
            self._failed(f"Loading failed: {type(error).__name__}. The log has the details.", error)
            return Turn(again=True)

    def _load(self, numbers: dict[str, int]) -> None:
        before = self.current
        routing = Revision.Scope.ROUTING.value
        if before is not None and before.revisions.get(routing) == numbers.get(routing):
            snapshot = msgspec.structs.replace(before, keys=load.load_keys(), revisions=numbers)
        else:
            try:
                snapshot = load.load_snapshot(numbers)
            except load.BrokenConfiguration:
                if before is not None:
                    # A key that was revoked must not work on because a route is broken.
                    used = {**numbers, routing: before.revisions.get(routing, 0)}
                    self._use(msgspec.structs.replace(before, keys=load.load_keys(), revisions=used))
                raise
        self._use(snapshot)
        self.status = Status(loaded_at=timezone.now().timestamp(), revisions=numbers)
        logger.debug("snapshot loaded", extra={"fields": {"revisions": numbers, "routes": len(snapshot.routes)}})

    def _use(self, snapshot: Snapshot) -> None:
        self.current = snapshot
        for listener in self._listeners:
            listener(snapshot)

    def _pass_on(self, signals: dict[str, int]) -> None:
        before, self._signals = self._signals, signals
        for name, number in signals.items():
            # What was said before this process began is not for it.
            if before is not None and number != before.get(name):
                for listener in self._signal_listeners:
                    listener(name)

    def _checked(self, moment: float) -> None:
        if self.current is not None:
            self.checked_at = moment
            self.too_old_at = moment + settings.MAX_STALE if settings.MAX_STALE else math.inf

    def _failed(self, error: str, cause: Exception) -> None:
        if self.status.error != error:
            logger.error("configuration not loaded, the previous one stays in use", extra={"fields": {"cause": error}})
        self.status = Status(
            loaded_at=self.status.loaded_at,
            revisions=self.status.revisions if self.current is None else self.current.revisions,
            error=error,
            failure=type(cause).__name__,
            failing_since=self.status.failing_since or time.time(),
        )


store = SnapshotStore()
"""The store of this process."""


def status() -> Status:
    """Returns what the admin and /readyz show of the snapshot in use."""
    return store.status
