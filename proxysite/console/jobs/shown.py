"""What the page of a job shows of what was asked for, and of lists of models."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from django.urls import reverse
from django.utils import timezone

from access.permissions import IMPORT, Person, may
from providers.models import Provider
from proxysite.state.jobs import exports, fetches, progress_file
from proxysite.state.jobs.runner import in_order
from proxysite.state.models import Job
from usage.reports.rows import choices

_VIEW: Final = "providers.view_provider"


def options(job: Job, reader: Person) -> list[tuple[str, Any]]:
    """Returns names and values. The filters of a file are seen by those who may see its rows."""
    if job.kind == Job.Kind.EXPORT:
        return _of_file(job) if may(reader, exports.permission(job)) else []
    if job.kind == Job.Kind.FETCH:
        return [("providers", _named(job.options["providers"]))] if may(reader, _VIEW) else []
    if job.kind == Job.Kind.IMPORT:
        # The mark tells nobody anything.
        return [(name, job.options[name]) for name in ("file", "format")] if may(reader, IMPORT) else []
    return [(name, value) for name, value in job.options.items() if value not in ("", False)]


def up_to_date(job: Job) -> Job:
    """Returns a job with the progress that its process cannot write to the database now, if there is any."""
    if (progress := progress_file.read(job)) is not None:
        job.done, job.total, job.unit = progress.done, progress.total, progress.unit
    return job


def ahead(job: Job) -> int:
    """Returns how many jobs run and are run before one that waits."""
    if job.state != Job.State.WAITING:
        return 0
    waiting = [*in_order(Job.objects.filter(state=Job.State.WAITING)).values_list("pk", flat=True)]
    running = Job.objects.filter(state=Job.State.RUNNING).count()
    return running + (waiting.index(job.pk) if job.pk in waiting else 0)


def fetched(job: Job, reader: Person) -> list[dict[str, Any]]:
    """Returns what each provider's list said (proxysite.state.jobs.fetches.Fetched), with the URLs of its pages: "" for
    one that the reader may not open, or that is gone."""
    if job.kind != Job.Kind.FETCH or job.found is None or not may(reader, _VIEW):
        return []
    there = set(Provider.objects.values_list("pk", flat=True))
    may_add = may(reader, fetches.PERMISSION) and may(reader, "providers.add_model")
    return [
        {**one, "add_url": _url("console:provider-models", one, there if may_add else ()),
         "url": _url("admin:providers_provider_change", one, there)}
        for one in job.found["providers"]
    ]  # fmt: skip


def _url(page: str, one: dict[str, Any], there: Collection[int]) -> str:
    return reverse(page, args=[one["provider_id"]]) if one["provider_id"] in there else ""


def _named(ids: list[int]) -> str:
    if not ids:
        return "all that were enabled"
    return ", ".join(Provider.objects.filter(pk__in=ids).order_by("name").values_list("name", flat=True))


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
