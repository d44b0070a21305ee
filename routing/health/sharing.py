"""What this process found out for all workers, and what they found out for this one: through rows, within a second.

A thread of its own; requests never wait for it. While the database is away every worker goes on by what it knows.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from django.db import Error as DatabaseError
from django.db import connection

from routing.health.circuit import Circuit, State
from routing.health.health import Health
from routing.models_health import HealthState

logger = logging.getLogger("gateway.health")

INTERVAL = 0.4
"""Seconds between two looks; what one worker finds out another one knows after two of them at most."""
GRACE = 15.0
"""Seconds that the others wait for the worker that opened a circuit to probe it, before they do; never longer than the
circuit was open."""
PROBE = 30.0
"""Seconds that the others wait for the outcome of its probe."""
KEPT = timedelta(days=1)
_CLEANS_EVERY = 600.0
_FIELDS = ("key", "state", "since", "until", "seconds", "failures", "openings", "cause", "changed_at", "changed_by")


class Found(msgspec.Struct, frozen=True):
    """A circuit's state at a moment, times as POSIX seconds."""

    key: str
    state: State
    since: float
    until: float
    seconds: float
    failures: int
    openings: int
    cause: str
    at: float


class Sharing:
    """`start` it in the event loop that `health` lives in."""

    def __init__(self, health: Health) -> None:
        self.health = health
        self.worker = f"{socket.gethostname()[:80]}:{os.getpid()}:{secrets.token_hex(3)}"
        self.failing = False
        self._found: deque[Found] = deque()
        self._unwritten: dict[str, Found] = {}
        self._written: dict[str, State] = {}
        self._seen: dict[str, tuple[Any, ...]] = {}
        self._cleaned_at = float("-inf")
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen to the health and start the thread."""
        self._stopping.clear()
        self.health.subscribe(self._note)
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, args=(loop,), name="health", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; call it outside the event loop."""
        self.health.subscribe(None)
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            thread.join(5)

    def exchange(self, loop: asyncio.AbstractEventLoop) -> None:
        """Write what changed here and read what changed elsewhere. Raises DatabaseError."""
        self._write()
        rows = list(HealthState.objects.values_list(*_FIELDS))
        news = [row for row in rows if self._seen.get(row[0]) != row and row[-1] != self.worker]
        self._seen = {row[0]: row for row in rows}
        if news:
            for row in news:
                self._written[row[0]] = State(row[1])
            loop.call_soon_threadsafe(self._adopt, news)
        if time.monotonic() - self._cleaned_at > _CLEANS_EVERY:
            self._cleaned_at = time.monotonic()
            HealthState.objects.filter(changed_at__lt=datetime.now(UTC) - KEPT).delete()

    def _note(self, circuit: Circuit) -> None:
        """In the event loop: a circuit changed."""
        now, wall = self.health.clock(), time.time()
        self._found.append(
            Found(
                key=circuit.key,
                state=circuit.state,
                since=wall - (now - circuit.since),
                until=wall + (circuit.until - now),
                seconds=circuit.seconds,
                failures=circuit.failures,
                openings=circuit.openings,
                cause=circuit.cause,
                at=wall,
            )
        )

    def _write(self) -> None:
        while self._found:
            found = self._found.popleft()
            self._unwritten[found.key] = found
        # A probe that was left for the next one is no news to the others.
        rows = [_row(found, self.worker) for key, found in self._unwritten.items() if self._is_news(key, found.state)]
        if rows:
            HealthState.objects.bulk_create(
                rows, update_conflicts=True, unique_fields=["key"], update_fields=_FIELDS[1:]
            )
            self._written.update((row.key, State(row.state)) for row in rows)
        self._unwritten.clear()

    def _is_news(self, key: str, state: State) -> bool:
        known = self._written.get(key, State.CLOSED)
        return state is not known or state is State.OPEN or state is State.PAUSED

    def _adopt(self, rows: list[tuple[Any, ...]]) -> None:
        """In the event loop: take over what other workers wrote."""
        now, wall = self.health.clock(), time.time()
        for key, name, since, until, seconds, failures, openings, cause, changed_at, _ in rows:
            state = State(name)
            # Clocks of machines differ: no circuit is open for longer than it was opened for.
            left = min(max(until.timestamp() - wall, 0.0), seconds)
            if state is State.OPEN:
                left = min(max(until.timestamp() + min(seconds, GRACE) - wall, 0.0), 2 * seconds)
            elif state is State.HALF_OPEN:
                left = min(max(changed_at.timestamp() + PROBE - wall, 0.0), PROBE)
            try:
                circuit = self.health.circuit(key)
            except ValueError:
                # A newer version's kind of key: its workers know what it means.
                continue
            circuit.adopt(
                State.OPEN if state is State.HALF_OPEN else state,
                since=now - (wall - since.timestamp()),
                until=now + left,
                seconds=seconds,
                failures=failures,
                openings=openings,
                cause=cause,
            )
        self.health.ring()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            while not loop.is_closed():
                try:
                    self.exchange(loop)
                    self.failing = False
                except DatabaseError as error:
                    if not self.failing:
                        logger.warning(
                            "the workers cannot tell each other who is well", extra={"fields": {"cause": str(error)}}
                        )
                    self.failing = True
                    connection.close()
                except Exception:
                    logger.exception("sharing the health of providers failed")
                if self._stopping.wait(INTERVAL):
                    return
        finally:
            connection.close()


def _row(found: Found, worker: str) -> HealthState:
    return HealthState(
        key=found.key,
        state=found.state.value,
        since=datetime.fromtimestamp(found.since, UTC),
        until=datetime.fromtimestamp(found.until, UTC),
        seconds=found.seconds,
        failures=found.failures,
        openings=found.openings,
        cause=found.cause,
        changed_at=datetime.fromtimestamp(found.at, UTC),
        changed_by=worker,
    )


def reset(keys: Iterable[str], by: str) -> None:
    """Close circuits in every worker, within a second."""
    now = datetime.now(UTC)
    rows = [
        HealthState(key=key, state=State.CLOSED.value, since=now, until=now, changed_at=now, changed_by=by[:120])
        for key in keys
    ]
    HealthState.objects.bulk_create(rows, update_conflicts=True, unique_fields=["key"], update_fields=_FIELDS[1:])
