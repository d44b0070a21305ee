"""What failed lately, by reason: of the newest requests of a range, as many as can be looked through at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec
from django.db.models import Count, Max, Min, Sum

from usage.models import Outcome, RequestLog
from usage.reports import spans
from usage.rollups.measures import ERRORS

MOST: Final = 20_000
"""Requests that are looked through: there is no index by outcome."""
LONGEST: Final = timedelta(days=2)


class Failure(msgspec.Struct, frozen=True):
    """Requests that failed for one reason at one provider, "" for none. `code` is of the gateway's own sentence,
    `status` None if they have none or several."""

    outcome: Outcome
    status: int | None
    error: str
    code: str
    provider: str
    count: int
    first: datetime
    last: datetime


class Failures(msgspec.Struct, frozen=True):
    """The most frequent failures, the most frequent first, of requests that began from `since`; `more` reasons are
    left out."""

    groups: list[Failure]
    more: int
    since: datetime


def lately(since: datetime, until: datetime, most: int = 6) -> Failures:
    """Returns the failures of the end of a range: LONGEST, or about MOST requests."""
    first = _bounded(max(since, until - LONGEST), until)
    rows = RequestLog.objects.filter(started_at__gte=first, started_at__lt=until, outcome__in=ERRORS)
    groups = (
        rows.order_by()
        .values_list("outcome", "error_type", "sentence_code", "provider_name")
        .annotate(
            Count("id"),
            Min("http_status"),
            Max("http_status"),
            Count("http_status"),
            Min("started_at"),
            Max("started_at"),
        )
    )
    found = sorted(groups, key=lambda row: (-row[4], row[:4]))
    return Failures([_failure(*row) for row in found[:most]], max(0, len(found) - most), first)


def _failure(
    outcome: str, error: str, code: str, provider: str, count: int,
    lowest: int | None, highest: int | None, with_status: int, first: datetime, last: datetime,
) -> Failure:  # fmt: skip
    status = lowest if lowest == highest and with_status == count else None
    return Failure(Outcome(outcome), status, error, code, provider, count, first, last)


def _bounded(since: datetime, until: datetime) -> datetime:
    """Returns the moment from which on there are about MOST requests."""
    quarters = spans.rows(since, until, bucket="quarter").groups("starts_at", number=Sum("requests"))
    total = 0
    for row in sorted(quarters, key=lambda row: row["starts_at"], reverse=True):
        total += row["number"]
        if total >= MOST:
            first: datetime = row["starts_at"]
            return max(since, first)
    return since
