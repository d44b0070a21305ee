"""Progress of a job that holds SQLite's one write lock, and the wish to cancel it: files beside the database, because
neither can be written to it meanwhile. With PostgreSQL there are none."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Final

import msgspec
from django.conf import settings
from django.db import connection

from proxysite.state.models import Job

_SECONDS: Final = 0.5
"""Between two looks and writes."""


class Progress(msgspec.Struct, frozen=True):
    """How much is done, of how much, in which unit."""

    done: int
    total: int | None
    unit: str


class ProgressFile:
    """That of a job, written by its process while it is open."""

    def __init__(self, job_id: int) -> None:
        self._job_id = job_id
        self._path, self._wish = _path(job_id), _wish(job_id)
        self._next = 0.0
        self._used = connection.vendor == "sqlite"

    def __enter__(self) -> ProgressFile:
        if self._used:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._used:
            delete(self._job_id)

    def is_unwanted(self, progress: Progress) -> bool:
        """Writes the progress, twice a second, and returns whether somebody wants the job cancelled."""
        if not self._used or (now := time.monotonic()) < self._next:
            return False
        self._next = now + _SECONDS
        part = self._path.with_suffix(".part")
        part.write_bytes(msgspec.json.encode(progress))
        part.replace(self._path)
        return self._wish.exists()


def read(job: Job) -> Progress | None:
    """Returns the progress of a job that runs; None where there is no file, as in most."""
    if connection.vendor != "sqlite" or job.state != Job.State.RUNNING:
        return None
    with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
        return msgspec.json.decode(_path(job.pk).read_bytes(), type=Progress)
    return None


def is_alive(job_id: int, seconds: float) -> bool:
    """Returns whether the job's process wrote its progress within so many seconds."""
    try:
        return time.time() - _path(job_id).stat().st_mtime < seconds
    except FileNotFoundError:
        return False


def ask_to_end(job_id: int) -> bool:
    """Tells the job's process that it is to end; returns False where there is none that would read it."""
    if connection.vendor != "sqlite" or not _path(job_id).exists():
        return False
    _wish(job_id).touch(mode=0o600)
    return True


def delete(job_id: int) -> None:
    """Removes what a process left, which may have been killed."""
    for path in (_path(job_id), _wish(job_id)):
        path.unlink(missing_ok=True)


def _path(job_id: int) -> Path:
    return Path(settings.DATA_DIR) / "jobs" / f"{job_id}.progress"


def _wish(job_id: int) -> Path:
    return Path(settings.DATA_DIR) / "jobs" / f"{job_id}.cancel"
