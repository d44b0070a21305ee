"""Jobs that pages ask for, and the start of the process that does them."""

from __future__ import annotations

import logging
from typing import Any, Final

from django.contrib import messages
from django.db import Error as DatabaseError
from django.db import transaction
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse

from access.audit import record
from access.permissions import Person, may
from proxysite.state.jobs import file
from proxysite.state.jobs.start import start
from proxysite.state.models import Job

logger = logging.getLogger("gateway.jobs")

VIEW: Final = "state.view_job"
ADD: Final = "state.add_job"


def may_ask(person: Person) -> bool:
    """Returns whether somebody may start jobs and see what becomes of them."""
    return may(person, VIEW) and may(person, ADD)


def ask(request: HttpRequest, kind: Job.Kind, options: dict[str, Any], text: str | None = None) -> HttpResponseRedirect:
    """Puts a job at the end of those that wait, and leads to its page. Ask first whether the reader may. `text` is that
    of the file that the job is about, of which only the encrypted text is stored."""
    with transaction.atomic():
        job = Job.objects.create(kind=kind, options=options, user_id=request.user.pk)
        if text is not None:
            file.keep(job, text)
        record("job started", name=str(job), changes=job.options)
    return begin(request, job)


def begin(request: HttpRequest, job: Job) -> HttpResponseRedirect:
    """Has the job that waits now run, and leads to its page."""
    try:
        # The job is stored by now: where its process does not start, the gateway tries again every ten seconds.
        start()
    except (DatabaseError, OSError) as error:
        logger.warning("a job's process was not started", extra={"fields": {"cause": str(error)}})
        messages.warning(
            request, "The process of jobs could not be started now. The gateway tries again; its log has the cause."
        )
    return HttpResponseRedirect(reverse("console:job", args=[job.pk]))
