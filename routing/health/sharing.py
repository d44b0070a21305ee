"""Shares circuit states between workers through database rows, within a second.

Rows are written and read in the watcher's thread (routing.watch); requests never wait for it. While the database is
away every worker uses what it knows.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from django.db import Error as DatabaseError
from django.db import connection

from routing.health.callers import read, written
from routing.health.circuit import Circuit, State
from routing.health.health import Health
from routing.models import HealthState
from routing.watch.news import Topic
from routing.watch.watcher import Turn

logger = logging.getLogger("gateway.health")

GRACE = 15.0
"""Seconds that the others wait for the worker that opened a circuit to probe it, before they do; never longer than the
circuit was open."""
PROBE = 30.0
"""Seconds that the others wait for the outcome of its probe."""
RETENTION = timedelta(days=1)
_CLEANUP_INTERVAL = 600.0
_FIELDS = (
    "key", "state", "since", "until", "seconds", "failures", "openings", "cause", "only_for", "probed_by", "changed_at",
    "changed_by",
)  # fmt: skip
_READ = f"SELECT {', '.join(_FIELDS)} FROM {HealthState._meta.db_table} ORDER BY key"  # noqa: S608
"""As the database has them: rows of Django cost ten times as much, and mostly they are those of before."""


class Change(msgspec.Struct, frozen=True):
    """A circuit's state after a change; times are POSIX seconds."""

    key: str
    state: State
    since: float
    until: float
    seconds: float
    failures: int
    openings: int
    cause: str
    only_for: str
    probed_by: int
    at: float


class Sharing:
    """Shares the circuits of one `Health`: `start` it in that one's event loop, and give it to a
    routing.watch.watcher.Watcher, whose `wake` it is to call. With `reads_only` it only learns."""

    topic = Topic.HEALTH

    def __init__(self, health: Health, *, reads_only: bool = False) -> None:
        self.health = health
        self._reads_only = reads_only
        self.worker = f"{socket.gethostname()[:80]}:{os.getpid()}:{secrets.token_hex(3)}"
        self.failing = False
        self._changes: deque[Change] = deque()
        self._unwritten: dict[str, Change] = {}
        self._written: dict[str, State] = {}
        self._seen: dict[str, tuple[Any, ...]] = {}
        self._read_last: list[tuple[Any, ...]] | None = None
        self._cleaned_at = float("-inf")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: Callable[[], None] = _nobody

    def start(self, wake: Callable[[], None]) -> None:
        """Subscribes to the health. `wake` is called when there is something to write."""
        self._loop, self._wake = asyncio.get_running_loop(), wake
        if not self._reads_only:
            self.health.subscribe(self._note)

    def stop(self) -> None:
        """Notes no more changes."""
        self.health.subscribe(None)
        self._loop, self._wake = None, _nobody

    def turn(self, *, changed: bool, certain: bool) -> Turn:
        """Writes the changes of this process and reads those of others. Raises nothing: see `failing`."""
        try:
            self._write()
            found = changed and self._read()
            self._clean()
        except DatabaseError as error:
            self.unreadable(error)
            connection.close()
            return Turn(again=True)
        self.failing = False
        return Turn(found)

    def unreadable(self, error: DatabaseError) -> None:
        """Takes in that the database does not answer."""
        if not self.failing:
            logger.warning("workers cannot share circuit states", extra={"fields": {"cause": str(error)}})
        self.failing = True

    def _read(self) -> bool:
        """Reads all rows; returns whether there are others than before."""
        with connection.cursor() as cursor:
            cursor.execute(_READ)
            read = cursor.fetchall()
        if read == self._read_last:
            return False
        rows = list(HealthState.objects.values_list(*_FIELDS))
        changed = [row for row in rows if self._seen.get(row[0]) != row and row[-1] != self.worker]
        self._seen = {row[0]: row for row in rows}
        if changed:
            for row in changed:
                self._written[row[0]] = State(row[1])
            loop = self._loop
            if loop is not None and not loop.is_closed():
                loop.call_soon_threadsafe(self._adopt, changed)
        self._read_last = read
        return True

    def _clean(self) -> None:
        if not self._reads_only and time.monotonic() - self._cleaned_at > _CLEANUP_INTERVAL:
            self._cleaned_at = time.monotonic()
            HealthState.objects.filter(changed_at__lt=datetime.now(UTC) - RETENTION).delete()

    def _note(self, circuit: Circuit) -> None:
        """Queues the new state of a circuit; runs in the event loop."""
        now, wall = self.health.clock(), time.time()
        self._changes.append(
            Change(
                key=circuit.key,
                state=circuit.state,
                since=wall - (now - circuit.since),
                until=wall + (circuit.until - now),
                seconds=circuit.seconds,
                failures=circuit.failures,
                openings=circuit.openings,
                cause=circuit.cause,
                only_for=written(circuit.only),
                probed_by=circuit.probed_by,
                at=wall,
            )
        )
        self._wake()

    def _write(self) -> None:
        while self._changes:
            change = self._changes.popleft()
            self._unwritten[change.key] = change
        # An abandoned probe changes nothing for the others.
        changes = [change for change in self._unwritten.values() if self._concerns_others(change)]
        rows = [_row(change, self.worker) for change in changes]
        if rows:
            HealthState.objects.bulk_create(
                rows, update_conflicts=True, unique_fields=["key"], update_fields=_FIELDS[1:]
            )
            self._written.update((row.key, State(row.state)) for row in rows)
        self._unwritten.clear()

    def _concerns_others(self, change: Change) -> bool:
        known, state = self._written.get(change.key, State.CLOSED), change.state
        return state is not known or state is State.OPEN or state is State.PAUSED

    def _adopt(self, rows: list[tuple[Any, ...]]) -> None:
        """Takes over the rows of other workers; runs in the event loop."""
        now, wall = self.health.clock(), time.time()
        for key, name, since, until, seconds, failures, openings, cause, only_for, probed_by, changed_at, _ in rows:
            state = State(name)
            # Clocks of machines differ: no circuit is open for longer than it was opened for.
            left = min(max(until.timestamp() - wall, 0.0), seconds)
            if state is State.OPEN:
                left = min(max(until.timestamp() + min(seconds, GRACE) - wall, 0.0), 2 * seconds)
            elif state is State.HALF_OPEN:
                left = min(max(changed_at.timestamp() + PROBE - wall, 0.0), PROBE)
            try:
                circuit, only = self.health.circuit(key), read(only_for)
            except ValueError:
                # What only a newer version's workers know.
                continue
            circuit.adopt(
                State.OPEN if state is State.HALF_OPEN else state,
                since=now - (wall - since.timestamp()),
                until=now + left,
                seconds=seconds,
                failures=failures,
                openings=openings,
                cause=cause,
                only=only,
                probed_by=probed_by,
            )
        self.health.notify()


def _nobody() -> None:
    """Nobody waits for changes yet."""


def _row(change: Change, worker: str) -> HealthState:
    return HealthState(
        key=change.key,
        state=change.state.value,
        since=datetime.fromtimestamp(change.since, UTC),
        until=datetime.fromtimestamp(change.until, UTC),
        seconds=change.seconds,
        failures=change.failures,
        openings=change.openings,
        cause=change.cause,
        only_for=change.only_for,
        probed_by=change.probed_by,
        changed_at=datetime.fromtimestamp(change.at, UTC),
        changed_by=worker,
    )


def reset(keys: Iterable[str], by: str) -> None:
    """Closes circuits in every worker, within a second."""
    now = datetime.now(UTC)
    rows = [
        HealthState(key=key, state=State.CLOSED.value, since=now, until=now, changed_at=now, changed_by=by[:120])
        for key in keys
    ]
    HealthState.objects.bulk_create(rows, update_conflicts=True, unique_fields=["key"], update_fields=_FIELDS[1:])
