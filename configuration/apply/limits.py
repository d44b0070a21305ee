"""Writes the rate limits of a person, a team, the members of a team, or a client key. Those in the file are all that it
has from then on. Raises ConfigurationError."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Model as Row
from msgspec import UNSET

from access.models import RateLimit
from configuration.apply.context import ImportContext
from configuration.file.schema import Given, LimitEntry


def write_limits(
    context: ImportContext, place: str, whom: str, bound: Row, entries: Given[Sequence[LimitEntry]]
) -> None:
    """Writes the limits that bind `bound`, which is the value of the field `whom`. A file that leaves them out removes
    them where it is complete, and says nothing about them otherwise."""
    if entries is UNSET:
        if not context.complete:
            return
        entries = []
    rows = RateLimit.objects.filter(**{whom: bound}).select_related("key", "user", "team", "members_of")
    existing = {(row.measure, row.per): row for row in rows}
    seen: set[Any] = set()
    for number, entry in enumerate(entries):
        where = f"{place}[{number}]"
        per = entry.per if entry.per is not UNSET else _period(entry.measure)
        context.refuse_duplicate(where, seen, (entry.measure, per))
        row = existing.pop((entry.measure, per), None) or RateLimit(**{whom: bound})
        context.save(where, row, f"{entry.measure} per {per}, {row.bound}", entry, per=per)
    for gone in existing.values():
        context.report.remove(gone, str(gone))


def _period(measure: str) -> str:
    return RateLimit.Per.ONCE if measure == RateLimit.Measure.STREAMS else RateLimit.Per.MINUTE
