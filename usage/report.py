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
    order = ["-day", "team_label", "team_id", "provider_name", "model_name"]
    return _grouped(selection, ["day", "team_id", "provider_name", "model_name"]).order_by(*order)


def lines(rows: Groups) -> Iterator[Line]:
    """The lines of a `breakdown`, read from the database as they are asked for."""
    names = _team_names()
    return (_line(row, names) for row in rows.iterator(chunk_size=1000))


def models_seen(period: Period) -> list[tuple[str, str]]:
    """(provider, model) names in the period, sorted."""
    names = _rows(Selection(period)).order_by("provider_name", "model_name")
    return list(names.values_list("provider_name", "model_name").distinct())


def teams_seen(period: Period) -> list[tuple[int, str]]:
    """(id, name) of the teams in the period, sorted by name."""
    lines = _lines(Selection(period), ["team_id"], [])
    return sorted(((x.team_id, x.team_name) for x in lines if x.team_id is not None), key=lambda pair: pair[1].lower())


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


def _grouped(selection: Selection, columns: list[str]) -> Groups:
    rows: QuerySet[Any] = _rows(selection)
    if "day" in columns:
        rows = rows.annotate(day=TruncDate("started_at", tzinfo=timezone.get_default_timezone()))
    label = {"team_label": Max("team_name")} if "team_id" in columns else {}
    groups: Groups = rows.values(*columns).annotate(**label, **_measures())
    return groups


def _lines(selection: Selection, columns: list[str], order: list[str]) -> list[Line]:
    names = _team_names()
    return [_line(row, names) for row in _grouped(selection, columns).order_by(*order)]


def _line(row: dict[str, Any], names: dict[int, str]) -> Line:
    team = row.get("team_id")
    return Line(
        totals=_totals(row),
        day=row.get("day"),
        team_id=team,
        team_name=names.get(team, row.get("team_label") or "") if team is not None else "",
        provider_name=row.get("provider_name"),
        model_name=row.get("model_name"),
    )


def _team_names() -> dict[int, str]:
    # A team that was renamed is one line under its name of today; one that was deleted keeps its last name.
    return dict(Team.objects.values_list("id", "name"))
