"""The process that runs jobs, one after the other, until none waits. The page's process starts it and holds its
standard input: where that ends, so does the job, and whoever opens the page later sees that it was abandoned."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from typing import Final

from django.db import Error as DatabaseError
from django.db import IntegrityError, connection, transaction
from django.db.models import Case, QuerySet, When
from django.db.models.functions import Now

from proxysite.state.jobs import file, progress_file, work
from proxysite.state.models import Job

logger = logging.getLogger("gateway.jobs")

HEARTBEAT_SECONDS: Final = 2.0
STALE: Final = timedelta(seconds=60)
"""A job whose process has written nothing for so long is abandoned."""
KEPT: Final = timedelta(days=90)
STOPPED: Final = "The process that ran it was stopped. Start it again: what it wrote to the database stays."
IMPORT_STOPPED: Final = "The process that ran it was stopped. Nothing was written: send the file again."
Stopped = work.Stopped


def abandon_dead() -> None:
    """Marks the jobs whose process is gone, and those that nobody confirmed. Raises django.db.Error."""
    dead = Job.objects.filter(state=Job.State.RUNNING, seen_at__lt=Now() - STALE)
    # This is asked every few seconds, so nothing is written where there is nothing to write.
    for job in dead.only("kind"):
        if not progress_file.is_alive(job.pk, STALE.total_seconds()):
            dead.filter(pk=job.pk).update(state=Job.State.ABANDONED, ended_at=Now(), error=_stopped(job))
            progress_file.delete(job.pk)
    file.delete_old()


def claim() -> Job | None:
    """Returns the job that is next, which runs from now on; None where none waits or another one runs. Old jobs are
    forgotten then.

    Raises django.db.Error.
    """
    abandon_dead()
    Job.objects.filter(state=Job.State.WAITING, is_unwanted=True).update(state=Job.State.CANCELLED, ended_at=Now())
    job = in_order(Job.objects.filter(state=Job.State.WAITING)).first()
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


def in_order(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """Returns jobs in the order in which they run: imports, for which somebody waits, before others."""
    return jobs.order_by(Case(When(kind=Job.Kind.IMPORT, then=0), default=1), "pk")


def _stopped(job: Job) -> str:
    return IMPORT_STOPPED if job.kind == Job.Kind.IMPORT else STOPPED


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
        # Workers, which look after jobs with this module, have no use for what does them.
        from proxysite.state.jobs import tasks

        heart = threading.Thread(target=self._beat, name="job-heartbeat", daemon=True)
        heart.start()
        state, result, error = Job.State.DONE, work.Result([]), ""
        try:
            result = tasks.run(self._job, self._note) or result
        except work.Stopped as stop:
            unwanted = isinstance(stop, work.Cancelled) or self._is_unwanted()
            state = Job.State.CANCELLED if unwanted else Job.State.ABANDONED
            error = "" if unwanted else _stopped(self._job)
        except work.Refused as refused:
            state, error = Job.State.FAILED, str(refused)
        except Exception as failure:
            logger.exception("a job failed", extra={"fields": {"job": self._job.pk}})
            state, error = Job.State.FAILED, f"{type(failure).__name__}. The log has the details."
        finally:
            self._over.set()
            heart.join(10)
        done, total, unit = self._progress
        # A job that was taken for dead meanwhile stays abandoned, and one that has written how it ended stays so.
        Job.objects.filter(pk=self._job.pk, state=Job.State.RUNNING).update(
            state=state, result=result.lines, found=result.found, error=error, done=done, total=total, unit=unit,
            ended_at=Now(), seen_at=Now(),
        )  # fmt: skip
        file.delete_old()

    def _is_unwanted(self) -> bool:
        return self._unwanted or Job.objects.filter(pk=self._job.pk, is_unwanted=True).exists()

    def _note(self, done: int, total: int | None, unit: str) -> None:
        self._progress = (done, total, unit)
        if self._unwanted or self._ended.is_set():
            raise work.Stopped

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
