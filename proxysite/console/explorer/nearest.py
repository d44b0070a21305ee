"""What is asked instead of a question that is not answered: the nearest one that is."""

from __future__ import annotations

from typing import Final

from django.http import QueryDict

from proxysite.console import ranges
from proxysite.console.explorer import state
from usage.reports.explore.question import GROUPS

_DAYS: Final = {"from": "", "to": "", "started_at_from": "", "started_at_to": ""}
_CHANGES: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("Show it without the sums so far", {"cumulative": ""}),
    ("Show it by day", {"bucket": "day"}),
    ("Show it by month", {"bucket": "month"}),
    ("Show it without the subgroup", {"subgroup": ""}),
    ("Show it over 30 days", {**_DAYS, "range": "30d"}),
    ("Show it over 30 days by day", {**_DAYS, "range": "30d", "bucket": "day"}),
    ("Show its cost", {**_DAYS, "range": "30d", "metric": "cost", "rank": "", "bucket": ""}),
    ("Show it without filters", dict.fromkeys(GROUPS, "")),
)
"""From the smallest change to the greatest: a title, and the parameters that change; "" removes one."""


def nearest(parameters: QueryDict) -> tuple[str, str] | None:
    """Returns the title and the URL of the first question that is answered; None where no change helps."""
    for title, changes in _CHANGES:
        query = parameters.copy()
        for name, value in changes.items():
            query.pop(name, None)
            if value:
                query[name] = value
        try:
            return title, state.read(query).url()
        except (state.WrongQuestion, ranges.WrongRange):
            continue
    return None
