"""Writes the budgets of a person, a team, the members of a team, or a client key. Those in the file are all that it has
from then on. Raises ConfigurationError."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from django.db.models import Model as Row
from msgspec import UNSET

from access.models import Budget
from configuration.apply.context import ImportContext
from configuration.file.fields import listed
from configuration.file.schema import BudgetEntry, Given

_Kind = tuple[str, int, tuple[str, ...]]
"""What of a budget stays as it is: its period, the first day of its weeks, and its models."""


def write_budgets(
    context: ImportContext, place: str, whom: str, bound: Row, entries: Given[Sequence[BudgetEntry]]
) -> None:
    """Writes the budgets of `bound`, which is the value of the field `whom`. A file that leaves them out removes them
    where it is complete, and says nothing about them otherwise.

    A budget keeps what it has spent where its period, its week and its models are the same.
    """
    if entries is UNSET:
        if not context.complete:
            return
        entries = []
    existing: dict[_Kind, list[Budget]] = defaultdict(list)
    related = ("key__team", "user", "team", "members_of")
    for row in Budget.objects.filter(**{whom: bound}).select_related(*related).order_by("id"):
        existing[_kind_of(row)].append(row)
    for number, entry in enumerate(entries):
        where = f"{place}[{number}]"
        same = existing[_kind(entry)]
        alike = [one for one in same if one.hard is (entry.hard is not False)] or same
        row = alike[0] if alike else Budget(**{whom: bound})
        if alike:
            same.remove(row)
        context.save(where, row, f"{row.bound}, {_period(entry)}", entry)
    for rows in existing.values():
        for gone in rows:
            context.report.remove(gone, str(gone))


def _period(entry: BudgetEntry) -> str:
    return Budget.Period.MONTH.value if entry.period is UNSET else entry.period


def _kind(entry: BudgetEntry) -> _Kind:
    models = () if entry.model_names is UNSET else tuple(entry.model_names)
    return _period(entry), 0 if entry.week_starts is UNSET else entry.week_starts, models


def _kind_of(row: Budget) -> _Kind:
    return row.period, row.week_starts, tuple(listed("model_names", row.model_names))
