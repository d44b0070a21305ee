"""Starts the process that runs jobs, from a process that serves pages. Streams do not wait for it: it is another
process, with a lower priority."""

from __future__ import annotations

import subprocess
import sys
import threading

from django.conf import settings

from proxysite.state.jobs import runner
from proxysite.state.models import Job
from streaming import runtime

_lock = threading.Lock()
_process: subprocess.Popen[bytes] | None = None


def start() -> None:
    """Starts it where a job waits and none runs. Nothing is started by a command or a test, which serve nothing.

    Raises django.db.Error.
    """
    global _process
    runner.abandon_dead()
    states = set(Job.objects.filter(state__in=(Job.State.WAITING, Job.State.RUNNING)).values_list("state", flat=True))
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
        # So that it leaves no zombie.
        threading.Thread(target=_process.wait, name="jobs", daemon=True).start()
