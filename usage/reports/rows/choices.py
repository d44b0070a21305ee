"""The values that a filter of a list offers: all that a range has, from the rollups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth.models import User
from django.db.models import Max
from django.utils import timezone

from access.models import ClientKey, Team
from usage.reports import daily, spans
from usage.reports.rows.filters import ATTEMPTS, NONE, Filter, Kind

MOST: Final = 300
"""Choices that are shown at a time; a search finds the others."""
DAYS_OF_KEYS: Final = 93
_BY_DAYS_ALONE: Final = ("key_id", "owner_id")
_TODAY: Final[dict[str, Any]] = {
    "team_id": lambda ids: Team.objects.filter(pk__in=ids).values_list("pk", "name"),
    "key_id": lambda ids: ClientKey.objects.filter(pk__in=ids).values_list("pk", "name"),
    "owner_id": lambda ids: User.objects.filter(pk__in=ids).values_list("pk", "username"),
}
"""What has that id is called so today."""

Choice = tuple[str, str]
"""A value in a URL, and its label."""


def choices(
    kind: Kind, of: Filter, span: tuple[datetime, datetime], search: str = "", more: Sequence[Choice] = ()
) -> tuple[list[Choice], bool]:
    """Returns the values that a range has, those without one first, and whether there are more than MOST.

    `search` is a part of the label; `more` are fixed values that only the caller knows.
    """
    found = [*of.fixed, *more] or _seen(kind, of, *covered(of, *span))
    wanted = search.casefold()
    matching = [choice for choice in found if wanted in choice[1].casefold()]
    return matching[:MOST], len(matching) > MOST


def labels_of(of: Filter, values: Sequence[str], rows: Sequence[Any] = ()) -> dict[str, str]:
    """Returns what each value is called today; for what is gone its name in `rows`, or else the value itself."""
    if not of.is_id:
        fixed = dict(of.fixed)
        return {value: fixed.get(value, value) for value in values}
    ids = {value: int(value) for value in values if value != NONE}
    known: dict[int, str] = {getattr(row, of.column): getattr(row, of.label) for row in rows}
    if of.column in _TODAY:
        known |= dict(_TODAY[of.column](ids.values()))
    return {value: (known.get(ids[value]) if value in ids else "") or value for value in values}


def covered(of: Filter, since: datetime, until: datetime) -> tuple[datetime, datetime]:
    """Returns the part of a range whose values a filter offers: of keys and their owners, whose rollups are the most,
    the last DAYS_OF_KEYS."""
    if of.column not in _BY_DAYS_ALONE:
        return since, until
    return max(since, min(until, timezone.now()) - timedelta(days=DAYS_OF_KEYS)), until


def _seen(kind: Kind, of: Filter, since: datetime, until: datetime) -> list[Choice]:
    columns = (of.column, of.label) if of.label else (of.column,)
    rows: Iterable[tuple[Any, ...]]
    if kind is ATTEMPTS or of.column == "client_name":
        days = daily.rollups(daily.ATTEMPTS if kind is ATTEMPTS else daily.CLIENTS, since, until)
        rows = days.values_list(*columns).annotate(last=Max("starts_at"))
    else:
        found = spans.rows(since, until, columns).groups(*columns, last=Max("starts_at"))
        rows = (tuple(row.values()) for row in found)
    seen = {row[0]: row[-2] for row in sorted(rows, key=lambda row: row[-1])}
    if of.is_id:
        seen |= dict(_TODAY[of.column]([value for value in seen if value is not None]))
    named = [(NONE if value in (None, "") else str(value), label or NONE) for value, label in seen.items()]
    return sorted(named, key=lambda choice: (choice[0] != NONE, choice[1].casefold()))
