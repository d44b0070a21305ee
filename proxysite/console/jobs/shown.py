"""What the page of a job shows of what was asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from access.permissions import Person, may
from proxysite.state.jobs import exports
from proxysite.state.models import Job
from usage.reports.rows import choices


def options(job: Job, reader: Person) -> list[tuple[str, Any]]:
    """Returns names and values. The filters of a file are seen by those who may see its rows."""
    if job.kind == Job.Kind.EXPORT:
        return _of_file(job) if may(reader, exports.permission(job)) else []
    return [(name, value) for name, value in job.options.items() if value not in ("", False)]


def _of_file(job: Job) -> list[tuple[str, Any]]:
    asked = job.options
    kind = exports.KINDS[asked["rows"]]
    filters = [
        (kind.filters[name].title, ", ".join(choices.labels_of(kind.filters[name], values).values()))
        for name, values in asked["filters"].items()
    ]
    times = [(name, _moment(asked[name])) for name in ("since", "until")]
    return [("rows", asked["rows"]), *times, *filters, *([("id", asked["id"])] if asked["id"] else [])]


def _moment(text: str) -> str:
    return f"{timezone.localtime(datetime.fromisoformat(text)):%Y-%m-%d %H:%M:%S}"
