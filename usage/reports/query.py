"""Every question that dashboards and reports ask about usage, answered from the rollups. Nothing else sums usage up.

A sum over requests of which none knows a figure is None, never 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.db.models import Aggregate, Count, Max, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from access.models import Team
from usage.models import Outcome, RequestLog
from usage.reports.totals import Line, Totals
from usage.rollups import histogram
from usage.rollups.accumulate import ERRORS as ERRORS
from usage.rollups.accumulate import midnight
from usage.rollups.models import DailyRollup, RollupZone, UsageRollup

EXACT_UP_TO = 10_000
"""Of so many values a percentile is exact; of more it comes from histograms, within histogram.ERROR_PERCENT."""

Groups = QuerySet[Any, dict[str, Any]]


class Period(msgspec.Struct, frozen=True):
    """Whole days from `first` to `last`, both included, as the clock of TIME_ZONE has them."""

    first: date
    last: date

    @property
    def start(self) -> datetime:
        """The first moment."""
        return midnight(self.first)

    @property
    def end(self) -> datetime:
        """The moment after the last one."""
        return midnight(self.last + timedelta(days=1))

    def days(self) -> list[date]:
        """Each day, in order."""
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]


class Selection(msgspec.Struct, frozen=True):
    """Which rows count: a period and, where given, one team, one client key and one provider's model."""

    period: Period
    team_id: int | None = None
    provider_name: str | None = None
    model_name: str | None = None
    key_id: int | None = None


def last_days(number: int) -> Period:
    """The last `number` days, today included."""
    today = timezone.localdate(timezone=timezone.get_default_timezone())
    return Period(today - timedelta(days=number - 1), today)


def this_month() -> Period:
    """From the first of this month until today."""
    today = last_days(1).last
    return Period(today.replace(day=1), today)


def any_usage() -> bool:
    """Whether there was a single request."""
    return UsageRollup.objects.exists()


def totals(selection: Selection) -> Totals:
    """Everything summed up."""
    return _totals(_rollups(selection).aggregate(**_measures()))


def last_errors(key_id: int, days: int, most: int) -> list[RequestLog]:
    """What a client key's caller saw as an error within the last `days`, newest first."""
    rows = _rows(Selection(last_days(days), key_id=key_id)).filter(outcome__in=ERRORS)
    # Not by id alone: this is the order of the index on a key's rows.
    return list(rows.order_by("-started_at", "-id")[:most])


def first_token_percentiles(period: Period, fractions: tuple[float, ...] = (0.5, 0.95)) -> tuple[int | None, ...]:
    """Milliseconds to the first token at each fraction, by nearest rank: the smallest value that at least that share
    of the known values does not exceed. None where no request of the period knows it. Exact up to EXACT_UP_TO values
    as long as their rows are kept."""
    bins: histogram.Bins = {}
    for stored in _spans(period, overall=True).values_list("first_token_bins", flat=True):
        histogram.add(bins, {int(number): count for number, count in stored.items()})
    known = histogram.total(bins)
    if known <= EXACT_UP_TO:
        rows = _rows(Selection(period)).filter(time_to_first_token_ms__isnull=False)
        values = rows.values_list("time_to_first_token_ms").annotate(times=Count("id"))
        counts = list(values.order_by("time_to_first_token_ms"))
        if sum(times for _, times in counts) == known:
            return tuple(_nearest_rank(counts, fraction) for fraction in fractions)
    return tuple(histogram.percentile(bins, fraction) for fraction in fractions)


def daily(period: Period) -> list[Line]:
    """Per day, team and model, newest day first: one query for everything that is added up from it."""
    return list(lines(breakdown(Selection(period))))


def breakdown(selection: Selection) -> Groups:
    """Per day, team and model, newest day first; `lines` reads it."""
    rows = _rollups(selection).annotate(day=TruncDate("starts_at", tzinfo=timezone.get_default_timezone()))
    groups: Groups = rows.values("day", "team_id", "provider_name", "model_name")
    groups = groups.annotate(team_label=Max("team_name"), **_measures())
    order = ["-day", "team_label", "team_id", "provider_name", "model_name"]
    return groups.order_by(*order)


def lines(rows: Groups) -> Iterator[Line]:
    """The lines of a `breakdown`, read from the database as they are asked for."""
    names = _team_names()
    return (_line(row, names) for row in rows.iterator(chunk_size=1000))


def seen(period: Period) -> tuple[list[tuple[int, str]], list[tuple[str, str]]]:
    """The teams of the period as (id, name), and its models as (provider, model), each in order."""
    columns = ("team_id", "provider_name", "model_name")
    rows = list(_rollups(Selection(period)).values_list(*columns).annotate(label=Max("team_name")))
    teams = {team: label for team, _, _, label in rows if team is not None} | _team_names()
    here = {team for team, *_ in rows if team is not None}
    models = {(provider, model) for _, provider, model, _ in rows}
    return sorted(((team, teams[team]) for team in here), key=lambda pair: pair[1].lower()), sorted(models)


def _nearest_rank(counts: list[tuple[int, int]], fraction: float) -> int | None:
    rank = math.ceil(fraction * sum(times for _, times in counts))
    for value, times in counts:
        rank -= times
        if rank <= 0:
            return value
    return None


def _rows(selection: Selection) -> QuerySet[RequestLog]:
    period = selection.period
    return _narrowed(RequestLog.objects.filter(started_at__gte=period.start, started_at__lt=period.end), selection)


def _rollups(selection: Selection) -> QuerySet[Any]:
    return _narrowed(_spans(selection.period, overall=False), selection)


def _spans(period: Period, *, overall: bool) -> QuerySet[Any]:
    """The days of a period; its quarter hours while the days of TIME_ZONE are not made."""
    whole = RollupZone.objects.filter(name=settings.TIME_ZONE).exists()
    model: Any = DailyRollup if whole else UsageRollup
    spans: QuerySet[Any] = model.objects.filter(overall=overall, starts_at__gte=period.start, starts_at__lt=period.end)
    return spans


def _narrowed(rows: QuerySet[Any], selection: Selection) -> QuerySet[Any]:
    narrowed = {
        "team_id": selection.team_id,
        "provider_name": selection.provider_name,
        "model_name": selection.model_name,
        "key_id": selection.key_id,
    }
    return rows.order_by().filter(**{column: value for column, value in narrowed.items() if value is not None})


def _measures() -> dict[str, Aggregate]:
    # Not the columns' own names: Django takes no annotation that is called like a field.
    return {
        "m_requests": Sum("requests", default=0),
        "m_errors": Sum("requests", filter=Q(outcome__in=ERRORS), default=0),
        "m_input": Sum("input_tokens"),
        "m_cache_read": Sum("cache_read_tokens"),
        "m_cache_write": Sum("cache_write_tokens"),
        "m_output": Sum("output_tokens"),
        "m_cost": Sum("cost"),
        "m_unpriced": Sum("unknown_cost", filter=Q(outcome=Outcome.COMPLETED), default=0),
    }


def _totals(row: dict[str, Any]) -> Totals:
    # SUM over bigint is numeric on PostgreSQL.
    found = {name[2:]: value for name, value in row.items() if name.startswith("m_")}
    for name, value in found.items():
        if name != "cost" and value is not None:
            found[name] = int(value)
    return Totals(**found)


def _line(row: dict[str, Any], names: dict[int, str]) -> Line:
    return Line(
        totals=_totals(row),
        day=row["day"],
        team_id=row["team_id"],
        team_name="" if row["team_id"] is None else names.get(row["team_id"], row["team_label"]),
        provider_name=row["provider_name"],
        model_name=row["model_name"],
    )


def _team_names() -> dict[int, str]:
    # A team that was renamed is one line under its name of today; one that was deleted keeps its last name.
    return dict(Team.objects.values_list("id", "name"))
