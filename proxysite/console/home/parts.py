"""Parts of home that the Health page has, too: the last failures by reason, and the half hours of a provider."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from proxysite.console.ranges import Range
from usage.admin.filters import rows_url
from usage.models import Outcome
from usage.reports import amounts, failures, formatting, query
from usage.reports.failures import Failure
from usage.reports.pulse import Provider


def recent_failures(chosen: Range, most: int = 6) -> dict[str, Any]:
    """Returns the last failures of a range by reason, with links to their requests."""
    found = failures.lately(chosen.since, chosen.until, most)
    return {
        "rows": [_failure(one, found.since, chosen) for one in found.groups],
        "more": found.more,
        "since": found.since if found.since > chosen.since else None,
        "all_url": rows_url(chosen, outcomes=query.ERRORS),
    }


def _failure(one: Failure, since: datetime, chosen: Range) -> dict[str, Any]:
    reason = one.code or one.error or one.outcome.label
    same = {"code": one.code, "error": one.error, "provider": one.provider}
    return {
        "count": formatting.count(one.count),
        "reason": reason.replace("_", " "),
        "status": one.status or "",
        "provider": one.provider,
        "is_refused": one.outcome is Outcome.REFUSED,
        "first": one.first,
        "last": one.last,
        "url": rows_url(Range(since, chosen.until), outcomes=[one.outcome.value], **same),
    }


def strip(one: Provider, day: Range, demos: set[str]) -> dict[str, Any]:
    """Returns how a provider did in each half hour of a day, and in all of it."""
    return {
        "name": one.name,
        "is_demo": one.name in demos,
        "squares": [
            {"state": _state(requests, failed), "title": f"{formatting.count(requests)} requests, {failed} failed"}
            for requests, failed in one.squares
        ],
        "p95": formatting.milliseconds(one.p95),
        "requests": formatting.count(one.requests),
        "failed": formatting.count(sum(failed for _, failed in one.squares)),
        "cost": amounts.in_column(one.cost),
        "url": rows_url(day, provider=one.name),
    }


def _state(requests: int, failed: int) -> str:
    """Returns the colour of a half hour: none, ok, some failed, or down (most failed)."""
    if not requests:
        return "none"
    share = failed / requests
    if share < 0.02:
        return "ok"
    return "some" if share < 0.5 else "down"
