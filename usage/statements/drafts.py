"""What the next statement of a team would say, added up from rollups.

What an earlier month holds now beyond what was billed for it becomes lines of the next statement: so all statements of
a team together are always the plain sum over its rows at the time of the last one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec
from django.db.models import Min, Sum

from access.allowances.time_zones import zone_of
from access.models import Team
from usage.budgets.periods import MONTH, bounds
from usage.reports import spans
from usage.rollups.accumulate import month_after
from usage.statements.models import Statement, StatementLine

SUMS: Final = (
    "requests", "unknown_cost", "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "cost",
)  # fmt: skip
"""The figures of a line."""
BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)

Figures = dict[str, Any]
"""SUMS -> value: integers, None where unknown, and Decimal dollars for the cost."""
ByModel = dict[tuple[str, str], Figures]
"""(provider, model) -> its figures."""


class Span(msgspec.Struct, frozen=True):
    """A team's month: requests that began from `starts_at` to before `ends_at`."""

    month: date
    zone: str
    starts_at: datetime
    ends_at: datetime


class Draft(msgspec.Struct, frozen=True):
    """A statement that is not closed. `after` is the number of the team's last statement, None for its first one."""

    team_id: int
    team_name: str
    cost_centre: str
    span: Span
    after: int | None
    lines: list[StatementLine]


def last_statement(team_id: int) -> Statement | None:
    """Returns the statement of a team's last closed month."""
    return Statement.objects.filter(team_id=team_id).order_by("-month").first()


def span_of(team: Team | None, month: date, last: Statement | None) -> Span:
    """Returns a team's month, as the window of its monthly budget has it; right after its last statement it begins
    where that ended, also where the team's time zone has changed since."""
    name = team.time_zone if team is not None else last.zone if last is not None else ""
    zone = zone_of(name)
    noon = datetime(month.year, month.month, 15, tzinfo=UTC).timestamp()
    start, end = (datetime.fromtimestamp(moment, UTC) for moment in bounds(MONTH, zone.key, 0, noon))
    if last is not None and month_after(last.month) == month:
        start = last.ends_at
    return Span(month, zone.key, start, end)


def next_span(team_id: int) -> Span | None:
    """Returns the month that is closed next: the one after the last statement, else that of the first usage; None for
    a team without any."""
    team, last = Team.objects.filter(pk=team_id).first(), last_statement(team_id)
    if last is not None:
        return span_of(team, month_after(last.month), last)
    found = _first_usage(team_id)
    if found is None:
        return None
    span = span_of(
        team, found.astimezone(zone_of(team.time_zone if team is not None else "")).date().replace(day=1), None
    )
    # Rollups of a month say only in which month of TIME_ZONE the first request was.
    return span if by_model(team_id, span.starts_at, span.ends_at) else span_of(team, month_after(span.month), None)


def draft(team_id: int, span: Span) -> Draft:
    """Returns the next statement of a team, from one state of the database: call it in a snapshot."""
    team, last = Team.objects.filter(pk=team_id).first(), last_statement(team_id)
    usage = by_model(team_id, span.starts_at, span.ends_at)
    lines = [_line(StatementLine.Kind.USAGE, span.month, names, usage[names]) for names in sorted(usage)]
    lines += _differences(team_id)
    for position, line in enumerate(lines, 1):
        line.position = position
    name = team.name if team is not None else last.team_name if last is not None else _name_of(team_id, span)
    centre = team.cost_centre if team is not None else last.cost_centre if last is not None else ""
    return Draft(team_id, name, centre, span, None if last is None else last.number, lines)


def by_model(team_id: int, since: datetime, until: datetime) -> ByModel:
    """Returns what a team used between two moments, by provider and model."""
    rows = spans.rows(since, until, ("team_id", "provider_name", "model_name")).filter(team_id=team_id)
    found = rows.groups("provider_name", "model_name", **_sums())
    return {(row["provider_name"], row["model_name"]): _figures(row) for row in found}


def _differences(team_id: int) -> Iterator[StatementLine]:
    """Yields what earlier months hold beyond what was billed for them."""
    billed: dict[date, ByModel] = {}
    lines = StatementLine.objects.filter(statement__team_id=team_id).order_by()
    for row in lines.values("month", "provider_name", "model_name").annotate(**_sums()):
        billed.setdefault(row["month"], {})[row["provider_name"], row["model_name"]] = _figures(dict(row))
    for month, since, until in _closed(team_id):
        now, before = by_model(team_id, since, until), billed.get(month, {})
        for names in sorted(now.keys() | before.keys()):
            more = _minus(now.get(names, {}), before.get(names, {}))
            if any(more.values()):
                kind = StatementLine.Kind.LATE if more["requests"] > 0 else StatementLine.Kind.CORRECTION
                yield _line(kind, month, names, more)


def _closed(team_id: int) -> Iterator[tuple[date, datetime, datetime]]:
    """Yields the months that are closed, and as one all that is before them: usage of then may come late, too."""
    statements = Statement.objects.filter(team_id=team_id).order_by("month")
    for number, one in enumerate(statements.values_list("month", "starts_at", "ends_at")):
        if number == 0:
            yield (one[0] - timedelta(days=1)).replace(day=1), BEGINNING, one[1]
        yield one


def _first_usage(team_id: int) -> datetime | None:
    """Returns when the first rollup of a team begins."""
    rows = spans.rows(BEGINNING, datetime.now(UTC), ("team_id",)).filter(team_id=team_id)
    first: datetime | None = rows.total(first=Min("starts_at"))["first"]
    return first


def _name_of(team_id: int, span: Span) -> str:
    rows = spans.rows(span.starts_at, span.ends_at, ("team_id", "team_name")).filter(team_id=team_id)
    return max((row["team_name"] for row in rows.groups("team_name")), default="") or f"team {team_id}"


def _sums() -> dict[str, Any]:
    # An aggregate may not be called what a column is.
    return {f"sum_{name}": Sum(name) for name in SUMS}


def _figures(row: dict[str, Any]) -> Figures:
    return {name: row[f"sum_{name}"] for name in SUMS}


def _minus(now: Figures, before: Figures) -> Figures:
    found: Figures = {}
    for name in SUMS:
        one, other = now.get(name), before.get(name)
        found[name] = (one or 0) - (other or 0)
        if one is None and other is None and name not in ("requests", "unknown_cost"):
            found[name] = None
        elif name == "cost":
            found[name] = Decimal(found[name])
    return found


def _line(kind: str, month: date, names: tuple[str, str], figures: Figures) -> StatementLine:
    return StatementLine(kind=kind, month=month, provider_name=names[0], model_name=names[1], **figures)
