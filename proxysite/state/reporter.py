"""One thread per process: every ten seconds it writes the row that tells the others of this one, and now and then it
starts the process of jobs where one waits that nobody runs."""

from __future__ import annotations

import logging
import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
from django.db import Error as DatabaseError
from django.db import connection
from django.db.models.functions import Now

from proxysite.state import versions
from proxysite.state.jobs import start
from proxysite.state.models import Worker
from routing.health import keys
from streaming.runtime import Runtime

logger = logging.getLogger("gateway.state")

SECONDS: Final = 10.0
"""Between two writes of the row."""
LOOK_SECONDS: Final = 30.0
"""Between two looks for workers that are dead for a day, and for a job that waits: who asks for one starts it, unless
that process ends meanwhile."""
STALE: Final = timedelta(seconds=35)
"""A worker that has written nothing for so long is dead, or cannot reach the database."""
_FORGET: Final = timedelta(days=1)
_CANDIDATES: Final = 300
"""Models at providers whose figures a row has at most: those with attempts in flight first."""


class Facts(msgspec.Struct):
    """What only a worker knows of itself. Times are POSIX seconds, `skew_ms` its clock minus the database's.

    `candidates` and `credentials` are figures by the key of their circuit: [attempts in flight, milliseconds to the
    first token or None]. `refused_keys` are RefusedKeys.known. A process of pages has neither journal nor housekeeper,
    so None stands there.
    """

    python: str
    process: int
    memory_bytes: int | None
    skew_ms: int | None
    revisions: dict[str, int]
    loaded_at: float | None
    failure: str | None
    failing_since: float | None
    requests: int = 0
    draining: bool = False
    waiting: int | None = None
    set_aside: int | None = None
    journal_bytes: int | None = None
    journal_max_bytes: int | None = None
    journal_oldest_at: float | None = None
    journal_failing: bool = False
    rows_failing_since: float | None = None
    housekeeper: dict[str, float] | None = None
    candidates: dict[str, tuple[int, int | None]] = {}
    credentials: dict[str, int] = {}
    refused_keys: dict[int, tuple[int, float, float, str]] = {}
    warnings: list[str] = []


class Reporter:
    """Start it after the runtime and stop it before: the row is gone then."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._started_at = datetime.now(UTC)
        self._failing = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread, which writes at once."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="state", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Removes the row and ends the thread."""
        thread, self._thread = self._thread, None
        self._stopping.set()
        if thread is not None:
            thread.join(5)

    def write(self) -> None:
        """Writes the row. Raises django.db.Error."""
        runtime, facts = self._runtime, msgspec.to_builtins(facts_of(self._runtime), str_keys=True)
        if Worker.objects.filter(name=runtime.sharing.worker).update(seen_at=Now(), facts=facts):
            return
        Worker.objects.create(
            name=runtime.sharing.worker,
            kind=Worker.Kind.PAGES if runtime.pages_only else Worker.Kind.GATEWAY,
            version=versions.gateway()[:60],
            started_at=self._started_at,
            seen_at=Now(),
            facts=facts,
        )

    def _run(self) -> None:
        look_at = 0.0
        try:
            while True:
                self._attempt(self.write)
                if time.monotonic() >= look_at and not self._failing and not self._stopping.is_set():
                    look_at = time.monotonic() + LOOK_SECONDS
                    self._attempt(start.look)
                    self._attempt(_forget_dead)
                if self._stopping.wait(SECONDS):
                    break
            if not self._failing:
                self._attempt(lambda: Worker.objects.filter(name=self._runtime.sharing.worker).delete())
        finally:
            connection.close()

    def _attempt(self, action: Any) -> None:
        try:
            action()
        except DatabaseError as error:
            if not self._failing:
                logger.warning("the state is not written", extra={"fields": {"cause": str(error)}})
            self._failing = True
            connection.close()
        except Exception:
            # The thread must go on.
            logger.exception("the state cannot be described")
            connection.close()
        else:
            self._failing = False


def _forget_dead() -> None:
    Worker.objects.filter(seen_at__lt=Now() - _FORGET).delete()


def facts_of(runtime: Runtime) -> Facts:
    """Returns what a process knows of itself now. Raises django.db.Error: it asks the database for the time."""
    status = runtime.store.status
    facts = Facts(
        python=versions.python(),
        process=os.getpid(),
        memory_bytes=_memory(),
        skew_ms=clock_skew(),
        revisions=dict(status.revisions),
        loaded_at=status.loaded_at,
        failure=status.failure,
        failing_since=status.failing_since,
        draining=runtime.draining,
    )
    if runtime.pages_only:
        return facts
    journal, writer, health = runtime.journal, runtime.recorder.writer, runtime.health
    facts.requests = len(runtime.exchanges)
    facts.waiting, facts.set_aside = writer.waiting, writer.set_aside
    facts.journal_bytes, facts.journal_max_bytes = journal.size, journal.max_bytes
    facts.journal_oldest_at = journal.oldest()
    facts.journal_failing = journal.failing is not None
    facts.rows_failing_since = writer.failing_since
    facts.housekeeper = dict(runtime.housekeeper.last)
    now = health.clock()
    found = {
        keys.candidate_key(provider, model): (candidate.in_flight, _milliseconds(candidate.latency.average(now)))
        for (provider, model), candidate in list(health.candidates.items())
    }
    busiest = sorted(found.items(), key=lambda item: -item[1][0])[:_CANDIDATES]
    facts.candidates = {key: figures for key, figures in busiest if any(figures)}
    facts.credentials = {
        keys.credential_key(number): credential.quota.in_flight
        for number, credential in list(health.credentials.items())[:_CANDIDATES]
        if credential.quota.in_flight
    }
    facts.refused_keys = dict(runtime.refused_keys.known)
    facts.warnings = runtime.warnings(public=True)
    return facts


def clock_skew() -> int | None:
    """Returns by how many milliseconds this host's clock is before the database's, None where both are one clock.

    Raises django.db.Error.
    """
    if connection.vendor != "postgresql":
        return None
    before = time.time()
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        (theirs,) = cursor.fetchone()
    return round(((before + time.time()) / 2 - float(theirs)) * 1000)


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _memory() -> int | None:
    """Returns the bytes of memory that this process holds, None where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
