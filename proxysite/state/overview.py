"""The workers side by side, with what is wrong with each. Functions raise django.db.Error."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec
from django.conf import settings
from django.db.models import BooleanField, Case, Value, When
from django.db.models.functions import Now

from proxysite.state.models import Worker
from proxysite.state.reporter import STALE, Facts
from routing.loading import revision
from usage.journal import segments

SKEW_MS: Final = 2_000
"""Milliseconds from the database's clock beyond which a page warns: circuits and windows of budgets go by clocks."""


class Process(msgspec.Struct, frozen=True):
    """A worker as its row says. `is_alive`: it wrote its row lately; `is_current`: it has the newest configuration."""

    name: str
    kind: str
    version: str
    started_at: datetime
    seen_at: datetime
    facts: Facts
    is_alive: bool
    is_current: bool

    @property
    def host(self) -> str:
        """The machine that it runs on."""
        return self.name.partition(":")[0]

    @property
    def loaded_at(self) -> datetime | None:
        """Since when it uses the configuration that it has."""
        return at(self.facts.loaded_at)

    @property
    def oldest_at(self) -> datetime | None:
        """When the oldest request began that is in its journal alone."""
        return at(self.facts.journal_oldest_at)

    @property
    def revision(self) -> str:
        """The configuration that it uses: the counters of routing and access."""
        return ", ".join(f"{scope} {number}" for scope, number in sorted(self.facts.revisions.items()))

    @property
    def is_off(self) -> bool:
        """Whether its clock is far from the database's."""
        return self.facts.skew_ms is not None and abs(self.facts.skew_ms) > SKEW_MS


def at(seconds: float | None) -> datetime | None:
    """Returns a moment, which may be unknown."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def processes() -> list[Process]:
    """Returns the workers, those that are alive first, then by host and start."""
    current = revision.numbers()
    alive = Case(When(seen_at__gte=Now() - STALE, then=Value(True)), default=Value(False), output_field=BooleanField())
    found = [_process(row, current) for row in Worker.objects.annotate(alive=alive)]
    return sorted(found, key=lambda one: (not one.is_alive, one.host, one.started_at, one.name))


def _process(row: Worker, current: dict[str, int]) -> Process:
    facts = msgspec.convert(row.facts, Facts, strict=False)
    is_alive = bool(row.alive)  # type: ignore[attr-defined]
    return Process(
        row.name, row.kind, row.version, row.started_at, row.seen_at, facts, is_alive, facts.revisions == current
    )


def housekeeping(found: list[Process]) -> dict[str, datetime]:
    """Returns when each of the housekeepers' tasks was done last, by any worker that is alive."""
    last: dict[str, float] = {}
    for one in found:
        if one.is_alive:
            for task, moment in (one.facts.housekeeper or {}).items():
                last[task] = max(moment, last.get(task, 0.0))
    return {task: datetime.fromtimestamp(moment, UTC) for task, moment in sorted(last.items())}


class Folders(msgspec.Struct, frozen=True):
    """The journals on this host, of the living and of the dead: folders, their bytes, and when the oldest was made."""

    count: int
    bytes: int
    oldest_at: datetime | None


def journals() -> Folders:
    """Returns what is in JOURNAL_DIR of this host. Files that go meanwhile are not counted."""
    count, size, oldest = 0, 0, None
    try:
        folders = [one for one in settings.JOURNAL_DIR.iterdir() if one.is_dir() and not one.name.startswith(".")]
    except OSError:
        # No worker runs on this host.
        return Folders(0, 0, None)
    for folder in folders:
        count += 1
        for file in folder.glob(f"*{segments.SUFFIX}"):
            try:
                found = file.stat()
            except FileNotFoundError:
                continue
            size += found.st_size
            oldest = found.st_mtime if oldest is None else min(oldest, found.st_mtime)
    return Folders(count, size, at(oldest))


def problems(found: list[Process]) -> list[str]:
    """Returns what is wrong with the workers, a sentence each; nothing where none runs."""
    alive = [one for one in found if one.is_alive]
    wrong = []
    if dead := [one for one in found if not one.is_alive]:
        names = ", ".join(one.name for one in dead)
        wrong.append(
            f"{len(dead)} worker{'' if len(dead) == 1 else 's'} ended without a word or cannot reach the database: "
            f"{names}."
        )
    if len({one.version for one in alive}) > 1:
        wrong.append("Workers run different versions. Restart those of the earlier one.")
    if behind := [one.name for one in alive if not one.is_current]:
        wrong.append(f"Not on the newest configuration (yet): {', '.join(behind)}.")
    wrong += [
        f"The clock of {one.host} is {one.facts.skew_ms:,} ms from the database's. Synchronise the clocks."
        for one in {one.host: one for one in alive if one.is_off}.values()
    ]
    return wrong
