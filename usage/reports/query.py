"""Every query of dashboards and reports about usage, answered from the rollups. Nothing else adds usage up.

The sum of a figure that no request knows is None, never 0.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from django.contrib.auth.models import User
from django.db.models import Aggregate, Max, Model, Q, QuerySet, Sum
from django.utils import timezone

from access.models import ClientKey
from usage.dollars_sum import DollarsSum
from usage.models import RequestLog
from usage.reports import spans
from usage.reports.totals import Totals
from usage.rollups.accumulate import midnight
from usage.rollups.measures import DIMENSIONS, OF_KEY, REPORTED
from usage.rollups.measures import ERRORS as ERRORS
from usage.rollups.models import UsageRollup

_WITHOUT_KEY = tuple(name for name in DIMENSIONS if name not in OF_KEY)
Groups = QuerySet[Any, dict[str, Any]]
_NAMED: dict[str, tuple[type[Model], str]] = {"key_id": (ClientKey, "name"), "owner_id": (User, "username")}


class Period(msgspec.Struct, frozen=True):
    """Days of TIME_ZONE from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def start(self) -> datetime:
        """The first moment of the first day."""
        return midnight(self.first)

    @property
    def end(self) -> datetime:
        """The first moment after the last day."""
        return midnight(self.last + timedelta(days=1))

    def days(self) -> list[date]:
        """Returns each day, in order."""
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]


class Selection(msgspec.Struct, frozen=True):
    """Which rows count: those of a period and, where given, of one client key."""

    period: Period
    key_id: int | None = None


def last_days(number: int) -> Period:
    """Returns the last `number` days, today included."""
    today = timezone.localdate(timezone=timezone.get_default_timezone())
    return Period(today - timedelta(days=number - 1), today)


def this_month() -> Period:
    """Returns the days from the first of this month until today."""
    today = last_days(1).last
    return Period(today.replace(day=1), today)


def any_usage() -> bool:
    """Returns whether there was any request."""
    return UsageRollup.objects.exists()


def totals(selection: Selection) -> Totals:
    """Returns the totals of a selection."""
    return totals_of(_rollups(selection, "month").total(**sums()))


def last_errors(key_id: int, days: int, most: int) -> list[RequestLog]:
    """Returns the requests of a client key that its caller saw fail within the last `days`, newest first."""
    rows = _rows(Selection(last_days(days), key_id=key_id)).filter(outcome__in=ERRORS)
    # Not by id alone: this is the order of the index on a key's rows.
    return list(rows.order_by("-started_at", "-id")[:most])


def keyed(period: Period) -> QuerySet[Any]:
    """Returns the rollups of a period that tell keys and owners apart, for what somebody may see of them."""
    return spans.rows(period.start, period.end, DIMENSIONS, bucket="day").one()


def keyless(period: Period) -> QuerySet[Any]:
    """Returns the rollups of a period that tell teams apart and neither keys nor owners, where there are days: a few
    rows a day for each team."""
    return spans.rows(period.start, period.end, _WITHOUT_KEY, bucket="day").one()


def summed(rows: QuerySet[Any]) -> Totals:
    """Returns the totals of `keyed` rollups."""
    return totals_of(rows.order_by().aggregate(**sums()))


def grouped(rows: QuerySet[Any], column: str, label: str) -> list[tuple[Any, str, Totals]]:
    """Returns the totals of `keyed` rollups by a column, each with its name, the dearest first."""
    groups = rows.order_by().values(column).annotate(**sums())
    labels = _names(rows, column, label) if label != column else {}
    found = [(row[column], labels.get(row[column], row[column]), totals_of(row)) for row in groups]
    return sorted(found, key=lambda group: (-(group[2].cost or 0), -group[2].requests, group[1]))


def _names(rows: QuerySet[Any], column: str, label: str) -> dict[Any, str]:
    """Returns the names of keys or owners by id: that of today, or the last one of those that are deleted."""
    labels = rows.order_by().values(column, label).annotate(last=Max("starts_at")).order_by("last", label)
    names = {row[column]: row[label] for row in labels}
    model, field = _NAMED[column]
    return names | dict(model._default_manager.filter(pk__in=names).values_list("pk", field))


def _rows(selection: Selection) -> QuerySet[RequestLog]:
    period = selection.period
    rows = RequestLog.objects.filter(started_at__gte=period.start, started_at__lt=period.end)
    return rows.order_by().filter(**_narrowed(selection))


def _rollups(selection: Selection, bucket: spans.Bucket) -> spans.Rows:
    by = _WITHOUT_KEY if selection.key_id is None else DIMENSIONS
    rows = spans.rows(selection.period.start, selection.period.end, by, bucket=bucket)
    return rows.filter(**_narrowed(selection))


def _narrowed(selection: Selection) -> dict[str, Any]:
    return {} if selection.key_id is None else {"key_id": selection.key_id}


def sums() -> dict[str, Aggregate]:
    """Returns what adds rollups up, for `totals_of`."""
    return {
        # Not the columns' own names: Django takes no annotation that is called like a field.
        f"total_{measure.total}": (DollarsSum if measure.unit == "money" else Sum)(
            measure.source or measure.name,
            filter=Q(outcome__in=measure.outcomes) if measure.outcomes else None,
            default=None if measure.kind == "sum" else 0,
        )
        for measure in REPORTED
    }


def totals_of(row: dict[str, Any]) -> Totals:
    """Returns the totals in a row of `sums`."""
    found: dict[str, Any] = {}
    for measure in REPORTED:
        value = row[f"total_{measure.total}"]
        # SUM over bigint is numeric on PostgreSQL.
        found[measure.total] = value if value is None or measure.unit == "money" else int(value)
    return Totals(**found)
