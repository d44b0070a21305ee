"""What jobs do. Each may be stopped between two parts and started again: what was done until then stays."""

from __future__ import annotations

from datetime import date
from typing import Final

from django.utils import timezone

from providers.pricing.prices import schedules
from proxysite.state.jobs.exports import export
from proxysite.state.jobs.fetches import fetch
from proxysite.state.jobs.work import Progress, Result, record_for
from proxysite.state.models import Job
from usage.collector import at_rest
from usage.models import RequestLog
from usage.reports import formatting
from usage.reports.query import Period
from usage.repricing import Repriced, reprice
from usage.rollups import months, rebuild

SHOWN: Final = 50
"""Differences that a result lists."""


def run(job: Job, progress: Progress) -> Result:
    """Does a job. Raises Refused, what `progress` raises, and django.db.Error."""
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

    try:
        found = reprice(
            period,
            schedules(),
            as_of=None if options["prices"] == "then" else timezone.now(),
            model_name=options["model"] or None,
            write=options["write"],
            progress=each,
        )
    finally:
        # One that was stopped has written as well.
        if options["write"] and done:
            days = {"first": options["first"], "last": options["last"], "prices of": options["prices"]}
            record_for(job, "usage repriced", {**days, "requests": done})
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
    count, lines = 0, []
    at = (0, 0)

    def each(done: int, total: int) -> None:
        nonlocal at
        at = (done, total)
        progress(done, total, "steps")

    try:
        with at_rest:
            for difference in rebuild.rebuild(first, last, check=check, progress=each):
                count += 1
                if count <= SHOWN:
                    lines.append(str(difference))
            left = "" if check else months.not_built(months.build_all(lambda: each(*at)))
    finally:
        if count and not check:
            record_for(job, "rollups rebuilt", {"differences": count})
    if count > SHOWN:
        lines.append(f"… and {count - SHOWN:,} more")
    if left:
        lines.append(left)
    if not count:
        return ["All rollups match the rows.", *lines]
    if check:
        return [f"{count:,} rollups differ from the rows. Rebuild them.", *lines]
    return [f"{count:,} rollups rebuilt; the others matched the rows.", *lines]
