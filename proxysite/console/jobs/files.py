"""Files that jobs prepared: whether one is here, and its download."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from access.audit import record
from access.permissions import Person, may
from proxysite.console import csv_file
from proxysite.state.jobs import exports
from proxysite.state.jobs.work import host_name
from proxysite.state.models import Job
from usage.reports.rows.file import KEPT, prepared

_BLOCK: Final = 256 * 1024
_MISSING = "The file is not on this host: it was deleted, or another host wrote it, or its time is over."


class File(msgspec.Struct, frozen=True):
    """A prepared file as the page shows it; `problem` says why it cannot be downloaded here."""

    name: str
    size: int
    rows: int
    until: datetime
    url: str = ""
    problem: str = ""


def shown(job: Job, reader: Person) -> File | None:
    """Returns the file of a job; None where it has written none."""
    if job.kind != Job.Kind.EXPORT or job.state != Job.State.DONE or job.found is None or job.ended_at is None:
        return None
    until = job.ended_at + KEPT
    url, problem = "", ""
    if not may(reader, exports.permission(job)):
        problem = f"Only those who may see {job.options['rows']} may download it."
    elif timezone.now() >= until:
        problem = f"It is kept for {KEPT.days} days, which are over."
    elif _is_here(job):
        url = reverse("console:job-export", args=[job.pk])
    elif job.host == host_name():
        problem = f"It is not in {prepared(job.pk).parent} any more. Prepare it again."
    else:
        problem = (
            f"It is not on this host, {host_name()}: {job.host} wrote it to {job.found['folder']}. Open this "
            "page there; or set EXPORT_DIR to a folder that all hosts share, and prepare it again."
        )
    return File(_name(job), job.found["bytes"], job.found["rows"], until, url, problem)


def lists(reader: Person) -> list[tuple[str, str]]:
    """Returns names and URLs of the lists whose rows somebody may have prepared as a file."""
    models = ((name, kind.model._meta.model_name) for name, kind in exports.KINDS.items())
    return [
        (name, reverse(f"admin:usage_{model}_changelist"))
        for name, model in models
        if may(reader, f"usage.view_{model}")
    ]


@require_safe
def download(request: HttpRequest, export_id: int) -> HttpResponseBase:
    """Sends the file to whoever may see its rows now, and writes that into the audit."""
    job = get_object_or_404(Job, pk=export_id, kind=Job.Kind.EXPORT)
    if not may(request.user, exports.permission(job)):
        raise PermissionDenied
    if not _is_readable(job):
        raise Http404(_MISSING)
    asked = {name: value for name, value in job.options.items() if value}
    record("usage exported", changes={**asked, "job": job.pk})
    sent = csv_file.response(request, _name(job), _blocks(prepared(job.pk)), "application/gzip")
    sent["Content-Length"] = str(_size(job))
    return sent


def _name(job: Job) -> str:
    return f"{job.options['rows']}-{timezone.localtime(job.created_at).date()}-{job.pk}.csv.gz"


def _size(job: Job) -> int | None:
    return None if job.found is None else job.found["bytes"]


def _is_here(job: Job) -> bool:
    """Whether this host has the file: one of another job, which had this number before a database was restored, is of
    another size."""
    try:
        return prepared(job.pk).stat().st_size == _size(job)
    except OSError:
        return False


def _is_readable(job: Job) -> bool:
    if job.state != Job.State.DONE or job.ended_at is None or timezone.now() >= job.ended_at + KEPT:
        return False
    return _is_here(job) and os.access(prepared(job.pk), os.R_OK)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block
