"""The pages of jobs: the list with what may be started, one job, starting and cancelling."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from access.audit import record
from access.permissions import IMPORT, may
from proxysite.console.jobs import files, importing, shown
from proxysite.console.jobs.asking import ADD, VIEW, ask
from proxysite.console.jobs.forms import FORMS, SENTENCES, TAKES
from proxysite.state.jobs import file, progress_file
from proxysite.state.models import Job

LISTED: Final = 100
TONES: Final = {
    "waiting": "info",
    "running": "info",
    "to confirm": "warning",
    "done": "success",
    "failed": "danger",
    "abandoned": "danger",
}


@require_safe
@permission_required(VIEW, raise_exception=True)
def list_page(request: HttpRequest) -> HttpResponse:
    """The newest jobs, and a form for each kind for those who may start them."""
    return _list(request, {})


@require_POST
@permission_required((VIEW, ADD), raise_exception=True)
def start(request: HttpRequest, kind: str) -> HttpResponse:
    """Puts a job at the end of those that wait."""
    if kind not in FORMS:
        raise Http404
    if not request.user.has_perms(TAKES.get(kind, ())):
        raise PermissionDenied
    form = FORMS[kind](request.POST, prefix=kind)
    if not form.is_valid():
        return _list(request, {kind: form}, status=400)
    return ask(request, Job.Kind(kind), form.options())


@require_safe
@permission_required(VIEW, raise_exception=True)
def page(request: HttpRequest, job_id: int) -> HttpResponse:
    """One job: how far it is, or what came of it."""
    job = shown.up_to_date(get_object_or_404(Job, pk=job_id))
    context = {
        **admin.site.each_context(request),
        "title": str(job),
        "job": job,
        "tone": TONES.get(job.state, "default"),
        "names": _names([job]),
        "options": shown.options(job, request.user),
        "file": files.shown(job, request.user),
        "fetched": shown.fetched(job, request.user),
        "imported": importing.shown(job, request.user),
        "ahead": shown.ahead(job),
        "may_cancel": may(request.user, ADD) and not job.is_over and not job.is_unwanted,
        "at": timezone.localtime(),
    }
    return TemplateResponse(request, "console/job.html", context)


@require_POST
@permission_required((VIEW, ADD), raise_exception=True)
def cancel(request: HttpRequest, job_id: int) -> HttpResponse:
    """Asks a job to end. One that waits is cancelled at once; one that runs, between two of its parts."""
    job = get_object_or_404(Job, pk=job_id)
    # An import holds the audit, and on SQLite the whole database: it has to know before anything is written here.
    informed = progress_file.ask_to_end(job_id)
    if _cancelled_at_once(job):
        messages.success(request, f"{job} is cancelled.")
        return HttpResponseRedirect(reverse("console:job", args=[job_id]))
    same = Job.objects.filter(pk=job_id)
    ends = same.filter(state=Job.State.RUNNING, is_unwanted=False).update(is_unwanted=True)
    if ends or (informed and same.filter(state=Job.State.CANCELLED).exists()):
        record("job cancelled", name=str(job))
        stays = "Nothing of it is written." if job.kind == Job.Kind.IMPORT else "What it wrote to the database stays."
        messages.success(request, f"{job} ends within a few seconds. {stays}")
    else:
        messages.info(request, f"{job} is over.")
    return HttpResponseRedirect(reverse("console:job", args=[job_id]))


def _cancelled_at_once(job: Job) -> bool:
    with transaction.atomic():
        waiting = Job.objects.filter(pk=job.pk, state__in=(Job.State.WAITING, Job.State.TO_CONFIRM))
        if not waiting.update(state=Job.State.CANCELLED, ended_at=timezone.now(), is_unwanted=True):
            return False
        record("job cancelled", name=str(job))
        file.delete_old()
    return True


def _list(request: HttpRequest, filled: dict[str, Any], status: int = 200) -> HttpResponse:
    jobs = list(Job.objects.defer("found", "result").order_by("-pk")[:LISTED])
    may_add = may(request.user, ADD)
    context = {
        **admin.site.each_context(request),
        "title": "Jobs",
        "jobs": [(shown.up_to_date(job), TONES.get(job.state, "default")) for job in jobs],
        "names": _names(jobs),
        "kinds": [
            (kind, Job.Kind(kind).label, SENTENCES[kind], filled.get(kind) or form(prefix=kind), kind in filled)
            for kind, form in FORMS.items()
            if request.user.has_perms(TAKES.get(kind, ()))
        ]
        if may_add
        else [],
        "lists": files.lists(request.user),
        "may_import": may_add and may(request.user, IMPORT),
    }
    return TemplateResponse(request, "console/jobs.html", context, status=status)


def _names(jobs: list[Job]) -> dict[int | None, str]:
    ids = {job.user_id for job in jobs if job.user_id is not None}
    return dict(User.objects.filter(pk__in=ids).values_list("pk", "username"))
