"""Prepares the file of a list of usage: all its rows as CSV, compressed, in a folder of the host that runs the job."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.utils import timezone

from access.roles.scope import visible
from proxysite.console import csv_file
from proxysite.state.jobs.work import Progress, Refused, Result, person_of
from proxysite.state.models import Job
from usage.reports.rows import file, filters, reading
from usage.reports.rows.file import file_columns, line, prepared
from usage.reports.rows.filters import ATTEMPTS, REQUESTS, Chosen, Kind
from usage.reports.rows.histogram import histogram

KINDS: Final = {"requests": REQUESTS, "attempts": ATTEMPTS}
LEFT_FREE: Final = 512 * 1024 * 1024
"""Bytes of the disk that a file leaves to the gateway, whose journal may be on it too."""
_NO_LONGER = "Whoever asked for it may not see these rows any more."


def permission(job: Job) -> str:
    """Returns the permission to see the rows of a file."""
    return f"usage.view_{KINDS[job.options['rows']].model._meta.model_name}"


def options(rows: str, of: reading.Selection) -> dict[str, Any]:
    """Returns the options of the job that writes the rows of a list; one that goes on ends now."""
    return {
        "rows": rows,
        "since": of.since.isoformat(),
        "until": min(of.until, timezone.now()).isoformat(),
        "filters": of.chosen.values,
        "id": of.chosen.search,
    }


def export(job: Job, progress: Progress) -> Result:
    """Writes the file. One that is not whole is removed. Raises Refused, what `progress` raises and django.db.Error."""
    person = person_of(job)
    if person is None or not person.has_perm(permission(job)):
        raise Refused(_NO_LONGER)
    kind = KINDS[job.options["rows"]]
    chosen = filters.chosen(kind, job.options["filters"], job.options["id"])
    since, until = (datetime.fromisoformat(job.options[name]) for name in ("since", "until"))
    selection = reading.Selection(visible(person, kind.model._default_manager.all()), chosen, since, until)
    path = prepared(job.pk)
    try:
        # Pages may run without the housekeeper that does it each hour.
        file.delete_old()
        rows = _write(path, _Rows(selection, kind, _about(chosen, since, until), progress))
    except OSError as error:
        raise Refused(f"The file cannot be written to {path.parent}: {error.strerror or error}.") from error
    try:
        progress(rows, rows, "rows")
        return Result([], {"rows": rows, "bytes": path.stat().st_size, "folder": str(path.parent)})
    except BaseException:
        # Cancelled in its last moment: no page would show the file.
        path.unlink(missing_ok=True)
        raise


def _about(chosen: Chosen, since: datetime, until: datetime) -> int | None:
    """Returns how many rows there may be, from rollups; None where these do not know the filters."""
    found = histogram(chosen, since, until)
    return None if found is None or found.ignored else found.requests


class _Rows:
    """The lines of the file, counted as they are read."""

    def __init__(self, of: reading.Selection, kind: Kind, about: int | None, progress: Progress) -> None:
        self.columns = file_columns(kind)
        self.count = 0
        self._of, self._about, self._progress = of, about, progress

    def lines(self) -> Iterator[list[Any]]:
        for values in reading.every(self._of, self.columns, self._tell):
            self.count += 1
            yield line(values)

    def _tell(self) -> None:
        self._progress(self.count, None if self._about is None else max(self._about, self.count), "rows")


def _write(path: Path, rows: _Rows) -> int:
    """Returns how many rows were written. Raises OSError, and Refused where the disk is nearly full."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    opened = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(opened, "wb") as raw, gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw) as packed:
            for block in csv_file.blocks(rows.columns, rows.lines()):
                _leave_room(path.parent)
                packed.write(block)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return rows.count


def _leave_room(folder: Path) -> None:
    if shutil.disk_usage(folder).free < LEFT_FREE:
        room = LEFT_FREE >> 20
        raise Refused(
            f"The disk of {folder} is nearly full: a file leaves {room} MB free. Choose a shorter range, or make room."
        )
