"""The URLs of exactly the rows behind a number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from urllib.parse import urlencode

from django.urls import reverse

from proxysite.console.ranges import Range
from usage.reports.query import Period
from usage.reports.rows.filters import ANY as ANY
from usage.reports.rows.filters import NONE


def rows_url(
    period: Period | Range | None = None,
    *,
    outcomes: Iterable[str] = (),
    known: str | tuple[str, ...] = (),
    **options: int | str | None,
) -> str:
    """Returns the URL of the request list, filtered by days or a range and the given options: team, owner, key, client,
    route, provider, model, session, code (of the gateway's sentence) and error (Claude's type).

    None or '' selects the rows without one. `known` names figures of which one is known, or `unpriced`. Without a
    period it is about the list's standard range.
    """
    pairs = _days_or_range(period)
    pairs += _options(options)
    pairs += [("outcome__exact", outcome) for outcome in outcomes]
    pairs += [("known", name) for name in ((known,) if isinstance(known, str) else known)]
    return f"{reverse('admin:usage_requestlog_changelist')}?{urlencode(pairs)}"


def attempts_url(period: Period | Range, **options: int | str | None) -> str:
    """Returns the URL of the list of attempts, filtered by a range or the days of UTC in a period, and the options."""
    pairs = (_days_of_utc(period) if isinstance(period, Period) else period).pairs()
    pairs += _options(options)
    return f"{reverse('admin:usage_attemptlog_changelist')}?{urlencode(pairs)}"


def _days_of_utc(period: Period) -> Range:
    midnight = time(tzinfo=UTC)
    first = datetime.combine(period.first, midnight)
    return Range(first, datetime.combine(period.last + timedelta(days=1), midnight))


def _options(options: Mapping[str, int | str | None]) -> list[tuple[str, str]]:
    return [(name, NONE if value in (None, "") else str(value)) for name, value in options.items()]


def _days_or_range(period: Period | Range | None) -> list[tuple[str, str]]:
    if isinstance(period, Period):
        return [("from", period.first.isoformat()), ("to", period.last.isoformat())]
    return [] if period is None else period.pairs()
