"""The State page: versions, workers, accounts, database, checks and settings, and the diagnosis file."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Final

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from access.audit import record
from access.permissions import may
from proxysite.state import database, diagnosis, overview, settings_in_force, versions
from usage.models import SetAside

VIEW: Final = "state.view_worker"
_TASKS: Final = {
    "journal": "Journal written to disk and tested",
    "dead workers": "Journals of dead workers looked for",
    "prepared files": "Old prepared files deleted",
    "partitions": "Partitions of coming months made",
    "windows of budgets": "Windows of budgets opened",
    "rollups of months": "Rollups of past months built",
}


@require_safe
@permission_required(VIEW, raise_exception=True)
def page(request: HttpRequest) -> HttpResponse:
    """Everything at a glance; the parts that change are read anew every 30 seconds."""
    workers = overview.processes()
    alive = [one for one in workers if one.is_alive]
    settings = settings_in_force.in_force()
    oldest = [one.oldest_at for one in alive if one.oldest_at is not None]
    context = {
        **admin.site.each_context(request),
        "title": "State",
        "at": timezone.localtime(),
        "version": versions.gateway(),
        "python": versions.python(),
        "libraries": versions.libraries(),
        "workers": workers,
        "alive": sum(one.kind == "gateway" for one in alive),
        "pages": sum(one.kind == "pages" for one in alive),
        "problems": overview.problems(workers),
        "waiting": sum(one.facts.waiting or 0 for one in alive),
        "journal_bytes": sum(one.facts.journal_bytes or 0 for one in alive),
        "oldest_at": min(oldest, default=None),
        "journals": overview.journals(),
        "set_aside": SetAside.objects.count(),
        "set_aside_url": reverse("admin:usage_setaside_changelist") if may(request.user, "usage.view_setaside") else "",
        "housekeeping": [(_TASKS.get(task, task), moment) for task, moment in overview.housekeeping(workers).items()],
        "database": database.measure(),
        "pending": diagnosis.pending_migrations(),
        "findings": diagnosis.findings(),
        "settings": {
            title: list(some)
            for title, some in groupby(
                sorted(settings, key=lambda one: not one.changed),
                lambda one: "Changed" if one.changed else "As by default",
            )
        },
    }
    return TemplateResponse(request, "console/state.html", context)


@require_safe
@permission_required(VIEW, raise_exception=True)
def export(request: HttpRequest) -> HttpResponse:
    """The diagnosis as a file."""
    now = timezone.now()
    found = diagnosis.report(now)
    record("diagnosis exported", changes={"workers": len(found["workers"])})
    response = HttpResponse(json.dumps(found, indent=2, default=str), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="gateway-diagnosis-{now:%Y-%m-%dT%H%M}Z.json"'
    return response
