"""What the page of an import shows, and the step that applies what it showed."""

from __future__ import annotations

from datetime import datetime

import msgspec
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST

from access.audit import record
from access.permissions import IMPORT, Person, may
from proxysite.console.jobs.asking import begin, may_ask
from proxysite.state.jobs import file, imports
from proxysite.state.models import Job, JobFile


class Import(msgspec.Struct, frozen=True):
    """An import as its page shows it to those who may import: nothing is `found` before the file was looked at. One
    that may be applied waits `until` then for it."""

    found: imports.Found | None
    until: datetime | None = None
    may_apply: bool = False


def shown(job: Job, reader: Person) -> Import | None:
    """Returns what a reader sees of an import; None of another job, or where they see nothing of it."""
    if job.kind != Job.Kind.IMPORT or not may(reader, IMPORT):
        return None
    until = None
    if job.state == Job.State.TO_CONFIRM:
        until = JobFile.objects.filter(pk=job.pk).values_list("expires_at", flat=True).first()
    return Import(imports.found(job), until, until is not None and may_import(reader))


def may_import(person: Person) -> bool:
    """Returns whether somebody may have a job import a file."""
    return may(person, IMPORT) and may_ask(person)


@require_POST
def apply(request: HttpRequest, import_id: int) -> HttpResponse:
    """Has the job apply the differences that its page showed, which `mark` names, for whoever asks for it here. The job
    compares them once more."""
    if not may_import(request.user):
        raise PermissionDenied
    job = get_object_or_404(Job, pk=import_id, kind=Job.Kind.IMPORT)
    mark, found = request.POST.get("mark", ""), imports.found(job) or imports.Found()
    with transaction.atomic():
        # The same differences twice are applied once: the second time the job does not wait for anybody.
        waiting = Job.objects.filter(pk=import_id, state=Job.State.TO_CONFIRM, found__mark=mark)
        is_last = waiting.update(
            state=Job.State.WAITING, user_id=request.user.pk, options={**job.options, "mark": mark},
            done=0, total=None, unit="", found=None, began_at=None,
        )  # fmt: skip
        if is_last:
            file.extend(import_id)
            record("import confirmed", name=str(job), changes={"file": job.options["file"], **found.counts})
    if is_last:
        return begin(request, job)
    messages.warning(request, "Nothing was written: these differences are not the last ones. Look at them again.")
    return HttpResponseRedirect(reverse("console:job", args=[import_id]))
