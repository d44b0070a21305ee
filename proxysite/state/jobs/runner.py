"""The process that runs jobs, one after the other, until none waits. The page's process starts it and holds its
standard input: where that ends, so does the job, and whoever opens the page later sees that it was abandoned."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from typing import Final

from django.db import Error as DatabaseError
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from proxysite.state.jobs import tasks, work
from proxysite.state.models import Job

logger = logging.getLogger("gateway.jobs")

HEARTBEAT_SECONDS: Final = 2.0
STALE: Final = timedelta(seconds=60)
"""A job whose process has written nothing for so long is abandoned."""
KEPT: Final = timedelta(days=90)
STOPPED: Final = "The process that ran it was stopped. Start it again: what it wrote to the database stays."


class Stopped(Exception):
    """The job is to end: somebody cancelled it, or the gateway stops."""


def abandon_dead() -> None:
    """Marks the jobs whose process is gone. Raises django.db.Error."""
    dead = Job.objects.filter(state=Job.State.RUNNING, seen_at__lt=Now() - STALE)
    # This is asked every few seconds, so nothing is written where there is nothing to write.
    if dead.exists():
        dead.update(state=Job.State.ABANDONED, ended_at=Now(), error=STOPPED)


def claim() -> Job | None:
    """Returns the job that has waited longest, which runs from now on; None where none waits or another one runs. Old
    jobs are forgotten then.

    Raises django.db.Error.
    """
    abandon_dead()
    Job.objects.filter(state=Job.State.WAITING, is_unwanted=True).update(state=Job.State.CANCELLED, ended_at=Now())
    job = Job.objects.filter(state=Job.State.WAITING).order_by("pk").first()
    if job is None:
        return None
    waiting = Job.objects.filter(pk=job.pk, state=Job.State.WAITING)
    try:
        with transaction.atomic():
            if not waiting.update(state=Job.State.RUNNING, began_at=Now(), seen_at=Now(), host=work.host_name()):
                return None
    except IntegrityError:
        return None
    Job.objects.filter(ended_at__lt=Now() - KEPT).delete()
    return Job.objects.get(pk=job.pk)


class Running:
    """A job that runs in this thread, while another one writes that it does."""

    def __init__(self, job: Job, ended: threading.Event) -> None:
        self._job = job
        self._ended = ended
        self._progress: tuple[int, int | None, str] = (0, None, "")
        self._unwanted = False
        self._over = threading.Event()

    def run(self) -> None:
        """Does it and writes how it ended. Raises django.db.Error where that cannot be written."""
        heart = threading.Thread(target=self._beat, name="job-heartbeat", daemon=True)
        heart.start()
        state, result, error = Job.State.DONE, work.Result([]), ""
        try:
            result = tasks.run(self._job, self._note)
        except Stopped:
            state = Job.State.CANCELLED if self._unwanted else Job.State.ABANDONED
            error = "" if self._unwanted else STOPPED
        except work.Refused as refused:
            state, error = Job.State.FAILED, str(refused)
        except Exception as failure:
            logger.exception("a job failed", extra={"fields": {"job": self._job.pk}})
            state, error = Job.State.FAILED, f"{type(failure).__name__}. The log has the details."
        finally:
            self._over.set()
            heart.join(10)
        done, total, unit = self._progress
        # A job that was taken for dead meanwhile stays abandoned.
        Job.objects.filter(pk=self._job.pk, state=Job.State.RUNNING).update(
            state=state, result=result.lines, found=result.found, error=error, done=done, total=total, unit=unit,
            ended_at=Now(), seen_at=Now(),
        )  # fmt: skip

    def _note(self, done: int, total: int | None, unit: str) -> None:
        self._progress = (done, total, unit)
        if self._unwanted or self._ended.is_set():
            raise Stopped

    def _beat(self) -> None:
        mine = Job.objects.filter(pk=self._job.pk, state=Job.State.RUNNING)
        try:
            while not self._over.wait(HEARTBEAT_SECONDS):
                done, total, unit = self._progress
                try:
                    there = mine.update(seen_at=Now(), done=done, total=total, unit=unit)
                    self._unwanted = not there or mine.filter(is_unwanted=True).exists()
                except DatabaseError as error:
                    logger.warning("a job cannot tell that it runs", extra={"fields": {"cause": str(error)}})
                    connection.close()
        finally:
            connection.close()


def run_all(ended: threading.Event) -> int:
    """Runs jobs until none waits, another process runs one, or `ended` is set; returns how many. Raises
    django.db.Error."""
    count = 0
    while not ended.is_set() and (job := claim()) is not None:
        Running(job, ended).run()
        count += 1
    return count
