"""Every question that dashboards and reports ask of the usage rows. Nothing else sums them up, so that partitions and
rollups can step in behind these functions. A sum over rows of which none knows a figure is None, never 0."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import msgspec
from django.db import connections
from django.db.models import Aggregate, Count, IntegerField, Max, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from access.models import Team
from usage.models import Outcome, RequestLog
from usage.sums import Line, Totals

ERRORS = (Outcome.FAILED, Outcome.REFUSED, Outcome.INTERRUPTED)
"""The outcomes that a caller saw as an error."""

Groups = QuerySet[RequestLog, dict[str, Any]]


class Period(msgspec.Struct, frozen=True):
    """Whole days from `first` to `last`, both included, as the clock of TIME_ZONE has them."""

    first: date
    last: date

    @property
    def start(self) -> datetime:
        """The first moment."""
        return _midnight(self.first)

    @property
    def end(self) -> datetime:
        """The moment after the last one."""
        return _midnight(self.last + timedelta(days=1))

    def days(self) -> list[date]:
        """Each day, in order."""
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]


class Selection(msgspec.Struct, frozen=True):
    """Which rows count: a period and, where given, one team and one provider's model."""

    period: Period
    team_id: int | None = None
    provider_name: str | None = None
    model_name: str | None = None


class _PercentileDisc(Aggregate):
    """PostgreSQL's nearest-rank percentile."""

    function = "PERCENTILE_DISC"
    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = IntegerField()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())


def last_days(number: int) -> Period:
    """The last `number` days, today included."""
    today = timezone.localdate(timezone=timezone.get_default_timezone())
    return Period(today - timedelta(days=number - 1), today)


def any_usage() -> bool:
    """Whether there is a single row."""
    return RequestLog.objects.exists()


def totals(selection: Selection) -> Totals:
    """Everything summed up."""
    return _totals(_rows(selection).aggregate(**_measures()))


def first_token_percentiles(period: Period, fractions: tuple[float, ...] = (0.5, 0.95)) -> tuple[int | None, ...]:
    """Milliseconds to the first token at each fraction, by nearest rank: the smallest value that at least that share
    of the known values does not exceed. None where no row of the period knows it."""
    rows = _rows(Selection(period)).filter(time_to_first_token_ms__isnull=False)
    if connections[rows.db].vendor == "postgresql":
        found = rows.aggregate(
            **{f"p{n}": _PercentileDisc("time_to_first_token_ms", fraction=f) for n, f in enumerate(fractions)}
        )
        return tuple(found.values())
    # One pass: how often each value is there, in order. Milliseconds repeat, so this is far shorter than the rows.
    counts = list(
        rows.values_list("time_to_first_token_ms").annotate(times=Count("id")).order_by("time_to_first_token_ms")
    )
    return tuple(_nearest_rank(counts, fraction) for fraction in fractions)


def daily(period: Period) -> list[Line]:
    """Per day, team and model, newest day first: one question for everything that usage.sums adds up from it."""
    return list(lines(breakdown(Selection(period))))


def breakdown(selection: Selection) -> Groups:
    """Per day, team and model, newest day first; `lines` reads it."""
    rows: QuerySet[Any] = _rows(selection)
    rows = rows.annotate(day=TruncDate("started_at", tzinfo=timezone.get_default_timezone()))
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
    rows = list(_rows(Selection(period)).values_list(*columns).annotate(label=Max("team_name")))
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
    rows = RequestLog.objects.order_by().filter(started_at__gte=period.start, started_at__lt=period.end)
    narrowed = {
        "team_id": selection.team_id,
        "provider_name": selection.provider_name,
        "model_name": selection.model_name,
    }
    return rows.filter(**{column: value for column, value in narrowed.items() if value is not None})


def _measures() -> dict[str, Aggregate]:
    # Not the columns' own names: Django takes no annotation that is called like a field.
    return {
        "m_requests": Count("id"),
        "m_errors": Count("id", filter=Q(outcome__in=ERRORS)),
        "m_input": Sum("input_tokens"),
        "m_cache_read": Sum("cache_read_tokens"),
        "m_cache_write": Sum("cache_write_tokens"),
        "m_output": Sum("output_tokens"),
        "m_cost": Sum("cost"),
        "m_unpriced": Count("id", filter=Q(cost__isnull=True, outcome=Outcome.COMPLETED)),
    }


def _totals(row: dict[str, Any]) -> Totals:
    # SUM over bigint is numeric on PostgreSQL.
    found = {name[2:]: value for name, value in row.items() if name.startswith("m_")}
    for kind in ("input", "cache_read", "cache_write", "output"):
        if found[kind] is not None:
            found[kind] = int(found[kind])
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
