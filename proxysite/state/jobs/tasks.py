"""What jobs do. Each may be stopped between two parts and started again: what it wrote to the database stays. An import
writes all or nothing."""

from __future__ import annotations

from datetime import date
from typing import Final

from django.utils import timezone

from providers.pricing.prices import schedules
from proxysite.state.jobs.exports import export
from proxysite.state.jobs.fetches import fetch
from proxysite.state.jobs.imports import import_file
from proxysite.state.jobs.work import Progress, Result, who_asked
from proxysite.state.models import Job
from usage.models import RequestLog
from usage.reports import formatting
from usage.reports.query import Period
from usage.repricing import Repriced, reprice_and_record
from usage.rollups.compare import Difference
from usage.rollups.rebuild import rebuild_and_record

SHOWN: Final = 50
"""Differences that a result lists."""


def run(job: Job, progress: Progress) -> Result | None:
    """Does a job; returns None where it has written itself how it ended. Raises Refused, what `progress` raises,
    Stopped and django.db.Error."""
    if job.kind == Job.Kind.IMPORT:
        import_file(job, progress)
        return None
    if job.kind == Job.Kind.EXPORT:
        return export(job, progress)
    if job.kind == Job.Kind.FETCH:
        return fetch(job, progress)
    if job.kind == Job.Kind.REPRICE:
        return Result(_reprice(job, progress))
    return Result(_rollups(job, progress, check=job.kind == Job.Kind.CHECK))


def _reprice(job: Job, progress: Progress) -> list[str]:
    options = job.options
    period = Period(date.fromisoformat(options["first"]), date.fromisoformat(options["last"]))
    rows = RequestLog.objects.filter(started_at__gte=period.start, started_at__lt=period.end, attempts__gt=0)
    if options["model"]:
        rows = rows.filter(model_name=options["model"])
    total, done = rows.count(), 0
    progress(0, total, "requests")

    def each(number: int) -> None:
        nonlocal done
        done += number
        progress(done, total, "requests")

    found = reprice_and_record(
        period,
        schedules(),
        as_of=None if options["prices"] == "then" else timezone.now(),
        prices_of=options["prices"],
        model_name=options["model"] or None,
        write=options["write"],
        progress=each,
        who=who_asked(job),
        job=job.pk,
    )
    stored = "The result is stored beside the cost." if options["write"] else "Nothing was stored."
    return [*map(_line, found), _line(_total(found)), stored]


def _total(found: list[Repriced]) -> Repriced:
    total = Repriced("", "all")
    for one in found:
        total.requests += one.requests
        total.unpriced += one.unpriced
        total.cost += one.cost
        total.repriced_cost += one.repriced_cost
    return total


def _line(one: Repriced) -> str:
    name = f"{one.provider_name}: {one.model_name}" if one.provider_name else one.model_name
    unpriced = f", {one.unpriced:,} without a price" if one.unpriced else ""
    costs = f"{formatting.dollars(one.cost)} → {formatting.dollars(one.repriced_cost)}"
    return f"{name}: {one.requests:,} requests{unpriced}, {costs}"


def _rollups(job: Job, progress: Progress, *, check: bool) -> list[str]:
    first, last = (date.fromisoformat(job.options[name]) if job.options[name] else None for name in ("first", "last"))
    lines: list[str] = []

    def each(difference: Difference) -> None:
        if len(lines) < SHOWN:
            lines.append(str(difference))

    found = rebuild_and_record(
        first,
        last,
        check=check,
        each=each,
        progress=lambda done, total: progress(done, total, "steps"),
        who=who_asked(job),
        job=job.pk,
    )
    count = found.differences
    if count > SHOWN:
        lines.append(f"… and {count - SHOWN:,} more")
    if found.not_built:
        lines.append(found.not_built)
    if not count:
        return ["All rollups match the rows.", *lines]
    if check:
        return [f"{count:,} rollups differ from the rows. Rebuild them.", *lines]
    return [f"{count:,} rollups rebuilt; the others matched the rows.", *lines]
