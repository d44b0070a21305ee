"""The pages that are measured. A new page is a line here: its title and its URL, which may name values of `_values`.
Those of lists of rows are in `addresses`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from django.test import Client

_REPORT: Final = "/admin/console/report/"
_EXPLORER: Final = "/admin/console/explorer/"
_YEAR: Final = "from={year_ago}&to={today}&bucket=month"
_PAGES: Final = (
    ("home", "/admin/"),
    ("report, 30 days", _REPORT),
    ("report, 12 months", _REPORT + "?from={year_ago}&to={today}"),
    ("a request", "/admin/usage/requestlog/{request}/change/"),
    ("sessions, 24 hours", "/admin/console/sessions/"),
    ("a session", "/admin/console/sessions/{session}/"),
    ("explorer: cost by model, 30 days", _EXPLORER + "?range=30d"),
    ("explorer: cost by team and model, 12 months", _EXPLORER + "?metric=cost&group=team&subgroup=model&" + _YEAR),
    (
        "explorer: requests by owner and route, 12 months",
        _EXPLORER + "?metric=requests&group=owner&subgroup=route&" + _YEAR,
    ),
    ("explorer: cost by key, 3 months", _EXPLORER + "?metric=cost&group=key&from={quarter_ago}&to={today}"),
    ("explorer: cost by tags and team, 30 days", _EXPLORER + "?range=30d&metric=cost&group=tags&subgroup=team"),
    ("explorer: first token by model, 30 days", _EXPLORER + "?range=30d&metric=first_token_p95&group=model"),
)


def pages(browser: Client) -> Iterator[tuple[str, str]]:
    """Yields the title and the URL of each page."""
    from benchmarks.pages import addresses

    known = _values()
    for title, url in _PAGES:
        yield title, url.format(**known)
    yield from addresses.lists(browser)


def _values() -> dict[str, str]:
    """Returns what URLs name: a recent request that has an owner and a session, and days."""
    from datetime import timedelta

    from django.utils import timezone

    from usage.models import RequestLog
    from usage.rollups.models import SessionSummary

    rows = RequestLog.objects.exclude(session_id="").filter(outcome="completed", owner_id__isnull=False)
    row, today = rows.latest("id"), timezone.localdate()
    session = SessionSummary.objects.get(session_id=row.session_id, key_id=row.key_id)
    return {
        "request": str(row.pk),
        "session": str(session.pk),
        "today": str(today),
        "quarter_ago": str(today - timedelta(days=90)),
        "year_ago": str(today - timedelta(days=365)),
    }
