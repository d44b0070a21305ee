"""The pages that are measured. A new page is a line here: its title and its URL, which may name values of `_values`.
Those of lists of rows are in `addresses`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from django.test import Client

_EXPLORER: Final = "/admin/console/explorer/"
_YEAR: Final = "from={year_ago}&to={today}&bucket=month"
_MONTH: Final = "range=30d"
_OF_PROVIDER: Final = "/admin/providers/model/?provider__id__exact={provider}"
_PAGES: Final = (
    ("home", "/admin/"),
    ("home, 30 days", "/admin/?range=30d"),
    ("a request", "/admin/usage/requestlog/{request}/change/"),
    ("sessions, 24 hours", "/admin/console/sessions/"),
    ("a session", "/admin/console/sessions/{session}/"),
    ("a provider", "/admin/providers/provider/{provider}/change/"),
    ("models of a provider", _OF_PROVIDER),
    ("explorer: cost by model, 30 days", _EXPLORER + "?range=30d"),
    ("explorer: cost by key, 3 months", _EXPLORER + "?metric=cost&group=key&from={quarter_ago}&to={today}"),
    ("explorer: cost by tags and team, 30 days", _EXPLORER + "?metric=cost&group=tags&subgroup=team&" + _MONTH),
    (
        "explorer: cost by tags and team, 3 months",
        _EXPLORER + "?metric=cost&group=tags&subgroup=team&from={quarter_ago}&to={today}",
    ),
)
_GROUPS: Final = ("team", "owner", "route", "model", "provider", "outcome")
"""Any two of them are told apart over twelve months."""


def _views() -> Iterator[tuple[str, list[str]]]:
    """Yields the explorer's other views: each pair of groups over a year, and percentiles by each group."""
    pairs = [f"?metric=cost&group={one}&subgroup={other}&limit=50&{_YEAR}" for one, other in permutations(_GROUPS, 2)]
    yield "explorer: cost by any two groups, 12 months", pairs
    times = ("first_token_p95", "duration_p95")
    yield (
        "explorer: p95 by any group, 30 days",
        [f"?metric={metric}&group={group}&{_MONTH}" for metric in times for group in (*_GROUPS, "key")],
    )
    yield (
        "explorer: p95 by any group, 12 months",
        [f"?metric={metric}&group={group}&{_YEAR}" for metric in times for group in _GROUPS],
    )


def pages(browser: Client) -> Iterator[tuple[str, list[str]]]:
    """Yields what is measured: a title with its URL, or with those of several pages, of which the slowest counts."""
    from benchmarks.pages import addresses

    known = _values()
    for title, url in _PAGES:
        yield title, [url.format(**known)]
    for title, queries in _views():
        yield title, [_EXPLORER + query.format(**known) for query in queries]
    for title, url in addresses.lists(browser):
        yield title, [url]


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
        "provider": str(_provider()),
        "today": str(today),
        "quarter_ago": str(today - timedelta(days=90)),
        "year_ago": str(today - timedelta(days=365)),
    }


def _provider() -> int:
    """Returns the id of a provider with a thousand models that have prices; makes it the first time."""
    from providers.models import Model, Provider
    from providers.pricing.prices import Price

    provider, is_new = Provider.objects.get_or_create(
        name="thousand-models", defaults={"dialect": "openai_chat", "base_url": "https://example.com/v1"}
    )
    if is_new:
        models = Model.objects.bulk_create(Model(provider=provider, name=f"model-{n:04}") for n in range(1000))
        Price.objects.bulk_create(Price(model=model, input=1, output=2) for model in models)
    return provider.pk
