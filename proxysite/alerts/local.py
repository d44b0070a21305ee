"""What is wrong in this worker alone: its configuration, its journal, its rows. Each worker looks for itself."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Final

from django.conf import settings

from access.outbox.alerts import Finding
from access.outbox.models import Kind
from routing.loading import BrokenConfiguration
from routing.loading.store import Status
from streaming.runtime import Runtime

SNAPSHOT: Final = "snapshot:"
JOURNAL: Final = "journal:"
"""How the `once` of these findings begins. The host's name follows: one alert for all workers of a host."""
LASTING_SECONDS = 60.0
"""How long rows wait, or a configuration is broken, before anybody is alerted: restarts of a database are shorter."""
_GROWN = (90, 50)
"""Percent of JOURNAL_MAX_BYTES."""


def _cause(status: Status) -> str:
    """Returns what is wrong. What a database says of itself names hosts and accounts, which webhooks need not have."""
    if status.failure == BrokenConfiguration.__name__:
        return f"{(status.error or '').rstrip('.')}."
    return f"Loading failed: {status.failure}. The log has the details."


def _consequence(status: Status) -> str:
    """Returns what it means that the snapshot of before is used."""
    before = "The configuration of before is still in use: no change takes effect"
    if status.failure == BrokenConfiguration.__name__:
        return f"{before} but those of client keys, limits and budgets."
    until = f" until requests are refused, after {settings.MAX_STALE:,} s (MAX_STALE)" if settings.MAX_STALE else ""
    return f"{before}, and client keys that ended since then work{until}."


class LocalWatch:
    """Looks at one runtime."""

    def __init__(self, runtime: Runtime, clock: Callable[[], float] = time.time) -> None:
        self._runtime = runtime
        self._clock = clock
        self._host = socket.gethostname()[:100]
        self._waiting_since: float | None = None

    def findings(self) -> list[Finding]:
        """Returns what is wrong now."""
        found = (self._snapshot(), self._journal())
        return [one for one in found if one is not None]

    def _snapshot(self) -> Finding | None:
        status = self._runtime.store.status
        since = status.failing_since
        if status.error is None or since is None or self._clock() - since < LASTING_SECONDS:
            return None
        return Finding(
            once=f"{SNAPSHOT}{self._host}",
            kind=Kind.SNAPSHOT,
            subject=f"The saved configuration cannot be loaded on {self._host}",
            text=f"{_cause(status)}\n"
            + (_consequence(status) if status.loaded_at else "There is no earlier one: every request fails."),
            data={"host": self._host, "error": status.failure or "", "serves": status.loaded_at is not None},
            for_site=True,
        )

    def _journal(self) -> Finding | None:
        journal, writer = self._runtime.journal, self._runtime.recorder.writer
        if writer.takes_rows():
            self._waiting_since = None
        elif self._waiting_since is None:
            self._waiting_since = self._clock()
        waits = self._waiting_since is not None and self._clock() - self._waiting_since >= LASTING_SECONDS
        percent = journal.size * 100 // journal.max_bytes
        level = next((one for one in _GROWN if percent >= one), 1 if waits else 0)
        if journal.failing is not None:
            level = _GROWN[0]
        if not level:
            return None
        causes = ["The database takes no usage rows; they wait in the journal."] if waits else []
        causes += [f"The journal cannot be written: {journal.failing}."] if journal.failing is not None else []
        return Finding(
            once=f"{JOURNAL}{self._host}",
            kind=Kind.JOURNAL,
            subject=(
                f"The journal of usage rows cannot be written on {self._host}"
                if journal.failing is not None and writer.takes_rows()
                else f"Usage rows wait on {self._host}: the journal is {percent} % full"
            ),
            text="\n".join(
                [
                    *causes,
                    f"The journal of a worker on {self._host} has {journal.size:,} bytes, {percent} % of "
                    f"JOURNAL_MAX_BYTES; about {writer.waiting:,} rows wait. When it is full, requests are refused "
                    "(UNACCOUNTED=refuse).",
                    "See whether the database answers, and whether its disk and that of JOURNAL_DIR have room.",
                ]
            ),
            data={
                "host": self._host,
                "bytes": journal.size,
                "percent": percent,
                "waiting": writer.waiting,
                "database": not waits,
            },
            level=level,
            for_site=True,
        )
