"""Starts the process that runs jobs, from a process that serves pages. Streams do not wait for it: it is another
process, with a lower priority."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from typing import Final

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.db.models import Q

from proxysite.state.jobs import runner
from proxysite.state.models import Job
from streaming import runtime

logger = logging.getLogger("gateway.jobs")

_UNFINISHED: Final = Q(state__in=(Job.State.WAITING, Job.State.RUNNING))
_lock = threading.Lock()
_process: subprocess.Popen[bytes] | None = None


def start() -> None:
    """Starts it where a job waits and none runs. Nothing is started by a command or a test, which serve nothing.

    Raises django.db.Error, and OSError where the system starts no process.
    """
    global _process
    if not Job.objects.filter(_UNFINISHED).exists():
        return
    runner.abandon_dead()
    states = set(Job.objects.filter(_UNFINISHED).values_list("state", flat=True))
    if states != {Job.State.WAITING} or runtime.current() is None:
        return
    with _lock:
        if _process is not None and _process.poll() is None:
            return
        _process = subprocess.Popen(  # noqa: S603 - this program
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "run_jobs", "--while-input"],
            stdin=subprocess.PIPE,
            start_new_session=True,
            cwd=settings.BASE_DIR,
        )
        threading.Thread(target=_await, args=(_process,), name="jobs", daemon=True).start()


def look() -> None:
    """Does what `start` does, for threads that go on: what fails is logged and tried again the next time."""
    try:
        start()
    except (DatabaseError, OSError) as error:
        logger.warning("jobs that wait were not started", extra={"fields": {"cause": str(error)}})
        connection.close()


def _await(process: subprocess.Popen[bytes]) -> None:
    """Leaves no zombie. A job that was asked for while the process ended does not wait for the next look; one that
    broke it does."""
    if process.wait() == 0:
        try:
            look()
        finally:
            connection.close()
